// The page in Firefox: a smoke test, with what differs from Chromium's engine in view.
import assert from "node:assert/strict";
import { until } from "./support/driver.mjs";
import { startFirefox } from "./support/firefox.mjs";
import { pageTest } from "./support/page.mjs";

pageTest("Firefox logs in by a link, types, and has no error", {}, async ({ url, login }) => {
  const firefox = await startFirefox();
  try {
    const json = JSON.stringify({ target: login.server, username: login.user, password: login.password });
    await firefox.goto(`${url}#login=${Buffer.from(json).toString("base64url")}`);
    const screen = () => firefox.text("document.querySelector('.xterm-rows')?.innerText ?? ''");
    await until(async () => /\$/.test(await screen()), "the prompt");
    assert.equal(await firefox.text("location.href"), url);
    await firefox.type("echo fire-$((40+2))\uE007");
    await until(async () => (await screen()).includes("fire-42"), "the echo");
    assert.equal(await firefox.text("String(document.querySelectorAll('style').length)"), "0");
    await firefox.type("exit\uE007");
    await until(async () => /session has ended/.test(await firefox.text("document.body.innerText")), "the ending");
    assert.deepEqual(firefox.errors, []);
  } finally {
    await firefox.stop();
  }
});
