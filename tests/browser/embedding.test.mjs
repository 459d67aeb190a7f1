// The page in a frame of another origin, as src/web/EMBEDDING.md describes it: with the example from there.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DEADLINE } from "./support/driver.mjs";
import { serveOrigin } from "./support/origin.mjs";
import { pageTest } from "./support/page.mjs";

const guide = readFileSync(new URL("../../src/web/EMBEDDING.md", import.meta.url), "utf8");
const example = /```html\n(.*?)```/s.exec(guide)?.[1] ?? assert.fail("no example");

/** The guide's example, for the bridge and a log-in of a test. @param {Pick<import("./support/page.mjs").Fixtures, "bridge" | "sshd">} fixtures */
function exampleFor({ bridge, sshd }) {
  const login = { target: `127.0.0.1:${sshd.port}`, ...sshd.login };
  return example
    .replaceAll("https://bridge.example", `http://${bridge.address}`)
    .replace(/const login = .*;/, `const login = ${JSON.stringify(login)};`);
}

/** Body of the next portal page. */
let body = "";
const portal = await serveOrigin(() => body);
const unlisted = await serveOrigin(() => body);
const settings = [`web.embed_origins=${portal}`];
const origins = [`${portal}/`, `${unlisted}/`];

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Frame} Frame */
/** @typedef {{ type: string, [field: string]: unknown }} Report */

/** Collects what the portal's page logs as JSON: the messages over the port. @param {Page} page */
function collect(page) {
  /** @type {Report[]} */
  const reports = [];
  page.on("console", (message) => {
    if (message.text().startsWith("{")) reports.push(JSON.parse(message.text()));
  });
  return {
    reports,
    /** @param {(report: Report) => boolean} wanted @returns {Promise<Report>} */
    async wait(wanted) {
      for (const end = Date.now() + DEADLINE; ; ) {
        const found = reports.find(wanted);
        if (found !== undefined) return found;
        assert(Date.now() < end, `no such message among ${JSON.stringify(reports)}`);
        await sleep(50);
      }
    },
  };
}

/** States among the reports. @param {Report[]} reports */
const states = (reports) => reports.filter(({ type }) => type === "state").map(({ state }) => state);

/** The frame of the bridge's page. @param {Page} page */
async function bridgeFrame(page) {
  const frame = await (await page.waitForSelector("#terminal")).contentFrame();
  return frame ?? assert.fail("no frame");
}

/** Waits until the terminal in the frame shows this. @param {Frame} frame @param {string} text */
function shows(frame, text) {
  return frame.waitForFunction((wanted) => {
    const buffer = probe.terminals[0]?.buffer.active;
    for (let row = 0; row < (buffer?.length ?? 0); row += 1) {
      if (buffer.getLine(row).translateToString(true).includes(wanted)) return true;
    }
    return false;
  }, text, { timeout: DEADLINE });
}

pageTest("a listed portal hands a log-in over, and receives the state of the session", { settings, origins }, async ({ page, bridge, sshd, screenshot }) => {
  body = exampleFor({ bridge, sshd });
  const { reports, wait } = collect(page);
  await page.goto(portal);
  const frame = await bridgeFrame(page);
  await wait(({ state }) => state === "live");
  await frame.locator(".xterm").click();
  await page.keyboard.type("printf '\\033]0;made in %s\\007' frame; stty size; echo 'in a 'frame\n");
  await shows(frame, "in a frame");
  await screenshot("in a frame");
  await wait(({ title }) => title === "made in frame");
  assert.deepEqual(await frame.evaluate(() => probe.violations), []);
  // What `allow` of the frame gives, the page's own header leaves to it.
  const allowed = await frame.evaluate(() => ["clipboard-read", "clipboard-write", "fullscreen", "camera"]
    .filter((feature) => /** @type {any} */ (document).featurePolicy.allowsFeature(feature)));
  assert.deepEqual(allowed, ["clipboard-read", "clipboard-write", "fullscreen"]);
  await page.keyboard.type("exit 3\n");
  const ended = await wait(({ type }) => type === "ended");
  assert.deepEqual({ ...ended, message: "" }, { type: "ended", ok: false, status: 3, message: "" });
  assert.deepEqual(states(reports), ["connecting", "live", "ended"]);
  // The log-in is nowhere that others can read it.
  assert(!JSON.stringify(reports).includes("PRIVATE KEY"));
  assert.equal(await frame.evaluate(() => location.href), `http://${bridge.address}/`);
});

