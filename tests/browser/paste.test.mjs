// Pastes and copies: what reaches the server, what needs the user's consent, and what is never let through.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { WAITING_PROGRAM, until } from "./support/driver.mjs";
import { CLIPBOARD, shellTest } from "./support/page.mjs";

const ESC = "\u001b";

shellTest("a paste of 1 MB arrives whole", CLIPBOARD, async ({ page, driver, screenshot }) => {
  const text = `${randomBytes(768 * 1024).toString("base64").match(/.{1,76}/g)?.join("\n")}\n`;
  await driver.line("stty -echo; echo waiting; cat > paste.out; stty echo; sha256sum < paste.out; rm paste.out");
  await driver.waitingProgram();
  await driver.paste(text);
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

shellTest("a paste that contains the end of a bracketed paste runs nothing", CLIPBOARD, async ({ page, driver }) => {
  await driver.run("rm -f smuggled-*; bind 'set enable-bracketed-paste on'");
  const ends = [`${ESC}[201~`, "\u009b201~", `${ESC}${ESC}[[201~201~`, `${ESC}\u0000[201~`];
  for (const [number, end] of ends.entries()) {
    // A name of its own: the one before is still on the screen.
    await driver.paste(`a ${end}\rtouch smuggled-${number}\r`);
    await driver.waitFor(`touch smuggled-${number}`);
    await page.keyboard.press("Control+C");
    await driver.waitFor(/\$ $/);
    assert.equal(await driver.run("ls smuggled-* 2>&1 | tail -c 26"), "No such file or directory");
  }
});

shellTest("a paste of several lines needs consent, and its control characters are visible", CLIPBOARD, async ({ page, driver, screenshot }) => {
  await driver.run("bind 'set enable-bracketed-paste off'");
  const dialog = page.getByRole("dialog");

  await driver.paste(`touch one${ESC}[A\u202e\ntouch two`);
  await dialog.waitFor();
  await screenshot("paste-hostile");
  assert.match(await dialog.locator("pre").innerText(), /touch one␛\[A<U\+202E>\ntouch two/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await driver.run("ls one two 2>/dev/null"), "");

  await driver.paste("echo joined \\\n  lines");
  await dialog.getByRole("button", { name: "one line" }).click();
  await driver.waitFor("joined \\ lines");
  await page.keyboard.press("Enter");
  await driver.waitFor(/\njoined {1,2}lines/);

  await driver.paste("echo twice-$((20+1))\necho twice-$((20+2))\n");
  await dialog.getByRole("button", { name: "Paste", exact: true }).click();
  await driver.waitFor(/twice-21[^]*twice-22/);
});

shellTest("a large paste needs consent also in bracketed paste mode", CLIPBOARD, async ({ page, driver }) => {
  // One program, so that the interrupt reaches it and not the shell between two.
  await driver.line(`bash -c "printf '\\e[?2004h'; echo waiting; cat > /dev/null"`);
  await driver.waitingProgram();
  await driver.paste("x\n".repeat(60));
  await page.getByRole("dialog").getByText(/Paste 60 lines/).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+C");
  await driver.waitFor(/\$ $/);
});

/** @type {[string, (driver: import("./support/driver.mjs").Driver) => Promise<void>][]} */
const CANCELS = [
  ["click", (driver) => driver.click("Cancel the paste")],
  ["Ctrl+C", (driver) => driver.page.keyboard.press("Control+C")],
];
for (const [how, cancel] of CANCELS) {
  shellTest(`a paste that is cancelled by ${how} still ends its bracketed paste`, CLIPBOARD, async ({ page, driver, sshd }) => {
    // Nothing reads until the paste is cancelled, so that it is not through before; then perl reads up to its end.
    const cancelled = join(sshd.dir, `cancelled-by-${how}`);
    await driver.line("stty raw -echo; printf '\\e[?2004h'; echo ready; "
      + `until [ -e ${cancelled} ]; do sleep 0.1; done; perl -e '$/ = "\\e[201~"; print scalar <STDIN>' > paste.out; `
      + "stty sane; tail -c 6 paste.out | base64; rm paste.out");
    await driver.waitFor("\nready");
    await driver.paste("y".repeat(3_000_000));
    await page.getByRole("dialog").getByRole("button", { name: "Paste", exact: true }).click();
    await page.getByText("Cancel the paste").waitFor();
    await cancel(driver);
    await page.getByText("Cancel the paste").waitFor({ state: "detached" });
    writeFileSync(cancelled, "");
    await driver.waitFor(Buffer.from(`${ESC}[201~`).toString("base64"));
  });
}

shellTest("a selection is copied by Ctrl+C, and Ctrl+C without one interrupts", CLIPBOARD, async ({ page, driver }) => {
  await driver.run("echo copy-me");
  await page.evaluate(() => probe.terminals[0].select(0, 2, 7));
  await page.keyboard.press("Control+C");
  assert.equal(await driver.clipboard(), "copy-me");
  await driver.line(WAITING_PROGRAM);
  await driver.waitingProgram();
  await page.keyboard.press("Control+C");
  await driver.waitFor(/\^C[^]*\$ $/);
});

shellTest("the remote side writes the clipboard with consent only, and never reads it", CLIPBOARD, async ({ page, driver, screenshot }) => {
  await driver.setClipboard("mine");
  const osc52 = (/** @type {string} */ text) => `printf '\\e]52;c;${Buffer.from(text).toString("base64")}\\a'`;

  await driver.run(osc52("theirs"));
  await page.getByText("wants to copy 6 characters").waitFor();
  await screenshot("remote-copy");
  assert.equal(await driver.clipboard(), "mine");
  await driver.click("No");
  assert.equal(await driver.clipboard(), "mine");

  await driver.run(osc52("theirs é✓"));
  await driver.click("Copy once");
  await page.getByText("Copied.").waitFor();
  assert.equal(await driver.clipboard(), "theirs é✓");

  // A text cannot be accepted at once, nor can another in its place, which has a character more.
  await page.evaluate(() => new MutationObserver(() => {
    const waiting = document.querySelector(".remote-copy:has(button.primary:disabled)");
    probe.wasDisabled ||= waiting?.textContent?.includes("12 characters") === true;
  }).observe(document.body, { subtree: true, childList: true, attributes: true }));
  await driver.run(`${osc52("shown first")}; sleep 0.2; ${osc52("in its place")}`);
  await driver.click("Copy once");
  await until(async () => await driver.clipboard() === "in its place", "the copy of what is shown");
  assert.equal(await page.evaluate(() => probe.wasDisabled), true);

  await driver.run(osc52("again"));
  await driver.click("Allow in this session");
  await page.getByText("wants to copy").waitFor({ state: "hidden" });
  await driver.run(osc52("without a question"));
  await until(async () => await driver.clipboard() === "without a question", "the copy that was allowed");

  // A read is answered by nothing: `cat -v` would show an answer as input.
  const answer = await driver.run("stty raw -echo; printf '\\e]52;c;?\\a'; sleep 1; dd iflag=nonblock bs=1000 count=1 2>/dev/null | base64; stty sane");
  assert.equal(answer, "");
});
