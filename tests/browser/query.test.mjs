// What the address may say of the page, and what it may not.
import assert from "node:assert/strict";
import { pageTest } from "./support/page.mjs";

const BUSY = /task queue exceeded/;

pageTest("the address fills in the target and shapes the terminal, and connects nothing", { expectConsole: [BUSY] },
  async ({ page, driver, url, login, screenshot }) => {
    const sockets = /** @type {string[]} */ ([]);
    page.on("websocket", (socket) => sockets.push(socket.url()));
    await page.goto(`${url}?target=${encodeURIComponent(login.server)}&cols=91&rows=17&theme=light&command=id&user=root&password=x`);
    const [host, port] = login.server.split(":");
    assert.equal(await page.getByLabel("Server", { exact: true }).inputValue(), host);
    assert.equal(await page.getByLabel("Port", { exact: true }).inputValue(), port);
    assert.equal(await page.getByLabel("User", { exact: true }).inputValue(), "");
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

pageTest("a read-only page shows and types nothing", { expectConsole: [BUSY] }, async ({ page, driver, url, login, screenshot }) => {
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

pageTest("values that are none are ignored", {}, async ({ page, url }) => {
  for (const query of ["theme=pink&cols=99999&rows=-1&readonly=maybe", "target=%00&cols=1e3", "target=javascript:alert(1)//", "theme=<b>"]) {
    await page.goto(`${url}?${query}`);
    assert.equal(await page.getByLabel("Server", { exact: true }).inputValue(), "", query);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", query);
  }
});
