// The page at other addresses than a loopback port: plain http by name, and under a prefix behind HAProxy.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { freePort } from "../../src/web/client/test/support/bridge.mjs";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";
import { TcpProxy } from "./support/tcp-proxy.mjs";

// The settings of a bridge name the port of its page. A proxy holds that port from now on, and the bridge takes any.
const [direct, behind] = [new TcpProxy(), new TcpProxy()];
after(() => {
  direct.close();
  behind.close();
});

const port = await direct.listen();
const plain = `http://lan.test:${port}/`;

pageTest("over plain http by name the page warns, and works without the clipboard API", {
  settings: [`server.public_hosts=lan.test:${port}`],
  browser: ["--host-resolver-rules=MAP lan.test 127.0.0.1"], origins: [plain],
  // Chromium reports it for every such page; behind a proxy the bridge cannot know that there is no TLS.
  expectConsole: [/Cross-Origin-Opener-Policy header has been ignored/],
}, async ({ page, driver, bridge, login, screenshot }) => {
  direct.target = bridge.address;
  await page.goto(plain);
  assert.deepEqual(await page.evaluate(() => [isSecureContext, "clipboard" in navigator]), [false, false]);
  await page.getByText("plain http").waitFor();
  await screenshot("plain-http");
  await driver.login(login);
  await driver.ready();
  await driver.run("echo to-be-copied");
  await page.evaluate(() => probe.terminals[0].select(0, 2, 12));
  await page.keyboard.press("Control+C");
  await page.getByText("Copied.").waitFor();
  // The browser's own paste needs no API.
  await page.keyboard.type("echo pasted-");
  await page.keyboard.press("Control+Shift+V");
  await driver.waitFor("pasted-to-be-copied");
  await page.keyboard.press("Enter");
  await driver.waitFor("\npasted-to-be-copied");
});

const dir = mkdtempSync(join(tmpdir(), "sshard-haproxy-"));
execFileSync("openssl", [
  "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
  "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", join(dir, "pem.key"), "-out", join(dir, "pem"),
], { stdio: "ignore" });
const behindPort = await behind.listen();
// HAProxy binds it at once.
const securePort = await freePort();
const secure = `https://localhost:${securePort}/team/terminal/`;
writeFileSync(join(dir, "haproxy.cfg"), `
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 2m
frontend public
    bind 127.0.0.1:${securePort} ssl crt ${join(dir, "pem")} alpn h2,http/1.1
    use_backend bridge if { path_beg /team/terminal }
backend bridge
    server one 127.0.0.1:${behindPort}
`);
const haproxy = spawn("/usr/sbin/haproxy", ["-db", "-f", join(dir, "haproxy.cfg")], { stdio: "inherit" });
after(() => haproxy.kill("SIGKILL"));

/** @returns {Promise<boolean>} */
const listens = () => new Promise((resolve) => {
  const socket = connect(securePort, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
  socket.unref().on("connect", () => socket.destroy());
});

pageTest("the page works under a prefix behind HAProxy with TLS", {
  origins: [`https://localhost:${securePort}/team/terminal`],
  settings: ["server.path_prefix=/team/terminal", `server.public_hosts=localhost:${securePort}`, "server.trusted_proxies=127.0.0.1"],
  context: { ignoreHTTPSErrors: true },
}, async ({ page, driver, bridge, login, screenshot }) => {
  behind.target = bridge.address;
  await until(listens, "HAProxy listens");
  // Without the slash it is sent to the address with it.
  await page.goto(secure.slice(0, -1));
  assert.equal(page.url(), secure);
  const policy = (await page.reload())?.headers()["content-security-policy"] ?? "";
  assert(policy.includes(`wss://localhost:${securePort}`), policy);
  await driver.login(login);
  await driver.ready();
  assert.equal(await driver.run("echo through TLS"), "through TLS");
  await screenshot("behind-haproxy");
});
