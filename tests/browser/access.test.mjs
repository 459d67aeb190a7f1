// Accessibility: axe on every view and theme, the keyboard alone, a phone, enlargement, forced colours.
import assert from "node:assert/strict";
import { assertAccessible } from "./support/axe.mjs";
import { WAITING_PROGRAM, clickUntilAccepted, until } from "./support/driver.mjs";
import { CLIPBOARD, pageTest } from "./support/page.mjs";

for (const theme of ["dark", "light", "contrast-dark", "contrast-light", "solarized"]) {
  pageTest(`axe finds nothing serious in any view, theme ${theme}`, {
    preferences: { theme }, settings: ["ssh.host_key_policy=ask"], knownHosts: () => "",
    ...CLIPBOARD,
  }, async ({ page, driver, url, login, screenshot }) => {
    await page.goto(url);
    await page.getByRole("heading", { name: "Connect to a server" }).waitFor();
    await page.getByText("Log in with a private key").click();
    await assertAccessible(page, "form");
    await screenshot(`form ${theme}`);
    await driver.click("Settings");
    await assertAccessible(page, "settings");
    await screenshot(`settings ${theme}`);
    await driver.click("Done");
    await driver.login({ ...login, server: "host.example.org" });
    await page.getByText("does not allow this target").waitFor();
    await assertAccessible(page, "failure");
    await driver.click("Back to the form");
    await driver.login(login);
    const trust = page.getByRole("dialog").getByRole("button", { name: "Trust it" });
    await trust.waitFor();
    await assertAccessible(page, "host key");
    await clickUntilAccepted(trust);
    await driver.ready();
    await driver.run("bind 'set enable-bracketed-paste off'; ls --color=always -l / | head -12");
    await assertAccessible(page, "terminal");
    await screenshot(`terminal ${theme}`);
    await page.keyboard.press("Control+Shift+F");
    await page.getByRole("searchbox").fill("root");
    await assertAccessible(page, "search");
    await page.keyboard.press("Escape");
    await driver.run(`printf '\\e]52;c;${Buffer.from("words").toString("base64")}\\a'`);
    await page.getByText("wants to copy").waitFor();
    await assertAccessible(page, "remote copy");
    await driver.click("No");
    await driver.paste("one\ntwo");
    await page.getByRole("dialog").waitFor();
    await assertAccessible(page, "paste");
    await page.keyboard.press("Escape");
    await driver.line("exit 4");
    await page.getByText("exit status 4").waitFor();
    await assertAccessible(page, "ended");
    await screenshot(`ended ${theme}`);
  });
}

pageTest("the keyboard alone reaches every control, and leaves the terminal again", {}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.field("Server").waitFor();
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
  await driver.field("Server").focus();
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

pageTest("the screen reader mode can be switched on before the terminal, and has its output", {}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.click("Screen reader");
  await driver.login(login);
  await driver.ready();
  await driver.run("echo to be read aloud");
  await until(async () => (await page.locator(".live-region").textContent())?.includes("\nto be read aloud\n") === true, "the output in the live region");
});

const phone = { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } };

pageTest("a phone has keys of 44 px, a sticky Ctrl, and a compose line that sends once", { context: phone }, async ({ page, driver, login, url, screenshot }) => {
  await page.goto(url);
  await driver.field("Server").waitFor();
  await screenshot("phone-form");
  await driver.login(login);
  await driver.ready();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(wide <= 390, `the page is ${wide} px wide`);
  const keys = page.getByRole("toolbar", { name: "Keys" }).getByRole("button");
  const boxes = await keys.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()));
  assert(boxes.length > 20, `${boxes.length} keys`);
  for (const box of boxes) {
    assert(box.width >= 44 && box.height >= 44, JSON.stringify(box));
  }
  const line = page.getByLabel("Compose a line");
  await line.fill("echo composed 文字");
  await page.getByRole("button", { name: "Send" }).tap();
  await driver.waitFor(/\ncomposed 文字\n[^]*\$ $/);
  await screenshot("phone-terminal");
  await line.fill(WAITING_PROGRAM);
  await line.press("Enter");
  await driver.waitingProgram();
  assert.equal((await driver.screen())?.text.match(/echo composed/g)?.length, 1);
  await page.getByRole("button", { name: "Control C" }).tap();
  await driver.waitFor(/\^C[^]*\$ $/);
  await page.getByRole("button", { name: "Up", exact: true }).tap();
  await driver.waitFor(new RegExp(`\\$ ${WAITING_PROGRAM}$`));
  await page.getByRole("button", { name: "Ctrl", exact: true }).tap();
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type("u");
  await driver.waitFor(/\$ $/);
  assert.equal(await page.getByRole("button", { name: "Ctrl", exact: true }).getAttribute("aria-pressed"), "false");
  // In landscape the bar has room, unless an on-screen keyboard takes it.
  for (const [height, hasBar] of /** @type {[number, boolean][]} */ ([[200, false], [390, true]])) {
    await page.setViewportSize({ width: 844, height });
    await until(async () => await page.getByRole("tab").isVisible() === hasBar, `a bar at ${height} px: ${hasBar}`);
    await screenshot(`phone-landscape-${height}`);
  }
});

pageTest("nothing is cut off at 320 px, enlarged twice, with forced colours", {
  context: { viewport: { width: 320, height: 512 }, forcedColors: "active", reducedMotion: "reduce" },
}, async ({ page, driver, login, url, screenshot }) => {
  await page.goto(url);
  await driver.field("Server").waitFor();
  await screenshot("narrow-form");
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert(await wide() <= 320, `the form is ${await wide()} px wide`);
  await driver.login(login);
  await driver.ready();
  assert(await wide() <= 320, `the terminal is ${await wide()} px wide`);
  await page.locator(".terminal .xterm-cursor").waitFor();
  const [cursor, ground] = await page.evaluate(() => [".xterm-cursor", ".xterm"].map((one) => {
    const element = document.querySelector(`.terminal ${one}`);
    return element === null ? "" : getComputedStyle(element).backgroundColor;
  }));
  assert.notEqual(cursor, ground, "the cursor cannot be seen");
  await screenshot("narrow-terminal");
});