/** Closes the current tab in the frame, which has a session. @param {Frame} frame */
async function closeSession(frame) {
  await frame.locator(".tab.current .close").click();
  await frame.getByRole("button", { name: "End the session" }).click();
}

pageTest("a session whose tab the user closes has ended", { settings, origins }, async ({ page, bridge, sshd }) => {
  body = exampleFor({ bridge, sshd });
  const { reports, wait } = collect(page);
  await page.goto(portal);
  const frame = await bridgeFrame(page);
  await wait(({ state }) => state === "live");
  await closeSession(frame);
  const ended = await wait(({ type }) => type === "ended");
  assert.deepEqual(ended, {
    type: "ended", ok: true, message: "You ended the session.", code: "client-closed", stage: "relay", closeCode: 1000,
  });
  await wait(({ title }) => title === "");
  assert.deepEqual(states(reports), ["connecting", "live", "ended"]);
  assert.equal(await frame.locator("form.login").isVisible(), true);
});

/** SSH server that does not answer. */
const silent = createServer().listen(0, "127.0.0.1");
await once(silent, "listening");
after(() => silent.close());
const { port: silentPort } = /** @type {import("node:net").AddressInfo} */ (silent.address());

pageTest("an attempt whose tab the user closes has ended",
  { settings, origins, args: ["--allow", `127.0.0.1:${silentPort}`] },
  async ({ page, bridge, sshd }) => {
    body = exampleFor({ bridge, sshd: { ...sshd, port: silentPort } });
    const { reports, wait } = collect(page);
    await page.goto(portal);
    const frame = await bridgeFrame(page);
    await wait(({ state }) => state === "connecting");
    await closeSession(frame);
    assert.equal((await wait(({ type }) => type === "ended")).code, "client-closed");
    await frame.locator("form.login").waitFor();
    assert.deepEqual(states(reports), ["connecting", "ended"]);
  });

pageTest("a session is started in the tab that is shown, though the first one was closed", { settings, origins }, async ({ page, bridge, sshd }) => {
  body = byHand(`http://${bridge.address}`);
  const { reports, wait } = collect(page);
  await page.goto(portal);
  const frame = await bridgeFrame(page);
  await page.evaluate("hello.then(() => join('port'))");
  await wait(({ type }) => type === "ready");
  await frame.getByRole("button", { name: "Close New session" }).click();
  const start = { type: "start", target: `127.0.0.1:${sshd.port}`, ...sshd.login };
  await page.evaluate(`port.postMessage(${JSON.stringify(start)})`);
  await frame.locator('.pane[data-phase="live"]').waitFor({ timeout: DEADLINE });
  await closeSession(frame);
  await wait(({ type }) => type === "ended");
  assert.deepEqual(states(reports), ["connecting", "live", "ended"]);
});

pageTest("a portal that is not listed cannot frame the page",
  { settings, origins, expectConsole: [/frame-ancestors|Refused to (frame|display)|ERR_BLOCKED|Framing/] },
  async ({ page, bridge, sshd }) => {
    body = exampleFor({ bridge, sshd });
    const { reports } = collect(page);
    await page.goto(unlisted);
    const frame = await bridgeFrame(page);
    await page.waitForLoadState("networkidle");
    assert.equal(await frame.locator("form, header").count(), 0);
    assert.deepEqual(reports, []);
  });

/** A portal's page for messages by hand: the frame, and functions that post to it. @param {string} bridge origin */
const byHand = (bridge) => `<iframe id="terminal" title="Terminal" src="${bridge}/" style="width: 100%; height: 30rem"></iframe>
<iframe id="sibling" title="Sibling" src="/"></iframe>
<script type="module">
  const frame = document.querySelector("#terminal").contentWindow;
  const log = (from) => ({ data }) => console.log(JSON.stringify({ from, ...data }));
  window.hello = new Promise((resolve) => addEventListener("message", ({ source, data }) => source === frame && resolve(data)));
  window.join = (name, from = window, message = { type: "sshard:port" }) => {
    const { port1, port2 } = new from.MessageChannel();
    port1.onmessage = log(name);
    window[name] = port1;
    // Called in its realm, so that the message is from there.
    from.eval("(frame, message, bridge, port) => frame.postMessage(message, bridge, [port])")(frame, message, "${bridge}", port2);
  };
</script>`;

