// Measures the page under a flood, in headless Chromium, with each renderer: time, long tasks, memory of the tab, and
// how soon Ctrl-C is felt. Not a test: it prints figures to compare.
//
//   node tests/browser/measure.mjs LINK [dom|webgl] [--bytes N] [--trials N]
//
// LINK is the address of a page with a login in its fragment, as `sshard demo` prints it; its shell must be a real one,
// with `head`, `tr`, `fold` and `yes`. A bridge built for release, or its own encryption is what is measured.

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Browser} Browser */

const [link, ...rest] = process.argv.slice(2);
/** @param {string} name @param {number} fallback */
const option = (name, fallback) => (rest.includes(name) ? Number(rest[rest.indexOf(name) + 1]) : fallback);
const bytes = option("--bytes", 200_000_000);
const trials = option("--trials", 30);
const renderers = ["dom", "webgl"].filter((name) => rest.includes(name));
if (link === undefined) {
  console.error("usage: node tests/browser/measure.mjs LINK [dom|webgl] [--bytes N] [--trials N]");
  process.exit(2);
}

/** @param {number[]} values @param {number} q */
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
/** @param {number} value */
const ms = (value) => `${Math.round(value)} ms`;
/** @param {number[]} values */
const tasks = (values) =>
  `${values.length}, max ${ms(Math.max(0, ...values))}, p99 ${ms(quantile(values, 0.99))}, total ${ms(values.reduce((a, b) => a + b, 0))}`;

/** Runs in the page before anything else. @param {string} renderer */
function observe(renderer) {
  localStorage.setItem("sshard.settings", JSON.stringify({ version: 1, settings: { renderer } }));
  const probe = { longTasks: /** @type {number[]} */ ([]), terminal: /** @type {any} */ (undefined), lastLines, after };
  Object.defineProperty(globalThis, "probe", { value: probe });
  new PerformanceObserver((list) => {
    probe.longTasks.push(...list.getEntries().map(({ duration }) => duration));
  }).observe({ type: "longtask", buffered: true });
  // The public Terminal of xterm.js sets this property in its constructor.
  Object.defineProperty(Object.prototype, "_core", {
    configurable: true,
    set(value) {
      Object.defineProperty(this, "_core", { value, writable: true, configurable: true, enumerable: true });
      if (typeof this.loadAddon === "function") {
        probe.terminal = this;
      }
    },
  });

  /** The last lines of the terminal, the newest first. @param {number} count */
  function lastLines(count) {
    const { active } = probe.terminal.buffer;
    const end = active.baseY + active.cursorY;
    return Array.from({ length: count }, (_, i) => active.getLine(end - i)?.translateToString(true) ?? "").join("\n");
  }

  /** Time at which the last lines have `pattern`. @param {string} pattern @param {number} lines @returns {Promise<number>} */
  function after(pattern, lines) {
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${pattern} in:\n${lastLines(lines)}`)), 600_000);
      const check = () => {
        if (new RegExp(pattern).test(lastLines(lines))) {
          listener.dispose();
          resolve(performance.now());
        }
      };
      const listener = probe.terminal.onWriteParsed(check);
      check();
    });
  }
}

/** @param {Page} page @param {string} pattern @param {number} lines */
function after(page, pattern, lines) {
  return page.evaluate(([text, count]) => /** @type {any} */ (globalThis).probe.after(text, count), [pattern, lines]);
}

/** @param {Page} page @returns {Promise<number[]>} */
async function takeLongTasks(page) {
  return page.evaluate(() => /** @type {any} */ (globalThis).probe.longTasks.splice(0));
}

/** Heap after a collection, and resident memory of the page's process. @param {Browser} browser @param {Page} page */
async function memory(browser, page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  const heap = metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? NaN;
  const browserSession = await browser.newBrowserCDPSession();
  const { processInfo } = await browserSession.send("SystemInfo.getProcessInfo");
  const resident = processInfo.filter(({ type }) => type === "renderer").map(({ id }) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024);
  return `heap ${(heap / 1e6).toFixed(1)} MB, process ${Math.round(Math.max(...resident))} MB`;
}

/** @param {Page} page */
async function controlC(page) {
  const waits = [];
  for (let trial = 0; trial < trials; trial += 1) {
    const word = `flood${trial}`;
    await page.keyboard.type(`yes ${word}\n`);
    await after(page, `\\n${word}\\n${word}\\n`, 4);
    await page.waitForTimeout(300 + (trial % 7) * 50);
    // The echo, or the prompt where the flood swallowed it; the newest line comes first.
    const felt = "\\^C|^[^\\n]*[$#%>] ?\\n";
    // The listener must be there before the key is, which takes another way into the page.
    await page.evaluate((pattern) => {
      const { probe } = /** @type {any} */ (globalThis);
      probe.felt = new Promise((resolve) => {
        addEventListener("keydown", function pressed(event) {
          if (event.key === "c" && event.ctrlKey) {
            removeEventListener("keydown", pressed, true);
            probe.after(pattern, 3).then((/** @type {number} */ seen) => resolve(seen - event.timeStamp));
          }
        }, true);
      });
    }, felt);
    await page.keyboard.press("Control+c");
    waits.push(Number(await page.evaluate(() => /** @type {any} */ (globalThis).probe.felt)));
    await after(page, "^[^\\n]*[$#%>] ?\\n", 2);
  }
  return waits;
}

/** @param {string} renderer */
async function measure(renderer) {
  const browser = await chromium.launch({
    executablePath: process.env["SSHARD_TEST_CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript(observe, renderer);
    const started = performance.now();
    await page.goto(String(link));
    await page.waitForSelector('[data-phase="live"]', { timeout: 30_000 });
    await after(page, "[$#%>] ?$", 1);
    console.log(`${renderer}: from link to prompt ${ms(performance.now() - started)}`);
    console.log(`  long tasks until then: ${tasks(await takeLongTasks(page))}`);
    const canvases = await page.locator(".xterm-screen > canvas:not(.xterm-link-layer)").count();
    if ((canvases > 0) !== (renderer === "webgl")) {
      throw new Error(`${renderer} was wanted, and is not what draws`);
    }
    await page.waitForTimeout(3000);
    console.log(`  idle, 3 s: long tasks ${tasks(await takeLongTasks(page))}; ${await memory(browser, page)}`);
    const begun = performance.now();
    await page.keyboard.type(`head -c ${bytes} /dev/zero | tr '\\0' x | fold -w 79; echo do''ne\n`);
    await after(page, "^done|\\ndone|xdone", 3);
    const took = (performance.now() - begun) / 1000;
    console.log(`  ${bytes / 1e6} MB: ${took.toFixed(1)} s, ${(bytes / 1e6 / took).toFixed(1)} MB/s; long tasks ${tasks(await takeLongTasks(page))}`);
    console.log(`  memory after: ${await memory(browser, page)}`);
    const waits = await controlC(page);
    console.log(`  Ctrl-C under yes, ${trials} times: p50 ${ms(quantile(waits, 0.5))}, p95 ${ms(quantile(waits, 0.95))}, max ${ms(Math.max(...waits))}`);
    console.log(`  long tasks meanwhile: ${tasks(await takeLongTasks(page))}`);
  } finally {
    await browser.close();
  }
}

for (const renderer of renderers.length > 0 ? renderers : ["dom", "webgl"]) {
  await measure(renderer);
}
