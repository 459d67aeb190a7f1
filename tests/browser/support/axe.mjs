// Accessibility by the rules of axe.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails on what axe calls serious or critical in what is shown now. @param {import("playwright-core").Page} page @param {string} view */
export async function assertAccessible(page, view) {
  // As a string: the page's policy lets no script element in.
  await page.evaluate(axe);
  const { passes, faults } = await page.evaluate(async () => {
    const { violations, passes } = await /** @type {any} */ (globalThis).axe.run(
      // Cells of the terminal have the colours that the remote side wants.
      { exclude: [[".xterm-rows"], [".xterm-screen"]] }, { resultTypes: ["violations"] });
    return { passes: passes.length, faults: violations
      .filter((/** @type {any} */ one) => one.impact === "serious" || one.impact === "critical")
      .map((/** @type {any} */ one) => `${one.id}: ${one.nodes.map((/** @type {any} */ node) => node.html).join(" ")}`) };
  });
  assert(passes > 5, `axe looked at ${passes} rules alone`);
  assert.deepEqual(faults, [], view);
}
