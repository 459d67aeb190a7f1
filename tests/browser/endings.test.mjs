// Each way in which a session does not come about, or ends: the sentence that is shown, and what can be done then.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Cable } from "./support/cable.mjs";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";

/** @typedef {import("./support/page.mjs").Scene} Scene */

/** @param {Scene} scene */
async function shell({ page, driver, url, login }) {
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
}

pageTest("a wrong password says so, and the form keeps all but the secret", {}, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await driver.login({ ...login, password: "wrong" });
  assert.match(await driver.ending(), /SSH server refused the login.*user, password or key is wrong.*Check user, password/i);
  await screenshot("ending-wrong-password");
  await page.getByRole("button", { name: "Back to the form" }).click();
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  await page.getByLabel("Password", { exact: true }).fill(login.password);
  await page.keyboard.press("Enter");
  await driver.ready();
});

/** Another key in place of the right one. @param {string} right */
function another(right) {
  const key = "AAAAC3NzaC1lZDI1NTE5AAAAIHi0q0Mq0Yv5fHfH2o3n6f6l8o2m1m0Yv5fHfH2o3n6f";
  return right.replace(/ssh-ed25519 \S+/, `ssh-ed25519 ${key}`);
}

pageTest("a changed host key stops the log-in", { knownHosts: another }, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await driver.login(login);
  assert.match(await driver.ending(), /host key has changed.*Do not go on/);
  await screenshot("ending-host-key-changed");
});

pageTest("an unknown host key stops the log-in under strict", { knownHosts: () => "" }, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.login(login);
  assert.match(await driver.ending(), /host key is not known.*Ask your administrator/);
});

pageTest("a target that the bridge does not allow is refused", {}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.login({ ...login, server: "host.example.org" });
  assert.match(await driver.ending(), /does not allow this target.*Ask your administrator/);
  // What is no server at all does not leave the form.
  await page.getByRole("button", { name: "Back to the form" }).click();
  await driver.login({ ...login, server: "two words" });
  assert.match(await driver.ending(), /server must be a host name/);
});

pageTest("a target that is off is said to be", { args: ["--allow", "127.0.0.1:1"] }, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.login({ ...login, server: "127.0.0.1:1" });
  assert.match(await driver.ending(), /target cannot be reached/);
});

pageTest("a full target says so in a second tab, and the first goes on", {
  settings: ["limits.max_connections_per_host=1"],
}, async (scene) => {
  const { page, driver, login } = scene;
  await shell(scene);
  await page.getByRole("button", { name: "New session" }).click();
  await driver.login(login);
  assert.match(await driver.ending(), /target has too many sessions.*Try again later/);
  await page.getByRole("tab").first().click();
  assert.equal(await driver.run("echo still here"), "still here");
});

pageTest("a shell's exit status is told, and a program's signal", {}, async (scene) => {
  const { page, driver, login, screenshot } = scene;
  await shell(scene);
  await driver.line("exit 0");
  assert.match(await driver.ending(), /session has ended\./);
  await page.getByRole("button", { name: "Reconnect" }).click();
  assert.equal(await page.getByLabel("User", { exact: true }).inputValue(), login.user);
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  await driver.login(login);
  await driver.ready();
  await driver.line("exec bash -c 'kill -SEGV $$'");
  assert.match(await driver.ending(), /SIGSEGV|exit status 139/);
  await screenshot("ending-signal");
  // What the terminal showed stays readable.
  assert.match((await driver.screen())?.text ?? "", /kill -SEGV/);
});

pageTest("a drain is announced with the time left, and ends the session then", {
  settings: ["server.drain_timeout=15s"],
}, async (scene) => {
  const { page, driver, bridge, screenshot } = scene;
  await shell(scene);
  bridge.child.kill("SIGTERM");
  const notice = page.getByText(/bridge restarts/i).first();
  await notice.waitFor();
  await screenshot("drain");
  const left = async () => Number(/in 0:(\d\d)/.exec(await page.locator(".countdown").innerText())?.[1]);
  const first = await left();
  assert(first > 0 && first <= 15, `${first} s`);
  await until(async () => (await left()) < first, "the countdown goes on");
  assert.equal(await driver.run("echo until then it works"), "until then it works");
  await page.getByText("The bridge is shutting down").first().waitFor({ timeout: 40_000 });
});

