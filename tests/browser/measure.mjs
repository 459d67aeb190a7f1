// Measures the page under bulk output, in headless Chromium, with each renderer: time, long tasks, memory of the tab, and
// the time from Ctrl-C to the prompt. Not a test: it prints figures to compare.
//
//   node tests/browser/measure.mjs LINK [dom|webgl] [--bytes N] [--trials N]
//
// LINK is the address of a page with a login in its fragment, as `sshard demo` prints it; its shell must be a real one,
// with `head`, `tr`, `fold` and `yes`. A bridge built for release, or its own encryption is what is measured.

import { readFileSync } from "node:fs";
import { launchChromium, storePreferences } from "./support/chromium.mjs";
import { Driver } from "./support/driver.mjs";
import { describeTasks, interruptTimes, quantile } from "./support/figures.mjs";
import { PageMonitor } from "./support/monitor.mjs";

/** @typedef {import("playwright-core").Page} Page */

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

/** Waits until the last three lines of the terminal, the newest first, match; looks once a frame. @param {Page} page @param {RegExp} pattern */
async function waitForLines(page, pattern) {
  await page.waitForFunction((source) => {
    const active = probe.current()?.buffer.active;
    const end = active === undefined ? -1 : active.baseY + active.cursorY;
    return new RegExp(source).test([0, 1, 2].map((n) => active?.getLine(end - n)?.translateToString(true) ?? "").join("\n"));
  }, pattern.source, { timeout: 600_000 });
}

/** Summary of the long tasks since the last call. @param {Page} page */
async function longTasks(page) {
  return describeTasks(await page.evaluate(() => probe.longTasks.splice(0)));
}

/** Heap after a collection, and resident memory of the page's process. @param {Page} page */
async function memory(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  const heap = metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? NaN;
  const browserSession = await page.context().browser()?.newBrowserCDPSession();
  const processInfo = (await browserSession?.send("SystemInfo.getProcessInfo"))?.processInfo ?? [];
  const resident = processInfo.filter(({ type }) => type === "renderer").map(({ id }) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024);
  return `heap ${(heap / 1e6).toFixed(1)} MB, process ${Math.round(Math.max(...resident))} MB`;
}

/** @param {string} renderer */
async function measure(renderer) {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await new PageMonitor([], []).attach(page.context());
    await page.addInitScript(storePreferences, { renderer });
    const started = performance.now();
    await page.goto(String(link));
    await page.waitForSelector('[data-phase="live"]', { timeout: 30_000 });
    await waitForLines(page, /^[^\n]*[$#%>] ?\n/);
    console.log(`${renderer}: from link to prompt ${Math.round(performance.now() - started)} ms`);
    console.log(`  long tasks until then: ${await longTasks(page)}`);
    const drawing = await new Driver(page).renderer();
    if (drawing !== renderer) throw new Error(`${renderer} was wanted, but ${drawing} draws`);
    await page.waitForTimeout(3000);
    console.log(`  idle, 3 s: long tasks ${await longTasks(page)}; ${await memory(page)}`);
    const begun = performance.now();
    await page.keyboard.type(`head -c ${bytes} /dev/zero | tr '\\0' x | fold -w 79; echo do''ne\n`);
    await waitForLines(page, /^done|\ndone|xdone/);
    const took = (performance.now() - begun) / 1000;
    console.log(`  ${bytes / 1e6} MB: ${took.toFixed(1)} s, ${(bytes / 1e6 / took).toFixed(1)} MB/s; long tasks ${await longTasks(page)}`);
    console.log(`  memory after: ${await memory(page)}`);
    await page.keyboard.type("PS1='> $ '\n");
    await waitForLines(page, /^> \$/);
    const times = await interruptTimes(page, trials);
    const [median, p95, most] = [0.5, 0.95, 1].map((share) => Math.round(quantile(times, share)));
    console.log(`  Ctrl-C under yes, ${trials} times: p50 ${median} ms, p95 ${p95} ms, max ${most} ms`);
    console.log(`  long tasks meanwhile: ${await longTasks(page)}`);
  } finally {
    await browser.close();
  }
}

for (const renderer of renderers.length > 0 ? renderers : ["dom", "webgl"]) {
  await measure(renderer);
}
