// Every way to log in, and that no secret is kept.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clickUntilAccepted, until } from "./support/driver.mjs";
import { pageTest, shellTest } from "./support/page.mjs";
import { startPromptServer } from "./support/prompt-server.mjs";

/** An authority whose certificates log in. */
const authority = join(mkdtempSync(join(tmpdir(), "sshard-browser-")), "authority");
execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", authority]);

/** Fragment of a link that logs in. @param {import("./support/page.mjs").Fixtures["login"]} login */
function linkTo({ server, user, password }) {
  return `#login=${Buffer.from(JSON.stringify({ target: server, username: user, password })).toString("base64url")}`;
}

pageTest("a password logs in, input is echoed, and no secret is kept", {}, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await page.getByRole("heading", { name: "Connect to a server" }).waitFor();
  await screenshot("form");
  await driver.login(login);
  await driver.ready();
  assert.equal(await driver.run("whoami"), login.user);
  const kept = await page.evaluate(() => JSON.stringify([
    location.href, document.title, document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage },
    [...document.querySelectorAll("input")].map((input) => input.value), history.state, document.cookie,
  ]));
  assert(!kept.includes(login.password), "the password is still in the page");
});

pageTest("a key from a file logs in", {}, async ({ page, driver, url, login, sshd }) => {
  await page.goto(url);
  await driver.loginWithKey(login, { key: join(sshd.dir, "plain") });
  await driver.ready();
});

pageTest("an encrypted key needs its passphrase, which can be corrected in the form", {}, async ({ page, driver, url, login, sshd }) => {
  await page.goto(url);
  await driver.loginWithKey(login, { key: join(sshd.dir, "locked"), passphrase: "guess" });
  assert.match(await driver.ending(), /private key or certificate cannot be used/);
  await driver.click("Back to the form");
  assert.equal(await driver.field("User").inputValue(), login.user);
  assert.equal(await page.getByLabel("Passphrase of the key").inputValue(), "");
  await page.getByLabel("Private key file").setInputFiles(join(sshd.dir, "locked"));
  await page.getByLabel("Passphrase of the key").fill("open sesame");
  await driver.click("Connect");
  await driver.ready();
});

pageTest("a certificate logs in", { sshd: [`TrustedUserCAKeys ${authority}.pub`] }, async ({ page, driver, url, login, sshd }) => {
  const key = join(sshd.dir, "certified");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", "browser", "-n", login.user, `${key}.pub`]);
  await page.goto(url);
  await driver.loginWithKey(login, { key, certificate: `${key}-cert.pub` });
  await driver.ready();
});

/**
 * Submits a form whose key file is not read until `readOn` is called in the page, and counts the reads. Returns the
 * addresses of the page's WebSockets.
 * @param {import("./support/page.mjs").Fixtures} fixtures
 */
async function submitHeldKey({ page, driver, url, login, sshd }) {
  const sockets = /** @type {string[]} */ ([]);
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.goto(url);
  await page.evaluate(() => {
    const read = File.prototype.text;
    const held = new Promise((resolve) => { probe.readOn = resolve; });
    probe.reads = 0;
    File.prototype.text = async function text() {
      probe.reads += 1;
      await held;
      return read.call(this);
    };
  });
  await driver.loginWithKey(login, { key: join(sshd.dir, "plain") });
  return sockets;
}

pageTest("a form is submitted once, also while its key file is read", {}, async (fixtures) => {
  const { page, driver, login } = fixtures;
  const sockets = await submitHeldKey(fixtures);
  await driver.field("User").press("Enter");
  await page.getByRole("button", { name: "Connect", exact: true }).dispatchEvent("click");
  assert.equal(await page.evaluate(() => probe.reads), 1);
  await page.evaluate(() => probe.readOn());
  await driver.ready();
  assert.equal(await driver.run("whoami"), login.user);
  assert.equal(sockets.length, 1);
  await driver.exitToForm();
  assert.equal(await page.getByRole("button", { name: "Connect", exact: true }).isEnabled(), true);
});

