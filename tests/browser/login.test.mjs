// Every way to log in, and what becomes of the secrets.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAsking } from "./support/asking.mjs";
import { pageTest } from "./support/page.mjs";

/** An authority whose certificates log in. */
const authority = join(mkdtempSync(join(tmpdir(), "sshard-browser-")), "authority");
execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", authority]);

pageTest("a password logs in, what is typed is echoed, and no secret stays behind", {}, async ({ page, driver, url, login, screenshot }) => {
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
  await driver.fill(login);
  await driver.key({ key: join(sshd.dir, "plain") });
  await driver.connect();
  await driver.ready();
});

pageTest("an encrypted key needs its passphrase, and the form says so", {}, async ({ page, driver, url, login, sshd }) => {
  await page.goto(url);
  await driver.fill(login);
  await driver.key({ key: join(sshd.dir, "locked"), passphrase: "guess" });
  await driver.connect();
  assert.match(await driver.ending(), /private key or certificate cannot be used/);
  await page.getByRole("button", { name: "Back to the form" }).click();
  assert.equal(await page.getByLabel("User", { exact: true }).inputValue(), login.user);
  assert.equal(await page.getByLabel("Passphrase of the key").inputValue(), "");
  await page.getByLabel("Private key file").setInputFiles(join(sshd.dir, "locked"));
  await page.getByLabel("Passphrase of the key").fill("open sesame");
  await driver.connect();
  await driver.ready();
});

pageTest("a certificate logs in", { sshd: [`TrustedUserCAKeys ${authority}.pub`] }, async ({ page, driver, url, login, sshd }) => {
  const key = join(sshd.dir, "certified");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", "browser", "-n", login.user, `${key}.pub`]);
  await page.goto(url);
  await driver.fill(login);
  await driver.key({ key, certificate: `${key}-cert.pub` });
  await driver.connect();
  await driver.ready();
});

pageTest("a key file that is too large is refused by the form", {}, async ({ page, driver, url, login, sshd }) => {
  const large = join(sshd.dir, "large");
  writeFileSync(large, "x".repeat(16 * 1024 + 1));
  await page.goto(url);
  await driver.fill(login);
  await driver.key({ key: large });
  await driver.connect();
  assert.match(await driver.ending(), /large has 16 kB; a key or certificate has at most 16 KiB/);
});

const twoSteps = await startAsking({
  banner: "Authorised use only.\u001b[31m\u202eevil",
  rounds: [
    { name: "Two steps", instruction: "Have your token at hand.", prompts: [{ prompt: "Password: ", echo: false }, { prompt: "Colour: ", echo: true }] },
    { name: "", instruction: "", prompts: [{ prompt: "Verification code: ", echo: false }] },
  ],
  accepts: (answers) => JSON.stringify(answers) === '[["s3cret","blue"],["123456"]]',
});

pageTest("prompts come as they are asked, with echo off where that is wanted", twoSteps.wish, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await driver.fill({ ...login, server: twoSteps.address });
  await driver.connect();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await screenshot("prompts");
  assert.match(await dialog.innerText(), new RegExp(`${twoSteps.address} asks[^]*Two steps[^]*token at hand`));
  assert.match(await page.locator("body").innerText(), /Authorised use only\.␛\[31m<U\+202E>evil/);
  const password = dialog.getByLabel("Password:");
  const colour = dialog.getByLabel("Colour:");
  assert.equal(await password.getAttribute("type"), "password");
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
  await driver.waitFor("the door is open $");
});

pageTest("a prompt that is cancelled ends the attempt", twoSteps.wish, async ({ page, driver, url, login }) => {
  await page.goto(url);
  await driver.fill({ ...login, server: twoSteps.address });
  await driver.connect();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Connect", exact: true }).waitFor();
});

pageTest("an unknown host key is stored under accept-new without a question", {
  settings: ["ssh.host_key_policy=accept-new"], knownHosts: () => "",
}, async ({ page, driver, url, login, sshd, knownHosts }) => {
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  assert.match(readFileSync(knownHosts, "utf8"), new RegExp(`\\[127\\.0\\.0\\.1\\]:${sshd.port} ssh-ed25519 `));
});

pageTest("an unknown host key is shown, compared, trusted or refused", {
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
  await dialog.getByLabel("Expected fingerprint").fill("SHA256:somethingelse");
  assert.equal(await trust.isDisabled(), true);
  await dialog.getByLabel("Expected fingerprint").fill(fingerprint.slice(0, -1));
  assert.equal(await trust.isDisabled(), true);
  await dialog.getByLabel("Expected fingerprint").fill(await dialog.locator(".fingerprint").innerText());
  await dialog.getByText("They are the same").waitFor();
  await dialog.getByLabel("Expected fingerprint").fill(shown);
  await dialog.getByText("They are the same").waitFor();
  await answer(trust);
  await driver.ready();
  await driver.line("exit");
  await page.getByRole("button", { name: "Reconnect" }).click();
  await driver.login(login);
  await answer(dialog.getByRole("button", { name: "Do not connect" }));
  assert.match(await driver.ending(), /host key was refused/);
});

/** Clicks until it counts: a click within half a second of the question does not. @param {import("playwright-core").Locator} button */
async function answer(button) {
  await button.waitFor();
  while (await button.isVisible()) await button.click({ timeout: 1000 }).catch(() => {});
}

pageTest("a link logs in once, and leaves no trace of its login", {}, async ({ page, driver, url, login }) => {
  const { server, user, password } = login;
  const json = JSON.stringify({ target: server, username: user, password });
  const fragment = `#login=${Buffer.from(json).toString("base64url")}`;
  await page.goto(url + fragment);
  await driver.ready();
  assert.equal(page.url(), url);
  const entries = await page.evaluate(() => /** @type {any} */ (globalThis).navigation.entries().map((/** @type {any} */ entry) => entry.url));
  assert.deepEqual(entries.slice(-1), [url]);
  assert(!entries.join().includes("login="), "the history has the login");
  assert.equal(await driver.run("whoami"), user);
  await driver.line("exit");
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Connect", exact: true }).waitFor();
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
});

pageTest("a query fills in the target and nothing else, and connects to nothing", {}, async ({ page, url, screenshot }) => {
  await page.goto(`${url}?target=host.example.org:2222&password=hunter2&user=root&command=id&gatewayUrl=wss://evil.example`);
  await page.getByRole("heading", { name: "Connect to a server" }).waitFor();
  const values = await page.locator("input").evaluateAll((inputs) => inputs.map((input) => /** @type {HTMLInputElement} */ (input).value));
  assert(values.some((value) => value.includes("host.example.org")), JSON.stringify(values));
  assert(!values.includes("hunter2"));
  await screenshot("form-filled");
});