pageTest("a session that an administrator ends says so", {}, async (scene) => {
  const { page, driver, bridge } = scene;
  await shell(scene);
  const list = /** @type {{ sessions: { id: string }[] }} */ (await (await fetch(`http://${bridge.admin}/api/v1/sessions`)).json());
  const [session] = list.sessions;
  await fetch(`http://${bridge.admin}/api/v1/sessions/${session?.id}`, { method: "DELETE", headers: { "x-sshard-admin": "1" } });
  assert.match(await driver.ending(), /An administrator ended the session/);
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
});

pageTest("an idle session is ended with its sentence", { settings: ["session.idle_timeout=3s"] }, async (scene) => {
  await shell(scene);
  assert.match(await scene.driver.ending(), /idle for too long/);
});

pageTest("a target that goes down ends the session with its sentence", {}, async (scene) => {
  const { driver } = scene;
  await shell(scene);
  const pid = await driver.run("ps -o ppid= $PPID");
  execFileSync("kill", ["-KILL", pid.trim(), await processGroupOf(pid)]);
  assert.match(await driver.ending(), /connection to the target was lost/);
});

/** The process of sshd that has the connection: the one of this id, or that of its child. @param {string} pid */
async function processGroupOf(pid) {
  return readFileSync(`/proc/${pid.trim()}/task/${pid.trim()}/children`, "utf8").trim().split(" ")[0] || pid.trim();
}

pageTest("a bridge that is killed, and one that is gone, are told apart from a refusal", {
  expectConsole: [/WebSocket connection to .* failed/],
}, async (scene) => {
  const { page, driver, bridge, login, screenshot } = scene;
  await shell(scene);
  await bridge.stop();
  assert.match(await driver.ending(), /connection to the bridge was lost/);
  await screenshot("ending-disconnected");
  await page.getByRole("button", { name: "Reconnect" }).click();
  await driver.login(login);
  await page.getByText("bridge cannot be reached").first().waitFor();
});

const cable = new Cable();
const cablePort = await cable.listen();

pageTest("a network that falls silent is noticed within 25 s, and nothing is lost if it comes back", {
  settings: [`server.public_hosts=127.0.0.1:${cablePort}`], origins: [`http://127.0.0.1:${cablePort}/`],
}, async (scene) => {
  const { page, driver, bridge, login, screenshot } = scene;
  cable.target = bridge.address;
  await shell({ ...scene, url: `http://127.0.0.1:${cablePort}/`, login });
  await driver.run("kept=yes");
  cable.silence();
  const since = Date.now();
  await page.getByText("No answer from the bridge").first().waitFor({ timeout: 60_000 });
  const took = Date.now() - since;
  assert(took < 35_000, `noticed after ${took} ms`);
  await screenshot("no-answer");
  cable.mend();
  await page.getByText("Connected", { exact: true }).first().waitFor();
  assert.equal(await driver.run("echo $kept"), "yes");
  cable.sever();
  assert.match(await driver.ending(), /connection to the bridge was lost/);
  cable.close();
});

pageTest("leaving the page asks while a session lives, and not else", {}, async (scene) => {
  const { page, driver } = scene;
  await shell(scene);
  /** @type {string[]} */
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await page.evaluate(() => { location.href = "about:blank"; });
  await until(() => asked.length === 1, "the question");
  assert.deepEqual(asked, ["beforeunload"]);
  assert.equal(await driver.run("echo still here"), "still here");
  await driver.line("exit");
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
  await page.goto("about:blank");
  assert.equal(asked.length, 1);
});
