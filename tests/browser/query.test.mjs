// The query of the page's address: what it may set, and what it may not.
import assert from "node:assert/strict";
import { pageTest } from "./support/page.mjs";

pageTest("the address fills in the target and sets the size and the theme, and connects to nothing", {},
  async ({ page, driver, url, login, screenshot }) => {
    const sockets = /** @type {string[]} */ ([]);
    page.on("websocket", (socket) => sockets.push(socket.url()));
    await page.goto(`${url}?target=${encodeURIComponent(login.server)}&cols=91&rows=17&theme=light&command=id&user=root&password=hunter2&gatewayUrl=wss://evil.example`);
    const [host, port] = login.server.split(":");
    assert.equal(await driver.field("Server").inputValue(), host);
    assert.equal(await driver.field("Port").inputValue(), port);
    for (const name of ["User", "Password"]) assert.equal(await driver.field(name).inputValue(), "", name);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
    assert.equal(await page.evaluate(() => localStorage.getItem("sshard.settings")), null);
    assert.deepEqual(sockets, []);
    await driver.login(login);
    await driver.ready();
    assert.equal(await driver.run("stty size"), "17 91");
    await page.setViewportSize({ width: 700, height: 300 });
    await screenshot("a terminal of its own size");
    assert.equal(await driver.run("stty size"), "17 91");
  });

pageTest("a read-only page sends no input", {}, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(`${url}?readonly`);
  await driver.login(login);
  await driver.ready();
  const before = (await driver.screen())?.text;
  await driver.line("echo typed");
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "pasted");
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.waitForTimeout(500);
  assert.equal((await driver.screen())?.text, before);
  await screenshot("read only");
});

pageTest("invalid values are ignored", {}, async ({ page, driver, url }) => {
  for (const query of ["theme=pink&cols=99999&rows=-1&readonly=maybe", "target=%00&cols=1e3", "target=javascript:alert(1)//", "theme=<b>"]) {
    await page.goto(`${url}?${query}`);
    assert.equal(await driver.field("Server").inputValue(), "", query);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", query);
  }
});
