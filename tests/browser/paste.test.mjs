// Pastes and copies: what reaches the far side, what is asked first, and what never passes.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";

const clipboard = { context: { permissions: ["clipboard-read", "clipboard-write"] } };
const ESC = "\u001b";

/** Puts `text` into the clipboard and pastes it as a user does. @param {import("./support/page.mjs").Scene} scene @param {string} text */
async function paste({ page }, text) {
  await page.evaluate((value) => navigator.clipboard.writeText(value), text);
  await page.keyboard.press("Control+Shift+V");
}

pageTest("a paste of 1 MB arrives whole", clipboard, async (scene) => {
  const { page, driver, url, login, screenshot } = scene;
  const text = `${randomBytes(768 * 1024).toString("base64").match(/.{1,76}/g)?.join("\n")}\n`;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await driver.line("stty -echo; cat > paste.out; stty echo; sha256sum < paste.out; rm paste.out");
  await paste(scene, text);
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/Paste \d+ lines/).waitFor();
  await screenshot("paste-question");
  await dialog.getByRole("button", { name: "Paste", exact: true }).click();
  // A paste that takes 300 ms has a bar; on a fast machine this one has none.
  await page.waitForTimeout(500);
  await page.getByText("Cancel the paste").waitFor({ state: "detached", timeout: 60_000 });
  await page.keyboard.press("Control+D");
  await driver.waitFor(createHash("sha256").update(text).digest("hex"), 60_000);
});

pageTest("a paste that ends the bracket itself runs nothing", clipboard, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await driver.run("rm -f smuggled; bind 'set enable-bracketed-paste on'");
  for (const end of [`${ESC}[201~`, "\u009b201~", `${ESC}${ESC}[[201~201~`, `${ESC}\u0000[201~`]) {
    await paste(scene, `a ${end}\rtouch smuggled\r`);
    await driver.waitFor("touch smuggled");
    await page.keyboard.press("Control+C");
    await driver.waitFor(/\$ $/);
    assert.equal(await driver.run("ls smuggled 2>&1 | tail -c 26"), "No such file or directory");
  }
});

pageTest("several lines are asked about, with control characters made visible", clipboard, async (scene) => {
  const { page, driver, url, login, screenshot } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await driver.run("bind 'set enable-bracketed-paste off'");
  const dialog = page.getByRole("dialog");

  await paste(scene, `touch one${ESC}[A\u202e\ntouch two`);
  await dialog.waitFor();
  await screenshot("paste-hostile");
  assert.match(await dialog.locator("pre").innerText(), /touch one␛\[A<U\+202E>\ntouch two/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await driver.run("ls one two 2>/dev/null"), "");

  await paste(scene, "echo joined \\\n  lines");
  await dialog.getByRole("button", { name: "one line" }).click();
  await driver.waitFor("joined \\ lines");
  await page.keyboard.press("Enter");
  await driver.waitFor(/\njoined {1,2}lines/);

  await paste(scene, "echo twice-$((20+1))\necho twice-$((20+2))\n");
  await dialog.getByRole("button", { name: "Paste", exact: true }).click();
  await driver.waitFor(/twice-21[^]*twice-22/);
});

pageTest("much is asked about although the remote side says that it takes pastes as text", clipboard, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await driver.line("printf '\\e[?2004h'; cat > /dev/null");
  await paste(scene, "x\n".repeat(60));
  await page.getByRole("dialog").getByText(/Paste 60 lines/).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+C");
  await driver.waitFor(/\$ $/);
});

pageTest("a paste that is cancelled half-way leaves no bracket open", clipboard, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  // Nothing reads for some seconds, so that the paste is not through when it is cancelled.
  await driver.line("stty raw -echo; printf '\\e[?2004h'; echo ready; sleep 4; timeout --foreground 5 cat > paste.out; stty sane; tail -c 6 paste.out | base64; rm paste.out");
  await driver.waitFor("\nready");
  await paste(scene, "y".repeat(3_000_000));
  await page.getByRole("dialog").getByRole("button", { name: "Paste", exact: true }).click();
  await page.getByText("Cancel the paste").click();
  await page.getByText("Cancel the paste").waitFor({ state: "detached" });
  await driver.waitFor(Buffer.from(`${ESC}[201~`).toString("base64"));
});

pageTest("a selection is copied by Ctrl+C, and Ctrl+C without one interrupts", clipboard, async (scene) => {
  const { page, driver, url, login } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await driver.run("echo copy-me");
  await page.evaluate(() => /** @type {any} */ (globalThis).seen.terminals[0].select(0, 2, 7));
  await page.keyboard.press("Control+C");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "copy-me");
  await driver.line("sleep 100");
  await page.keyboard.press("Control+C");
  await driver.waitFor(/\^C[^]*\$ $/);
});

pageTest("the remote side may copy only when it was allowed to, and never reads", clipboard, async (scene) => {
  const { page, driver, url, login, screenshot } = scene;
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
  await page.evaluate(() => navigator.clipboard.writeText("mine"));
  const osc52 = (/** @type {string} */ text) => `printf '\\e]52;c;${Buffer.from(text).toString("base64")}\\a'`;
  const clip = () => page.evaluate(() => navigator.clipboard.readText());

  await driver.run(osc52("theirs"));
  await page.getByText("wants to copy 6 characters").waitFor();
  await screenshot("remote-copy");
  assert.equal(await clip(), "mine");
  await page.getByRole("button", { name: "No", exact: true }).click();
  assert.equal(await clip(), "mine");

  await driver.run(osc52("theirs é✓"));
  await page.getByRole("button", { name: "Copy once" }).click();
  await page.getByText("Copied.").waitFor();
  assert.equal(await clip(), "theirs é✓");

  // A text cannot be accepted at once, neither the first nor another in its place.
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      if (document.querySelector(".remote-copy button.primary:disabled") !== null) {
        observer.disconnect();
        document.body.dataset.seen = "yes";
      }
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await driver.run(`${osc52("shown first")}; sleep 0.2; ${osc52("in its place")}`);
  await page.getByRole("button", { name: "Copy once" }).click();
  await until(async () => await clip() === "in its place", "the copy of what is shown");
  assert.equal(await page.evaluate(() => document.body.dataset.seen), "yes");

  await driver.run(osc52("again"));
  await page.getByRole("button", { name: "Allow in this session" }).click();
  await page.getByText("wants to copy").waitFor({ state: "hidden" });
  await driver.run(osc52("without a question"));
  await until(async () => await clip() === "without a question", "the copy that was allowed");

  // A read is answered by nothing: `cat -v` would show an answer as input.
  const answer = await driver.run("stty raw -echo; printf '\\e]52;c;?\\a'; sleep 1; dd iflag=nonblock bs=1000 count=1 2>/dev/null | base64; stty sane");
  assert.equal(answer, "");
});
