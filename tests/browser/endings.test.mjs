// Each way in which an attempt fails or a session ends: the sentence that is shown, and what the user can do then.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { until } from "./support/driver.mjs";
import { openShell, pageTest, shellTest } from "./support/page.mjs";
import { TcpProxy } from "./support/tcp-proxy.mjs";

pageTest("a wrong password is named, and the form keeps all but the secret", {}, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await driver.login({ ...login, password: "wrong" });
  assert.match(await driver.ending(), /SSH server refused the login.*user, password or key is wrong.*Check user, password/i);
  await screenshot("ending-wrong-password");
  await driver.click("Back to the form");
  assert.equal(await driver.field("Password").inputValue(), "");
  await driver.field("Password").fill(login.password);
  await page.keyboard.press("Enter");
  await driver.ready();
});

/** Puts another key in place of the right one. @param {string} right */
function withAnotherKey(right) {
  const key = "AAAAC3NzaC1lZDI1NTE5AAAAIHi0q0Mq0Yv5fHfH2o3n6f6l8o2m1m0Yv5fHfH2o3n6f";
  return right.replace(/ssh-ed25519 \S+/, `ssh-ed25519 ${key}`);
}

/** @type {[string, import("./support/page.mjs").TestOptions, { server?: string }, RegExp][]} */
const FAILURES = [
  ["a changed host key stops the log-in", { knownHosts: withAnotherKey }, {}, /host key has changed.*Do not go on/],
  ["an unknown host key stops the log-in under strict", { knownHosts: () => "" }, {}, /host key is not known.*Ask your administrator/],
  ["a target that is down cannot be reached", { args: ["--allow", "127.0.0.1:1"] }, { server: "127.0.0.1:1" }, /target cannot be reached/],
];
for (const [name, options, change, sentence] of FAILURES) {
  pageTest(name, options, async ({ page, driver, url, login, screenshot }) => {
    await page.goto(url);
    await driver.login({ ...login, ...change });
    assert.match(await driver.ending(), sentence);
    await screenshot(`ending ${name}`);
  });
}

pageTest("a target that the bridge does not allow is refused", {}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.login({ ...login, server: "host.example.org" });
  assert.match(await driver.ending(), /does not allow this target.*Ask your administrator/);
  // What is no server at all does not leave the form.
  await driver.click("Back to the form");
  await driver.login({ ...login, server: "two words" });
  assert.match(await driver.ending(), /server must be a host name/);
});

shellTest("a full target refuses a second tab, and the first session continues", {
  settings: ["limits.max_connections_per_host=1"],
}, async ({ page, driver, login }) => {
  await driver.click("New session");
  await driver.login(login);
  assert.match(await driver.ending(), /target has too many sessions.*Try again later/);
  await page.getByRole("tab").first().click();
  assert.equal(await driver.run("echo still here"), "still here");
});

shellTest("what is typed while a session ends presses no button", {}, async ({ page, driver }) => {
  await driver.line("echo before; exit 0");
  await driver.ending();
  for (const key of ["Space", "x", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
  assert.match((await driver.screen())?.text ?? "", /\nbefore\n/);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await driver.field("Password").waitFor();
});

shellTest("a shell's exit status is shown, and a program's signal", {}, async ({ driver, login, screenshot }) => {
  await driver.line("exit 0");
  assert.match(await driver.ending(), /session has ended\./);
  await driver.click("Reconnect");
  assert.equal(await driver.field("User").inputValue(), login.user);
  assert.equal(await driver.field("Password").inputValue(), "");
  await driver.login(login);
  await driver.ready();
  await driver.line("exec bash -c 'kill -SEGV $$'");
  assert.match(await driver.ending(), /SIGSEGV|exit status 139/);
  await screenshot("ending-signal");
  // What the terminal showed stays readable.
  assert.match((await driver.screen())?.text ?? "", /kill -SEGV/);
});

shellTest("a drain is announced with the time left, and ends the session then", {
  settings: ["server.drain_timeout=30s"],
}, async ({ page, driver, bridge, screenshot }) => {
  bridge.child.kill("SIGTERM");
  const notice = page.getByText(/bridge restarts/i).first();
  await notice.waitFor();
  await screenshot("drain");
  const left = async () => Number(/in 0:(\d\d)/.exec(await page.locator(".countdown").innerText())?.[1]);
  const first = await left();
  assert(first > 0 && first <= 30, `${first} s`);
  await until(async () => (await left()) < first, "the countdown goes on");
  assert.equal(await driver.run("echo until then it works"), "until then it works");
  await page.getByText("The bridge is shutting down").first().waitFor({ timeout: 60_000 });
});

pageTest("an idle session shows the message of its end", {
  settings: ["session.idle_timeout=3s"],
}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  // No wait for the prompt: on a busy machine the session may end before it is looked for.
  await driver.login(login);
  assert.match(await driver.ending(), /idle for too long/);
});

shellTest("a target that goes down ends the session with its message", {}, async ({ driver }) => {
  // The process of sshd that has the connection: the shell's grandparent, or a child of it.
  const pid = (await driver.run("ps -o ppid= $PPID")).trim();
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  execFileSync("kill", ["-KILL", pid, child || pid]);
  assert.match(await driver.ending(), /connection to the target was lost/);
});

shellTest("a bridge that is killed, and one that is down, differ from a refusal", {
  expectConsole: [/WebSocket connection to .* failed/],
}, async ({ page, driver, bridge, login, screenshot }) => {
  await bridge.stop();
  assert.match(await driver.ending(), /connection to the bridge was lost/);
  await screenshot("ending-disconnected");
  await driver.click("Reconnect");
  await driver.login(login);
  await page.getByText("bridge cannot be reached").first().waitFor();
});

const network = new TcpProxy();
const port = await network.listen();

pageTest("a network that stalls is noticed, and nothing is lost if it resumes", {
  settings: [`server.public_hosts=127.0.0.1:${port}`], origins: [`http://127.0.0.1:${port}/`],
}, async ({ page, driver, bridge, login, screenshot }) => {
  network.target = bridge.address;
  await openShell({ page, driver, login, url: `http://127.0.0.1:${port}/` });
  await driver.run("kept=yes");
  network.stall();
  await page.getByText("No answer from the bridge").first().waitFor({ timeout: 60_000 });
  await screenshot("no-answer");
  network.resume();
  await page.getByText("Connected", { exact: true }).first().waitFor();
  assert.equal(await driver.run("echo $kept"), "yes");
  network.reset();
  assert.match(await driver.ending(), /connection to the bridge was lost/);
  network.close();
});

shellTest("leaving the page asks while a session runs, and not otherwise", {}, async ({ page, driver }) => {
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
  await driver.ending();
  await page.goto("about:blank");
  assert.equal(asked.length, 1);
});
