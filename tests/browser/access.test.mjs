// Everybody can use it: axe on every view and theme, by keyboard alone, on a phone, enlarged, with forced colours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";

/** @typedef {import("./support/page.mjs").Scene} Scene */

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const THEMES = ["dark", "light", "contrast-dark", "contrast-light", "solarized"];

/** Fails on what axe calls serious or critical in what is shown now. @param {Scene} scene @param {string} view */
async function audit({ page }, view) {
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

for (const theme of THEMES) {
  pageTest(`axe finds nothing serious in any view, theme ${theme}`, {
    preferences: { theme }, settings: ["ssh.host_key_policy=ask"], knownHosts: () => "",
    context: { permissions: ["clipboard-read", "clipboard-write"] },
  }, async (scene) => {
    const { page, driver, url, login, screenshot } = scene;
    await page.addInitScript(axe);
    await page.goto(url);
    await page.getByRole("heading", { name: "Connect to a server" }).waitFor();
    await page.getByText("Log in with a private key").click();
    await audit(scene, "form");
    await screenshot(`form ${theme}`);
    await page.getByRole("button", { name: "Settings" }).click();
    await audit(scene, "settings");
    await screenshot(`settings ${theme}`);
    await page.getByRole("button", { name: "Done" }).click();
    await driver.login({ ...login, server: "host.example.org" });
    await page.getByText("does not allow this target").waitFor();
    await audit(scene, "failure");
    await page.getByRole("button", { name: "Back to the form" }).click();
    await driver.login(login);
    const trust = page.getByRole("dialog").getByRole("button", { name: "Trust it" });
    await trust.waitFor();
    await audit(scene, "host key");
    while (await trust.isVisible()) await trust.click({ timeout: 1000 }).catch(() => {});
    await driver.ready();
    await driver.run("bind 'set enable-bracketed-paste off'; ls --color=always -l / | head -12");
    await audit(scene, "terminal");
    await screenshot(`terminal ${theme}`);
    await page.keyboard.press("Control+Shift+F");
    await page.getByRole("searchbox").fill("root");
    await audit(scene, "search");
    await page.keyboard.press("Escape");
    await driver.run(`printf '\\e]52;c;${Buffer.from("words").toString("base64")}\\a'`);
    await page.getByText("wants to copy").waitFor();
    await audit(scene, "remote copy");
    await page.getByRole("button", { name: "No", exact: true }).click();
    await page.evaluate(() => navigator.clipboard.writeText("one\ntwo"));
    await page.keyboard.press("Control+Shift+V");
    await page.getByRole("dialog").waitFor();
    await audit(scene, "paste");
    await page.keyboard.press("Escape");
    await driver.line("exit 4");
    await page.getByText("exit status 4").waitFor();
    await audit(scene, "ended");
    await screenshot(`ended ${theme}`);
  });
}

pageTest("by keyboard alone: every control is reached, and the terminal is left again", {}, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await page.getByLabel("Server", { exact: true }).waitFor();
  const names = [];
  for (let step = 0; step < 25; step += 1) {
    names.push(await page.evaluate(() => {
      const at = document.activeElement;
      return at?.getAttribute("aria-label") ?? /** @type {any} */ (at)?.labels?.[0]?.textContent ?? at?.textContent ?? "";
    }));
    await page.keyboard.press("Tab");
  }
  for (const name of ["Server", "Port", "User", "Password", "Connect", "New session", "Settings"]) {
    assert(names.some((one) => one.includes(name)), `${name} is not reached by Tab: ${names.join(", ")}`);
  }
  await page.getByLabel("Server", { exact: true }).focus();
  await page.keyboard.type(login.server);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type(login.user);
  await page.keyboard.press("Tab");
  await page.keyboard.type(login.password);
  await page.keyboard.press("Enter");
  await driver.ready();
  // Tab is the shell's; the documented keys lead out.
  await driver.type("ech");
  await page.keyboard.press("Tab");
  await driver.waitFor("echo");
  await page.keyboard.press("Control+U");
  await page.keyboard.press("Control+Shift+F6");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "tab");
  await page.getByRole("button", { name: "Settings" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  assert.match(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? ""), /Settings/);
});

pageTest("the screen reader's mode can be switched on before the terminal, and has its output", {}, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await page.getByRole("button", { name: "Screen reader" }).click();
  await driver.login(login);
  await driver.ready();
  await driver.run("echo to be read aloud");
  await until(async () => (await page.locator(".xterm-accessibility").first().innerText()).includes("to be read aloud"), "the output in the live region");
});

const phone = { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } };

pageTest("on a phone: keys of 44 px, sticky Ctrl, a compose line that sends once", { context: phone }, async (scene) => {
  const { page, driver, login, url, screenshot } = scene;
  await page.goto(url);
  await page.getByLabel("Server", { exact: true }).waitFor();
  await screenshot("phone-form");
  await driver.login(login);
  await driver.ready();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(wide <= 390, `the page is ${wide} px wide`);
  const keys = page.getByRole("toolbar", { name: "Keys" }).getByRole("button");
  for (const box of await keys.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()))) {
    assert(box.width >= 44 && box.height >= 44, JSON.stringify(box));
  }
  const line = page.getByLabel("Compose a line");
  await line.fill("echo composed 文字");
  await page.getByRole("button", { name: "Send" }).tap();
  await driver.waitFor(/\ncomposed 文字\n[^]*\$ $/);
  assert.equal((await driver.screen())?.text.match(/echo composed/g)?.length, 1);
  await screenshot("phone-terminal");
  await line.fill("sleep 100");
  await line.press("Enter");
  await page.getByRole("button", { name: "Control C" }).tap();
  await driver.waitFor(/\^C[^]*\$ $/);
  await page.getByRole("button", { name: "Up", exact: true }).tap();
  await driver.waitFor(/\$ sleep 100$/);
  await page.getByRole("button", { name: "Ctrl", exact: true }).tap();
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type("u");
  await driver.waitFor(/\$ $/);
  assert.equal(await page.getByRole("button", { name: "Ctrl", exact: true }).getAttribute("aria-pressed"), "false");
});

pageTest("at 320 px, enlarged twice, and with forced colours nothing is cut off", {
  context: { viewport: { width: 320, height: 512 }, forcedColors: "active", reducedMotion: "reduce" },
}, async (scene) => {
  const { page, driver, login, url, screenshot } = scene;
  await page.goto(url);
  await page.getByLabel("Server", { exact: true }).waitFor();
  await screenshot("narrow-form");
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert(await wide() <= 320, `the form is ${await wide()} px wide`);
  await driver.login(login);
  await driver.ready();
  assert(await wide() <= 320, `the terminal is ${await wide()} px wide`);
  const [cursor, ground] = await page.evaluate(() => [".xterm-cursor", ".xterm"].map((one) => {
    const element = document.querySelector(`.terminal ${one}`);
    return element === null ? "" : getComputedStyle(element).backgroundColor;
  }));
  assert.notEqual(cursor, ground, "the cursor cannot be seen");
  await screenshot("narrow-terminal");
});
