// The WebGL context of a hidden tab, the split view, the text of a terminal, and the reuse of a terminal.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { DEADLINE, until } from "./support/driver.mjs";
import { CLIPBOARD, shellTest } from "./support/page.mjs";

shellTest("a hidden tab holds no WebGL context", { preferences: { renderer: "webgl" } }, async ({ page, driver }) => {
  await driver.click("New session");
  await until(async () => await driver.renderer() === "dom", "the context of the hidden tab is given back");
  await page.getByRole("tab").first().click();
  await until(async () => await driver.renderer() === "webgl", "the tab that is visible again has one");
  assert.equal(await page.locator(".xterm-screen > canvas:not(.xterm-link-layer)").count(), 1);
});

shellTest("two sessions are side by side, each with its size and its focus", {}, async ({ page, driver, login, screenshot }) => {
  const whole = (await driver.run("stty size")).split(" ").map(Number);
  await driver.click("Split view");
  await driver.login(login);
  await page.locator('main > .pane.current[data-phase="live"]').waitFor({ timeout: DEADLINE });
  assert.equal(await page.locator('main > .pane[data-phase="live"]:visible').count(), 2);
  await screenshot("split");
  await page.locator("main > .pane .xterm-screen").first().click();
  await driver.waitFor(/\$ $/);
  const half = (await driver.run("stty size")).split(" ").map(Number);
  assert((half[1] ?? 0) < (whole[1] ?? 0) * 0.6, `${half} is half of ${whole}`);
  await driver.click("Split view");
  await until(async () => await page.locator("main > .pane:visible").count() === 1, "one is visible again");
  assert.deepEqual((await driver.run("stty size")).split(" ").map(Number), whole);
});

shellTest("the terminal's text is shown and saved to a file", {}, async ({ page, driver }) => {
  await driver.run("seq 1 200; printf 'wrapped %0300d\\n' 7");
  await driver.click("Text of the terminal");
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

shellTest("a terminal is reused for the next session, and keeps nothing of the last", {
  ...CLIPBOARD, preferences: { renderer: "webgl" }, timeout: 300_000,
}, async ({ page, driver, login }) => {
  for (let round = 0; round < 5; round += 1) {
    const secret = `only-in-${round}`;
    await driver.line(`printf '\\e]11;#ff0000\\a\\e[?1h\\e]52;c;aGVsbG8=\\a'; echo ${secret}`);
    await driver.click("Allow in this session");
    await page.getByText("wants to copy").waitFor({ state: "hidden" });
    await driver.exitToForm();
    await driver.login(login);
    await driver.ready();
    const { text } = await driver.waitFor(/\$ $/);
    assert(!text.includes(secret), "nothing of the last session is left");
    const cursorKeys = await page.evaluate(() => probe.terminals.map((term) => term.modes.applicationCursorKeysMode));
    assert.deepEqual(cursorKeys, [false], "one terminal, since xterm.js 6.0 keeps those that are disposed of");
  }
  // The permission to copy was for the last session.
  await driver.line("printf '\\e]52;c;aGVsbG8=\\a'");
  await page.getByText("The server wants to copy").waitFor();
});

shellTest("a request to copy that is not parsed when its session is closed does not reach the next session", CLIPBOARD, async ({ page, driver, login }) => {
  await driver.line("exit");
  const reconnect = page.getByRole("button", { name: "Reconnect" });
  await reconnect.waitFor();
  // In one task: xterm.js parses what follows input of the user at once, and all else in a later task.
  const wasParsed = await reconnect.evaluate((/** @type {HTMLElement} */ button) => {
    const [term] = probe.terminals;
    term.write("");
    term.write("\u001b]52;c;aGVsbG8=\u0007");
    const isParsed = document.querySelector(".remote-copy:not([hidden])") !== null;
    button.click();
    return isParsed;
  });
  assert.equal(wasParsed, false);
  await driver.login(login);
  await driver.ready();
  assert.equal(await page.evaluate(() => probe.terminals.length), 1, "the terminal is reused");
  assert.equal(await page.locator(".remote-copy").isVisible(), false);
});