pageTest("messages of the parent alone are accepted, once, and are validated", { settings, origins }, async ({ page, bridge, sshd }) => {
  const good = { type: "start", target: `127.0.0.1:${sshd.port}`, ...sshd.login };
  body = byHand(`http://${bridge.address}`);
  const { reports, wait } = collect(page);
  // The sibling must not hold frames of its own.
  await page.route("**/", (route) => (route.request().frame() === page.mainFrame() || route.request().url().includes(bridge.address)
    ? route.continue() : route.fulfill({ contentType: "text/html", body: "sibling" })));
  await page.goto(portal);
  const frame = await bridgeFrame(page);
  /** @param {string} code */
  const inPortal = (code) => page.evaluate(code);
  assert.deepEqual(await inPortal("hello"), { type: "sshard:hello" });
  await inPortal("join('sibling', document.querySelector('#sibling').contentWindow)");
  await inPortal("join('other', window, { type: 'something' })");
  // A portal whose script was loaded late asks for another.
  await inPortal(`again = new Promise((resolve) => addEventListener("message", ({ data }) => resolve(data)));
    document.querySelector("#terminal").contentWindow.postMessage({ type: "sshard:hello" }, "http://${bridge.address}")`);
  assert.deepEqual(await inPortal("again"), { type: "sshard:hello" });
  await inPortal("join('first')");
  await wait(({ from, type }) => from === "first" && type === "ready");
  await inPortal("join('second')");
  for (const port of ["sibling", "other", "second"]) await inPortal(`${port}.postMessage(${JSON.stringify(good)})`);
  for (const [bad, why] of /** @type {[unknown, RegExp][]} */ ([
    ["start", /type start/],
    [[], /type start/],
    [{ ...good, type: "begin" }, /type start/],
    [{ ...good, url: "wss://evil.example/" }, /no field "url"/],
    [{ ...good, command: "id" }, /no field "command"/],
    [{ ...good, user: 1 }, /user must be a string/],
    [{ ...good, user: "" }, /user is missing/],
    [{ ...good, ticket: "x".repeat(5000) }, /ticket must be a string of at most 4096/],
    [{ ...good, target: "../admin" }, /target must be/],
    [{ ...good, target: "a/b?c:1" }, /target must be/],
    [{ ...good, target: undefined }, /target must be/],
  ])) {
    const before = reports.length;
    await page.evaluate((message) => /** @type {any} */ (window).first.postMessage(message), bad);
    const { type, message } = await wait((report) => reports.indexOf(report) >= before);
    assert.equal(type, "refused");
    assert.match(String(message), why);
  }
  assert.equal(await frame.locator("form").isVisible(), true, "no session has begun");
  await inPortal(`first.postMessage(${JSON.stringify(good)})`);
  await wait(({ state }) => state === "live");
  await inPortal(`first.postMessage(${JSON.stringify(good)})`);
  await wait(({ message }) => /a session has begun/.test(String(message)));
  assert.deepEqual([...new Set(reports.map(({ from }) => from))], ["first"]);
});

pageTest("a named target that the form does not list is tried again by its name",
  { settings: [...settings, "targets.named=hidden=127.0.0.1:1"], origins },
  async ({ page, bridge, sshd }) => {
    body = byHand(`http://${bridge.address}`);
    const { wait } = collect(page);
    await page.goto(portal);
    const frame = await bridgeFrame(page);
    await page.evaluate("hello.then(() => join('port'))");
    await wait(({ type }) => type === "ready");
    const start = { type: "start", target: "hidden", ...sshd.login };
    await page.evaluate(`port.postMessage(${JSON.stringify(start)})`);
    await wait(({ code }) => code === "unreachable");
    await frame.getByRole("button", { name: "Back to the form" }).click();
    assert.equal(await frame.getByLabel("Server", { exact: true }).inputValue(), "hidden");
    assert.equal(await frame.getByLabel("Port", { exact: true }).isDisabled(), true);
  });

pageTest("a host key in a frame is accepted by pointer only",
  { settings: [...settings, "ssh.host_key_policy=ask", "ssh.known_hosts=/nonexistent/known_hosts"], origins },
  async ({ page, bridge, sshd, screenshot }) => {
    body = exampleFor({ bridge, sshd });
    const { reports, wait } = collect(page);
    await page.goto(portal);
    const frame = await bridgeFrame(page);
    const trust = frame.getByRole("button", { name: /^Trust/ });
    await trust.waitFor({ timeout: DEADLINE });
    await sleep(600);
    await screenshot("host key in a frame");
    for (const key of ["Enter", " "]) await trust.press(key);
    // A page can make up events, but no pointer.
    await trust.dispatchEvent("pointerdown");
    await trust.dispatchEvent("click");
    assert.equal(await trust.isVisible(), true);
    await trust.click();
    await wait(({ state }) => state === "live");
    assert.deepEqual(reports.filter(({ type }) => type === "ended"), []);
  });
