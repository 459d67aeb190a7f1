// The picture of the page in the README: taken anew in each run, and kept there when SSHARD_KEEP_SCREENSHOT is set.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellTest } from "./support/page.mjs";

const PICTURE = fileURLToPath(new URL("../../src/web/screenshot.png", import.meta.url));
const MAX_BYTES = 200 * 1000;
const PROMPT = String.raw`\[\e]0;me@web-1: ~/\W\a\]\[\e[1;32m\]me@web-1\[\e[0m\]:\[\e[1;34m\]~/\W\[\e[0m\]\$ `;
const COLOURS = String.raw`#!/bin/bash
for i in {16..21} {52..57} {88..93} {124..129} {160..165} {196..201}; do printf '\e[48;5;%dm  ' "$i"; done
printf '\e[0m\n'
`;
/** Typed, and what shows that each has been done. @type {[string, RegExp][]} */
const LINES = [
  ["ls -l --color", /www[^]*\$ $/],
  ["./colours.sh", /colours\.sh\n[^]*colours\.sh\n[^]*\$ $/],
  ["cat greetings.txt", /🚀[^]*\$ $/],
  ["uname -sm", /Linux[^]*\$ $/],
];

/** A directory to look at, as the account sees it. */
function site() {
  const parent = mkdtempSync(join(tmpdir(), "sshard-readme-"));
  const directory = join(parent, "site");
  for (const part of ["logs", "public"]) mkdirSync(join(directory, part), { recursive: true });
  for (const name of ["index.html", "style.css"]) writeFileSync(join(directory, name), "\n");
  writeFileSync(join(directory, "greetings.txt"), "日本語  한국어  Ελληνικά  Кириллица  🚀\n");
  writeFileSync(join(directory, "colours.sh"), COLOURS);
  symlinkSync("public", join(directory, "www"));
  for (const path of [parent, directory, join(directory, "colours.sh")]) chmodSync(path, 0o755);
  return { directory, remove: () => rmSync(parent, { recursive: true }) };
}

const OPTIONS = { context: { viewport: { width: 960, height: 420 } } };

shellTest("the README's picture is small, and shows a session", OPTIONS, async ({ driver, screenshot }) => {
  const { directory, remove } = site();
  try {
    await driver.line(`cd ${directory}; PS1='${PROMPT}'; clear`);
    await driver.waitFor(/^me@web-1:~\/site\$ $/);
    for (const [line, done] of LINES) {
      await driver.line(line);
      await driver.waitFor(done);
    }
    const taken = await screenshot("readme");
    if (process.env.SSHARD_KEEP_SCREENSHOT) copyFileSync(taken, PICTURE);
    for (const picture of [taken, PICTURE]) assert(statSync(picture).size <= MAX_BYTES, picture);
  } finally {
    remove();
  }
});
