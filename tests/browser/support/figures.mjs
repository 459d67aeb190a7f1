// Figures of the page under load, for tests and for `measure.mjs`.
import { until } from "./driver.mjs";

/** @param {number[]} values @param {number} share 0.5 for the median, 1 for the largest */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Count, largest, p99 and sum of durations in milliseconds. @param {number[]} tasks */
export function describeTasks(tasks) {
  const total = tasks.reduce((sum, task) => sum + task, 0);
  return `${tasks.length}, max ${Math.round(quantile(tasks, 1))} ms, p99 ${Math.round(quantile(tasks, 0.99))} ms, total ${Math.round(total)} ms`;
}

/**
 * Times from Ctrl+C to the prompt while `yes` prints, in milliseconds. The shell's prompt must be `> $`.
 * @param {import("playwright-core").Page} page @param {number} trials
 */
export async function interruptTimes(page, trials) {
  /** @type {number[]} */
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await page.keyboard.type(`yes bulk-output-${trial}\n`);
    // An interrupt before would reach the shell while it starts the program, and be lost.
    await until(() => page.evaluate(isPrinted, `bulk-output-${trial}`), "bulk output");
    await page.waitForTimeout(300 + (trial % 7) * 50);
    // The listener must be there before the key, which takes another way into the page.
    await page.evaluate(startStopwatch);
    await page.keyboard.press("Control+C");
    times.push(await page.evaluate(() => probe.interrupted));
  }
  return times;
}

/** Returns true if the line above the cursor is `text`. Runs in the page. @param {string} text */
function isPrinted(text) {
  const { active } = probe.terminals[0].buffer;
  return active.getLine(active.baseY + active.cursorY - 1)?.translateToString(true) === text;
}

/** Sets `probe.interrupted` to the time from the next Ctrl+C to the prompt on the screen. Runs in the page. */
function startStopwatch() {
  const [term] = probe.terminals;
  probe.interrupted = new Promise((resolve) => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (!event.ctrlKey || event.key.toLowerCase() !== "c") return;
      removeEventListener("keydown", onKey, true);
      const listener = term.onWriteParsed(() => {
        const { active } = term.buffer;
        const line = active.getLine(active.baseY + active.cursorY).translateToString(true);
        if (!line.startsWith("> $")) return;
        listener.dispose();
        resolve(performance.now() - event.timeStamp);
      });
    };
    addEventListener("keydown", onKey, true);
  });
}
