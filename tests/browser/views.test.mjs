// The context of a hidden tab, the split view, the text of a terminal, and a terminal that is used again.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { DEADLINE, until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";

/** @typedef {import("./support/page.mjs").Scene} Scene */
/** @typedef {import("playwright-core").Page} Page */

/** What the software rasteriser and xterm.js say of a busy machine. */
const BUSY = /GPU stall|GL Driver|task queue exceeded/;

/** @param {Scene} scene */
async function shell({ page, driver, url, login }) {
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
}

/** WebGL contexts in the page. @param {Page} page */
function contexts(page) {
  return page.locator(".xterm-screen > canvas:not(.xterm-link-layer)").count();
}

pageTest("a tab that is not seen holds no WebGL context", { preferences: { renderer: "webgl" }, expectConsole: [BUSY] }, async (scene) => {
  const { page } = scene;
  await shell(scene);
  await page.getByRole("button", { name: "New session" }).click();
  await until(async () => await contexts(page) === 0, "the context of the hidden tab is given back");
  await page.getByRole("tab").first().click();
  await until(async () => await contexts(page) === 1, "the tab that is seen again has one");
});

pageTest("two sessions are side by side, each with its size and its focus", { expectConsole: [BUSY] }, async (scene) => {
  const { page, driver, login, screenshot } = scene;
  await shell(scene);
  const whole = (await driver.run("stty size")).split(" ").map(Number);
  await page.getByRole("button", { name: "Split view" }).click();
  await page.locator(".pane.current").getByLabel("Server", { exact: true }).fill(login.server);
  await page.locator(".pane.current").getByLabel("User", { exact: true }).fill(login.user);
  await page.locator(".pane.current").getByLabel("Password", { exact: true }).fill(login.password);
  await page.locator(".pane.current").getByRole("button", { name: "Connect", exact: true }).click();
  await page.locator('main > .pane.current[data-phase="live"]').waitFor({ timeout: DEADLINE });
  assert.equal(await page.locator('main > .pane[data-phase="live"]:visible').count(), 2);
  await screenshot("split");
  await page.locator("main > .pane .xterm-screen").first().click();
  await driver.waitFor(/\$ $/);
  const half = (await driver.run("stty size")).split(" ").map(Number);
  assert((half[1] ?? 0) < (whole[1] ?? 0) * 0.6, `${half} is half of ${whole}`);
  await page.getByRole("button", { name: "Split view" }).click();
  await until(async () => await page.locator("main > .pane:visible").count() === 1, "one is seen again");
  assert.deepEqual((await driver.run("stty size")).split(" ").map(Number), whole);
});

pageTest("the terminal's text can be read, copied and saved", { expectConsole: [BUSY] }, async (scene) => {
  const { page, driver } = scene;
  await shell(scene);
  await driver.run("seq 1 200; printf 'wrapped %0300d\\n' 7");
  await page.getByRole("button", { name: "Text of the terminal" }).click();
  const dialog = page.getByRole("dialog");
  const shown = await dialog.getByRole("textbox").inputValue();
  assert.match(shown, /\n1\n2\n[^]*\n200\n/);
  assert.match(shown, /\nwrapped 0{299}7\n/);
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Save as file" }).click();
  assert.equal(await readFile(await (await download).path(), "utf8"), shown);
  await page.keyboard.press("Escape");
  assert.equal(await driver.run("echo focus is back"), "focus is back");
});

pageTest("one terminal serves one session after the other, and keeps nothing of the last", {
  context: { permissions: ["clipboard-read", "clipboard-write"] }, expectConsole: [BUSY],
}, async (scene) => {
  const { page, driver, login } = scene;
  await shell(scene);
  for (let round = 0; round < 5; round += 1) {
    const secret = `only-in-${round}`;
    await driver.line(`printf '\\e]11;#ff0000\\a\\e[?1h\\e]52;c;aGVsbG8=\\a'; echo ${secret}`);
    await page.getByRole("button", { name: "Allow in this session" }).click();
    await page.getByText("wants to copy").waitFor({ state: "hidden" });
    await driver.line("exit");
    await page.getByRole("button", { name: "Reconnect" }).click();
    await driver.login(login);
    await driver.ready();
    const { text } = await driver.waitFor(/\$ $/);
    assert(!text.includes(secret), "nothing of the last session is left");
    const state = await page.evaluate(() => {
      const { terminals } = /** @type {any} */ (globalThis).seen;
      return { made: terminals.length, cursorKeys: terminals[0].modes.applicationCursorKeysMode };
    });
    assert.deepEqual(state, { made: 1, cursorKeys: false });
  }
  // The permission to copy was for the last session.
  await driver.line("printf '\\e]52;c;aGVsbG8=\\a'");
  await page.getByText("The server wants to copy").waitFor();
});
