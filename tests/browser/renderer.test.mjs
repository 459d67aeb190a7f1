// Both renderers: what draws, a change of theme, a lost context; no rule of style in the page, and nothing lost.
import assert from "node:assert/strict";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";

/** @typedef {import("./support/page.mjs").Scene} Scene */

/** What draws the terminal now. @param {Scene} scene */
function renderer({ page }) {
  return page.evaluate(() => (document.querySelector(".xterm-screen canvas:not(.xterm-link-layer)") ? "webgl" : "dom"));
}

/** Style elements, which the policy would refuse. @param {Scene} scene */
function styles({ page }) {
  return page.evaluate(() => document.querySelectorAll("style").length);
}

/** Number of colours in a picture of the terminal: a blank one has few. @param {Scene} scene */
async function colours({ page }) {
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
  pageTest(`${kind} draws, also after a change of theme and of renderer`, { preferences: { renderer: kind } }, async (scene) => {
    const { page, driver, url, login, screenshot } = scene;
    await page.goto(url);
    await driver.login(login);
    await driver.ready();
    assert.equal(await renderer(scene), kind);
    // Truecolor, bold, and colours of the palette.
    await driver.run("printf '\\e[38;2;255;100;0mtrue\\e[0m \\e[1;32mbold\\e[0m \\e[44mblue\\e[0m\\n'");
    await until(async () => await colours(scene) > 10, "a picture with colours");
    await screenshot(`renderer ${kind}`);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Theme").selectOption("light");
    await page.getByLabel("Renderer").selectOption(kind === "dom" ? "webgl" : "dom");
    await page.getByRole("button", { name: "Done" }).click();
    await until(async () => await renderer(scene) !== kind, "the other renderer");
    await until(async () => await colours(scene) > 10, "a picture of the other renderer");
    await screenshot(`renderer changed from ${kind}`);
    assert.equal(await styles(scene), 0);
    const size = await driver.screen();
    await page.locator(".xterm:visible").click();
    assert.equal(await driver.run("stty size"), `${size?.rows} ${size?.cols}`);
  });
}

pageTest("a lost context loses nothing: the terminal is drawn on, and typed into", { preferences: { renderer: "webgl" } }, async (scene) => {
  const { page, driver, url, login, screenshot } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  for (let loss = 1; loss <= 4; loss += 1) {
    await driver.run(`echo before-${loss}`);
    await page.evaluate(() => {
      for (const canvas of document.querySelectorAll("canvas")) {
        canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
      }
    });
    assert.equal(await driver.run(`echo after-${loss}`), `after-${loss}`);
    await until(async () => await colours(scene) > 10, "a picture after the loss");
  }
  const text = (await driver.screen())?.text ?? "";
  for (let loss = 1; loss <= 4; loss += 1) assert(text.includes(`\nbefore-${loss}\n`) && text.includes(`\nafter-${loss}\n`), text);
  assert.equal(await styles(scene), 0);
  await screenshot("context-lost");
});

pageTest("sessions one after another leave no terminals and contexts behind", { preferences: { renderer: "webgl" } }, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  for (let round = 0; round < 5; round += 1) {
    await driver.login(login);
    await driver.ready();
    await driver.line("exit");
    await page.getByRole("button", { name: "Reconnect" }).click();
  }
  const count = await page.evaluate(() => /** @type {any} */ (globalThis).seen.terminals.length);
  assert.equal(count, 1, "a terminal is used again, since xterm.js 6.0 keeps those that are disposed of");
});
