// Glyphs at the edges of their cells.
import assert from "node:assert/strict";
import { shellTest } from "./support/page.mjs";

for (const renderer of ["dom", "webgl"]) {
  shellTest(`an underscore is visible, drawn by ${renderer}`, { preferences: { renderer } }, async ({ page, driver }) => {
    await driver.line("PS1='$ '; clear; printf '\\n________\\n\\n\\n\\n'");
    await driver.waitFor(/^\s*________\s*\$ $/);
    const [top, line] = [await driver.cell(0, 0), await driver.cell(0, 1)];
    const height = line.y - top.y;
    /** The lower half of a row and the upper half of the next one. @param {number} row */
    const around = (row) => page.screenshot({ clip: { x: top.x, y: Math.round(top.y + row * height), width: 50, height: Math.round(height) } });
    assert.notDeepEqual(await around(1), await around(3), "the row looks as an empty one");
  });
}
