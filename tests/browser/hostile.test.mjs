// Hostile output: the page stays responsive, clipboard and title stay clean, and nothing is sent as the user's input.
import assert from "node:assert/strict";
import { createCipheriv, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./support/driver.mjs";
import { CLIPBOARD, shellTest } from "./support/page.mjs";

/** @typedef {import("./support/page.mjs").Fixtures} Fixtures */

const ESC = "\u001b";
const BEL = "\u0007";
const ST = `${ESC}\\`;

/** Number of the last {@link answers}, so that those of an earlier one, still shown, do not count. */
let round = 0;

/**
 * Shows `bytes` in the terminal while the shell's echo is off, and returns what came as input: answers of the terminal,
 * which are known, or input that the user did not type.
 * @param {Fixtures} fixtures @param {string | Buffer} bytes
 */
async function answers({ driver, sshd }, bytes) {
  const file = join(sshd.dir, "hostile.bin");
  writeFileSync(file, bytes);
  round += 1;
  // After a reset of all modes the input is read until no more arrives.
  await driver.line(`clear; stty raw -echo; cat ${file}; printf '\\ec\\e[!p\\030'; timeout --foreground 1 cat > answers.bin; stty sane; printf '\\ec'; echo 'answers' ${round}: $(base64 -w0 answers.bin) .`);
  const { text } = await driver.waitFor(new RegExp(`answers ${round}: ?(\\S*) \\.\\s[^]*\\$ $`));
  return Buffer.from(new RegExp(`answers ${round}: ?(\\S*) \\.`).exec(text)?.[1] ?? "", "base64").toString("latin1");
}

/** Answers that terminals give: device attributes, cursor and status, modes, settings, colours, focus. */
const KNOWN = [
  /\u001b\[[?>]?[\d;]*[cRn]/g, /\u001b\[\??[\d;]*\$y/g, /\u001bP[01]\$r[^\u001b]*\u001b\\/g,
  /\u001b\](4;\d+|1[0-2]);rgb:[\da-f/]+(\u001b\\|\u0007)/g, /\u001b\[[IO]/g,
];

/**
 * Shows `bytes` and fails if they reach the clipboard or the title, send input, open a page, or stop the page or the shell.
 * @param {Fixtures} fixtures @param {string} what @param {string | Buffer} bytes
 */
async function assertHarmless(fixtures, what, bytes) {
  const { page, driver } = fixtures;
  await driver.setClipboard("the user's own");
  const input = await answers(fixtures, bytes);
  assert.equal(KNOWN.reduce((rest, pattern) => rest.replace(pattern, ""), input), "", `input that nobody typed: ${what}`);
  const no = page.getByRole("button", { name: "No", exact: true });
  if (await no.isVisible()) await no.click();
  assert.equal(await driver.run("echo alive"), "alive", what);
  assert.equal(await driver.clipboard(), "the user's own", what);
  assert.doesNotMatch(await page.title(), /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/, what);
  assert((await page.title()).length < 400, what);
  assert.equal(page.context().pages().length, 1, what);
}

/** Characters that join the cell before them. @type {[string, string][]} */
const JOINING = [
  ["combining characters without end", `a${"\u0301".repeat(100_000)}`],
  ["marks of several kinds without end", "a\u0301\u0e31\u20d0\u0489".repeat(20) + "\u0301\u0e31\u20d0\u0489".repeat(25_000)],
  ["emoji joined without end", "👩\u200d".repeat(20_000)],
  ["wide and joined emoji without end", "👨‍👩‍👧‍👦".repeat(5000)],
];

/** @type {[string, string][]} */
const CORPUS = [
  ["a read of the clipboard", `${ESC}]52;c;?${BEL}${ESC}]52;p;?${ST}`],
  ["a write of the clipboard", `${ESC}]52;c;${Buffer.from("evil").toString("base64")}${BEL}`],
  ["a clearing of the clipboard", `${ESC}]52;c;${BEL}${ESC}]52;c;!${BEL}`],
  ["a link that is a script", `${ESC}]8;;javascript:alert(1)${ST}click${ESC}]8;;${ST} ${ESC}]8;;data:text/html,x${ST}me${ESC}]8;;${ST}`],
  ["a large string", `${ESC}]0;${"A".repeat(2_000_000)}${BEL}`],
  ["a large device string", `${ESC}P1$r${"B".repeat(2_000_000)}${ST}`],
  ["a string without an end", `${ESC}]0;${"C".repeat(100_000)}`],
  ["20,000 titles", `${ESC}]0;one\u202e${BEL}${ESC}]2;\u009btwo\u200b${BEL}`.repeat(20_000)],
  ["200,000 bells", BEL.repeat(200_000)],
  ["questions for titles", `${ESC}]0;rm -rf${BEL}${ESC}[21t${ESC}[20t`],
  ["questions for settings", `${ESC}P$qm${ST}${ESC}P$q"p${ST}${ESC}P$qtouch x\r${ST}`],
  ["questions for attributes", `${ESC}[c${ESC}[>c${ESC}[=c${ESC}[6n${ESC}[?6n${ESC}[5n${ESC}[?2026$p${ESC}]4;1;?${BEL}${ESC}]10;?${BEL}`],
  ["an answerback", "\u0005".repeat(100)],
  ["a resize and a move of the window", `${ESC}[8;2;2t${ESC}[3;0;0t${ESC}[2t${ESC}[9;1t`],
  ["modes", `${ESC}[?2004h${ESC}[?1000h${ESC}[?1003h${ESC}[?1006h${ESC}[?1004h${ESC}[?1049h${ESC}[4h${ESC}[?7l${ESC}[?25l`],
  ["counts that are far too large", [..."@ABCDEFGHIJKLMPSTXZ`abdefgrsu"].map((final) => `x${ESC}[2000000000${final}`).join("")],
  ["many parameters", `${ESC}[${"1;".repeat(100_000)}m${ESC}[${"9".repeat(100_000)}C`],
  ...JOINING,
];

shellTest("a corpus of hostile sequences does nothing", { ...CLIPBOARD, timeout: 300_000 }, async (fixtures) => {
  let dialogs = 0;
  fixtures.page.on("dialog", (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  for (const [what, bytes] of CORPUS) await assertHarmless(fixtures, what, bytes);
  assert.equal(dialogs, 0);
});

shellTest("characters that join without end do nothing to graphemes", { ...CLIPBOARD, preferences: { graphemes: true } }, async (fixtures) => {
  const graphemes = () => fixtures.page.evaluate(() => probe.terminals.every((term) => term.unicode.activeVersion === "15-graphemes"));
  await until(graphemes, "graphemes");
  for (const [what, bytes] of JOINING) await assertHarmless(fixtures, what, bytes);
});

shellTest("1 MB of random bytes does nothing", { ...CLIPBOARD, timeout: 180_000 }, async (fixtures) => {
  const seed = process.env.SSHARD_TEST_SEED ?? randomBytes(16).toString("hex");
  const bytes = createCipheriv("aes-128-ctr", Buffer.from(seed, "hex"), Buffer.alloc(16)).update(Buffer.alloc(1_000_000));
  await assertHarmless(fixtures, `SSHARD_TEST_SEED=${seed}`, bytes);
});
