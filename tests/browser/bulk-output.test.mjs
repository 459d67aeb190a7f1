// Bulk output: nothing is lost, the page stays responsive, Ctrl-C interrupts; also in a tab that is hidden or was frozen.
import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./support/driver.mjs";
import { describeTasks, interruptTimes, quantile } from "./support/figures.mjs";
import { shellTest } from "./support/page.mjs";

/** Lines of text that look random, the same in each run. @param {number} bytes */
function pseudoRandomLines(bytes) {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const text = cipher.update(Buffer.alloc(Math.ceil((bytes * 3) / 4))).toString("base64");
  return `${text.match(/.{1,76}/g)?.join("\n")}\n`;
}

/** Has the page keep what is given to its terminal from now on. Runs in the page. */
function startRecording() {
  const [term] = probe.terminals;
  const write = term.write;
  probe.chunks = [];
  probe.longTasks.length = 0;
  term.write = function (/** @type {Uint8Array} */ data, /** @type {any} */ done) {
    probe.chunks.push(data.slice());
    write.call(this, data, done);
  };
}

/** Hash of `length` recorded bytes after the line `begin`. Runs in the page. @param {readonly [string, number]} range */
async function recordedHash([begin, length]) {
  const whole = new Uint8Array(await new Blob(probe.chunks).arrayBuffer());
  const text = new TextDecoder("latin1").decode(whole.subarray(0, 4096));
  const start = text.indexOf(`${begin}\n`) + begin.length + 1;
  const hash = await crypto.subtle.digest("SHA-256", whole.subarray(start, start + length));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Has `size` bytes printed on the far side, and compares what the terminal was given; returns how long it took, in ms.
 * @param {import("./support/page.mjs").Fixtures} fixtures @param {number} size @param {number} deadline
 * @param {() => Promise<void>} [meanwhile] runs in the two seconds before the output begins
 */
async function printAndCompare({ page, driver, sshd }, size, deadline, meanwhile) {
  const text = pseudoRandomLines(size);
  const file = join(sshd.dir, "output.txt");
  writeFileSync(file, text);
  await page.evaluate(startRecording);
  await driver.line(`sleep 2; stty -opost; echo 'output'-begins; cat ${file}; stty opost; echo 'output'-ends`);
  const since = performance.now() + 2000;
  await meanwhile?.();
  await driver.waitFor("output-ends", deadline);
  const took = performance.now() - since;
  assert.equal(await page.evaluate(recordedHash, /** @type {const} */ (["output-begins", text.length])), createHash("sha256").update(text).digest("hex"));
  return took;
}

for (const kind of ["dom", "webgl"]) {
  const preferences = { renderer: kind };

  shellTest(`50 MB of output arrive whole, drawn by ${kind}`, { preferences, timeout: 300_000 }, async (fixtures) => {
    const { page, driver } = fixtures;
    assert.equal(await driver.renderer(), kind);
    const took = await printAndCompare(fixtures, 50_000_000, 240_000);
    const tasks = await page.evaluate(() => probe.longTasks);
    console.log(`50 MB by ${kind}: ${(took / 1000).toFixed(1)} s, tasks above 50 ms: ${describeTasks(tasks)}`);
    assert(quantile(tasks, 1) < took / 4, "a task that made the page hang for much of the output");
    assert.equal(await driver.run("echo awake"), "awake");
  });

  shellTest(`Ctrl-C interrupts bulk output, drawn by ${kind}`, { preferences }, async ({ page, driver }) => {
    await driver.run("PS1='> $ '");
    // An interrupt waits for the output that the windows hold, which is less than this.
    const since = performance.now();
    await driver.line("yes bulk-output | head -c 10000000; echo 'output'-ends");
    await driver.waitFor(/output-ends[^]*\$ $/, 60_000);
    const whole = performance.now() - since;
    const times = await interruptTimes(page, 15);
    const [p50, p95] = [quantile(times, 0.5), quantile(times, 0.95)];
    console.log(`Ctrl-C during bulk output by ${kind}: p50 ${p50} ms, p95 ${p95} ms, beside ${Math.round(whole)} ms for 10 MB`);
    assert(p50 < whole && p95 < 4 * whole, `${times}; ${whole} for 10 MB`);
  });
}

/**
 * A tab that can be hidden and frozen. Playwright keeps every page visible by a command of its own session, which takes
 * no part in its public interface; without it Chromium hides and slows down the tab as it does for users.
 * @param {import("playwright-core").Page} page
 */
async function hideable(page) {
  const own = /** @type {any} */ (page)._connection.toImpl(page).delegate._mainFrameSession._client;
  await own.send("Emulation.setFocusEmulationEnabled", { enabled: false });
  const session = await page.context().newCDPSession(page);
  const other = await page.context().newPage();
  await page.bringToFront();
  return {
    async hide() {
      await other.bringToFront();
      await until(() => page.evaluate(() => document.hidden), "the tab is hidden");
    },
    freeze: () => session.send("Page.setWebLifecycleState", { state: "frozen" }),
    async resume() {
      await session.send("Page.setWebLifecycleState", { state: "active" });
      await page.bringToFront();
    },
  };
}

shellTest("20 MB of output arrive whole and in time in a hidden tab", { throttled: true, timeout: 180_000 }, async (fixtures) => {
  const tab = await hideable(fixtures.page);
  const took = await printAndCompare(fixtures, 20_000_000, 120_000, tab.hide);
  console.log(`20 MB in a hidden tab: ${(took / 1000).toFixed(1)} s`);
  assert.equal(await fixtures.page.evaluate(() => document.visibilityState), "hidden");
});

shellTest("a live session holds the lock that keeps Chromium from freezing its tab", {}, async ({ page, driver }) => {
  const held = () => page.evaluate(async () => (await navigator.locks.query()).held?.length ?? 0);
  assert.equal(await held(), 1);
  await driver.line("exit");
  await driver.ending();
  assert.equal(await held(), 0);
});

shellTest("a session that ended while its tab was frozen names the reason", {
  // Chromium closes the connections of a frozen page, at the latest when it resumes.
  throttled: true, expectConsole: [/Page entered Back-Forward Cache/],
}, async ({ page, driver, screenshot }) => {
  const tab = await hideable(page);
  await driver.line("sleep 3; yes");
  await tab.hide();
  await tab.freeze();
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await tab.resume();
  assert.match(await driver.ending(), /tab was asleep.*Connect again/);
  await screenshot("ending-asleep");
});