pageTest("a form whose tab has connected by a link meanwhile connects to nothing", {}, async (fixtures) => {
  const { page, driver, url, login } = fixtures;
  const sockets = await submitHeldKey(fixtures);
  await page.goto(url + linkTo(login));
  await driver.ready();
  await page.evaluate(() => probe.readOn());
  assert.equal(await driver.run("whoami"), login.user);
  assert.equal(sockets.length, 1);
});

pageTest("a form whose tab is closed meanwhile connects to nothing", {}, async (fixtures) => {
  const { page, driver, login } = fixtures;
  const sockets = await submitHeldKey(fixtures);
  await driver.click("Close New session");
  await page.evaluate(() => probe.readOn());
  await driver.login(login);
  await driver.ready();
  assert.equal(sockets.length, 1);
});

pageTest("a key file that is too large is refused by the form", {}, async ({ page, driver, url, login, sshd }) => {
  const large = join(sshd.dir, "large");
  writeFileSync(large, "x".repeat(16 * 1024 + 1));
  await page.goto(url);
  await driver.loginWithKey(login, { key: large });
  assert.match(await driver.ending(), /large has 16 kB; a key or certificate has at most 16 KiB/);
});

const twoSteps = await startPromptServer({
  banner: "Authorised use only.\u001b[31m\u202eevil",
  rounds: [
    { name: "Two steps", instruction: "Have your token at hand.", prompts: [{ prompt: "Password: ", echo: false }, { prompt: "Colour: ", echo: true }] },
    { name: "", instruction: "", prompts: [{ prompt: "Verification code: ", echo: false }] },
  ],
  accepts: (answers) => JSON.stringify(answers) === '[["s3cret","blue"],["123456"]]',
});

pageTest("prompts are shown as the server asks them, with echo off where it wants that", twoSteps.options, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await driver.login({ server: twoSteps.address, user: login.user });
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await screenshot("prompts");
  assert.match(await dialog.innerText(), new RegExp(`${twoSteps.address} asks[^]*Two steps[^]*token at hand`));
  assert.match(await page.locator("body").innerText(), /Authorised use only\.␛\[31m<U\+202E>evil/);
  const colour = dialog.getByLabel("Colour:");
  assert.equal(await dialog.getByLabel("Password:").getAttribute("type"), "password");
  assert.equal(await colour.getAttribute("type"), "text");
  // The first question has the focus.
  await page.keyboard.type("s3cret");
  await colour.fill("blue");
  await dialog.getByRole("button", { name: "Send" }).click();
  const code = page.getByLabel("Verification code:");
  await code.waitFor();
  assert.equal(await code.getAttribute("autocomplete"), "one-time-code");
  await code.fill("123456");
  await page.keyboard.press("Enter");
  await driver.waitFor("logged in with two factors $");
});

pageTest("a prompt that is cancelled ends the attempt", twoSteps.options, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.login({ server: twoSteps.address, user: login.user });
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Connect", exact: true }).waitFor();
});

/** Lets the server below ask. */
let allowQuestion = () => {};
const allowed = new Promise((resolve) => { allowQuestion = () => resolve(undefined); });
const lateQuestion = await startPromptServer({
  rounds: [{ name: "", instruction: "", prompts: [{ prompt: "Password: ", echo: false }] }],
  accepts: (answers) => JSON.stringify(answers) === '[["s3cret"]]',
  mayAsk: async () => { await allowed; },
});

shellTest("a question of one tab waits while the user types into another", {
  ...lateQuestion.options, knownHosts: (right) => right + lateQuestion.options.knownHosts(),
}, async ({ page, driver, login, screenshot }) => {
  await driver.click("New session");
  await driver.login({ server: lateQuestion.address, user: login.user });
  await driver.click("Split view");
  const tabs = page.getByRole("tab");
  assert.equal(await tabs.nth(0).getAttribute("aria-selected"), "true");
  allowQuestion();
  await until(async () => /has a question/.test(await tabs.nth(1).innerText()), "the tab has a question");
  assert.equal(await driver.run("echo typed here"), "typed here");
  await screenshot("question-beside");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("button", { name: "Answer" }).click();
  await page.getByRole("dialog").getByLabel("Password:").fill("s3cret");
  await page.keyboard.press("Enter");
  await page.locator('.pane[data-phase="live"]').nth(1).waitFor();
});

