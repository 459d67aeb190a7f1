// Both renderers: which one draws, a change of theme, a lost context; no style element in the page, and nothing lost.
import assert from "node:assert/strict";
import { until } from "./support/driver.mjs";
import { shellTest } from "./support/page.mjs";

/** Style elements, which the policy would refuse. @param {import("playwright-core").Page} page */
function styles(page) {
  return page.evaluate(() => document.querySelectorAll("style").length);
}

/** Number of colours in a picture of the terminal: a blank one has few. @param {import("playwright-core").Page} page */
async function colours(page) {
  const picture = await page.locator(".xterm-screen:visible").screenshot();
  return page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    canvas?.drawImage(bitmap, 0, 0);
    const data = canvas?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? new Uint8ClampedArray();
    return new Set(new Uint32Array(data.buffer)).size;
  }, [...picture]);
}

for (const kind of ["dom", "webgl"]) {
  shellTest(`${kind} draws, also after a change of theme and of renderer`, { preferences: { renderer: kind } }, async ({ page, driver, screenshot }) => {
    assert.equal(await driver.renderer(), kind);
    // Truecolor, bold, and colours of the palette.
    await driver.run("printf '\\e[38;2;255;100;0mtrue\\e[0m \\e[1;32mbold\\e[0m \\e[44mblue\\e[0m\\n'");
    await until(async () => await colours(page) > 10, "a picture with colours");
    await screenshot(`renderer ${kind}`);
    await driver.click("Settings");
    await page.getByLabel("Theme").selectOption("light");
    await page.getByLabel("Renderer").selectOption(kind === "dom" ? "webgl" : "dom");
    await driver.click("Done");
    await until(async () => await driver.renderer() !== kind, "the other renderer");
    await until(async () => await colours(page) > 10, "a picture of the other renderer");
    await screenshot(`renderer changed from ${kind}`);
    assert.equal(await styles(page), 0);
    const size = await driver.screen();
    await page.locator(".xterm:visible").click();
    assert.equal(await driver.run("stty size"), `${size?.rows} ${size?.cols}`);
  });
}

shellTest("after a lost context the terminal is drawn and takes input, and no output is lost", { preferences: { renderer: "webgl" } }, async ({ page, driver, screenshot }) => {
  for (let loss = 1; loss <= 4; loss += 1) {
    // The fourth is not tried any more.
    await until(async () => await driver.renderer() === (loss <= 3 ? "webgl" : "dom"), `the renderer before loss ${loss}`);
    await driver.run(`echo before-${loss}`);
    await page.evaluate(() => {
      for (const canvas of document.querySelectorAll("canvas")) {
        canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
      }
    });
    assert.equal(await driver.run(`echo after-${loss}`), `after-${loss}`);
    await until(async () => await driver.renderer() === "dom", `the renderer after loss ${loss}`);
    await until(async () => await colours(page) > 10, "a picture after the loss");
    // A terminal that is shown anew tries again.
    await page.getByRole("tab").click();
  }
  const text = (await driver.screen())?.text ?? "";
  for (let loss = 1; loss <= 4; loss += 1) assert(text.includes(`\nbefore-${loss}\n`) && text.includes(`\nafter-${loss}\n`), text);
  assert.equal(await styles(page), 0);
  await screenshot("context-lost");
});