shellTest("an unknown host key is stored under accept-new without a question", {
  settings: ["ssh.host_key_policy=accept-new"], knownHosts: () => "",
}, async ({ sshd, knownHosts }) => {
  assert.match(readFileSync(knownHosts, "utf8"), new RegExp(`\\[127\\.0\\.0\\.1\\]:${sshd.port} ssh-ed25519 `));
});

pageTest("an unknown host key is shown, compared, and accepted or refused", {
  settings: ["ssh.host_key_policy=ask"], knownHosts: () => "",
}, async ({ page, driver, url, login, sshd, screenshot }) => {
  const shown = execFileSync("ssh-keygen", ["-l", "-E", "sha256", "-f", join(sshd.dir, "host.pub")], { encoding: "utf8" });
  const fingerprint = shown.split(" ")[1] ?? "";
  await page.goto(url);
  await driver.login(login);
  const dialog = page.getByRole("dialog");
  const trust = dialog.getByRole("button", { name: "Trust it" });
  await dialog.waitFor();
  await screenshot("host-key");
  assert((await dialog.locator(".fingerprint").innerText()).replace(/\s/g, "").includes(fingerprint));
  const expected = dialog.getByLabel("Expected fingerprint");
  for (const other of ["SHA256:somethingelse", fingerprint.slice(0, -1)]) {
    await expected.fill(other);
    assert.equal(await trust.isDisabled(), true, other);
  }
  for (const same of [await dialog.locator(".fingerprint").innerText(), shown]) {
    await expected.fill(same);
    await dialog.getByText("They are the same").waitFor();
  }
  await clickUntilAccepted(trust);
  await driver.ready();
  await driver.exitToForm();
  await driver.login(login);
  await clickUntilAccepted(dialog.getByRole("button", { name: "Do not connect" }));
  assert.match(await driver.ending(), /host key was refused/);
});

pageTest("a click in the moment in which a host key is shown does not count, and Enter does not connect", {
  settings: ["ssh.host_key_policy=ask"], knownHosts: () => "",
}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await page.evaluate(() => new MutationObserver((_, observer) => {
    const trust = [...document.querySelectorAll("dialog button")].find((button) => button.textContent?.startsWith("Trust it"));
    if (trust instanceof HTMLElement) {
      observer.disconnect();
      trust.click();
      // An accepted click closes the dialog at once.
      probe.closedByClick = trust.closest("dialog")?.open !== true;
    }
  }).observe(document.body, { childList: true }));
  await driver.login(login);
  const dialog = page.getByRole("dialog");
  await until(() => page.evaluate(() => probe.closedByClick !== undefined), "the click");
  assert.equal(await page.evaluate(() => probe.closedByClick), false);
  await until(async () => {
    await page.keyboard.press("Enter");
    return !(await dialog.isVisible());
  }, "an Enter that counts");
  assert.match(await driver.ending(), /host key was refused/);
});

pageTest("a link logs in once, and its login is not kept in the history", {}, async ({ page, driver, url, login }) => {
  await page.goto(url + linkTo(login));
  await driver.ready();
  assert.equal(page.url(), url);
  const entries = await page.evaluate(() => /** @type {any} */ (globalThis).navigation.entries().map((/** @type {any} */ entry) => entry.url));
  assert.deepEqual(entries.slice(-1), [url]);
  assert(!entries.join().includes("login="), "the history has the login");
  assert.equal(await driver.run("whoami"), login.user);
  await driver.line("exit");
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Connect", exact: true }).waitFor();
  assert.equal(await driver.field("Password").inputValue(), "");
});

pageTest("a link that is opened where the page is already logs in, too", {}, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.field("Server").waitFor();
  for (const count of [1, 2]) {
    await page.goto(url + linkTo(login));
    await until(async () => await page.getByRole("tab").count() === count, `${count} tabs`);
    await driver.ready();
    assert.equal(page.url(), url);
    assert.equal(await page.getByRole("tab").count(), count);
    assert.equal(await driver.run("whoami"), login.user);
  }
});
