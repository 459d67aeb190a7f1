// The terminal in use: size, full-screen programs, scripts and emoji, input methods, tabs, search, links.
import assert from "node:assert/strict";
import { until } from "./support/driver.mjs";
import { shellTest } from "./support/page.mjs";

shellTest("the size follows the window and reaches the server", {}, async ({ page, driver }) => {
  for (const [width, height] of [[1300, 800], [700, 500], [1000, 640]]) {
    const before = await driver.screen();
    await page.setViewportSize({ width: Number(width), height: Number(height) });
    await until(async () => (await driver.screen())?.cols !== before?.cols, "another number of columns");
    // The last size applies once it no longer changes.
    let size = "";
    await until(async () => {
      const { cols, rows } = (await driver.screen()) ?? { cols: 0, rows: 0 };
      size = `${rows} ${cols}`;
      return (await driver.run("stty size")) === size;
    }, "the server's size is the terminal's");
    await page.getByText(size.replace(/(\d+) (\d+)/, "$2 × $1"), { exact: true }).first().waitFor();
  }
  const [last, status] = [await driver.cell(0, ((await driver.screen())?.rows ?? 0) - 1), await page.locator(".status:visible").boundingBox()];
  assert(last.y + 7 < (status?.y ?? 0), "the last line is under the status line");
  const overflow = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  assert(overflow <= 0, `the page is ${overflow} px higher than the window`);
});

shellTest("the font size changes the size of the cells and of the terminal", {}, async ({ page, driver }) => {
  const before = await driver.screen();
  await driver.click("Settings");
  await page.getByLabel("Font size").fill("24");
  await page.getByLabel("Font size").press("Tab");
  await driver.click("Done");
  await until(async () => ((await driver.screen())?.cols ?? 999) < (before?.cols ?? 0), "fewer columns");
  await page.locator(".xterm:visible").click();
  const after = await driver.screen();
  assert.equal(await driver.run("stty size"), `${after?.rows} ${after?.cols}`);
});

shellTest("vim has the alternate screen and the mouse, and releases both", {}, async ({ page, driver, screenshot }) => {
  await driver.run("seq 1 30 > lines.txt");
  await driver.line("vim -u NONE -N -c 'set mouse=a ttymouse=sgr laststatus=2 statusline=%l/%c' lines.txt");
  await until(async () => (await driver.screen())?.alternate === true, "the alternate screen");
  await driver.waitFor("1/1");
  const at = await driver.cell(1, 6);
  await page.mouse.click(at.x, at.y);
  await driver.waitFor("7/1");
  await page.keyboard.press("ArrowDown");
  await driver.waitFor("8/1");
  await driver.type("iTyped: ");
  await driver.waitFor("Typed: 8");
  await screenshot("vim");
  await page.keyboard.press("Escape");
  await driver.line(":wq");
  await driver.waitFor(/\$ $/);
  assert.equal((await driver.screen())?.alternate, false);
  assert.equal((await driver.screen())?.mouse, "none");
  assert.equal(await driver.run("sed -n 8p lines.txt; rm lines.txt"), "Typed: 8");
});

shellTest("htop draws, takes keys and the mouse, and ends", {}, async ({ page, driver, screenshot }) => {
  await driver.line("htop");
  await driver.waitFor(/Mem\[/);
  await driver.waitFor("F10");
  assert.notEqual((await driver.screen())?.mouse, "none");
  await screenshot("htop");
  // F1, at the bottom on the left, shows the help.
  const at = await driver.cell(3, ((await driver.screen())?.rows ?? 0) - 1);
  await page.mouse.click(at.x, at.y);
  await driver.waitFor("Arrows:");
  await page.keyboard.press("Enter");
  await driver.waitFor("F1Help");
  await page.keyboard.press("q");
  await driver.waitFor(/\$ $/);
});

shellTest("a click beyond column 95 in the old mouse protocol is bytes, not UTF-8", {}, async ({ page, driver }) => {
  await driver.line("stty raw -echo; printf '\\e[?1000h'; echo on; head -c 6 | od -An -tx1; printf '\\e[?1000l'; stty sane");
  await until(async () => (await driver.screen())?.mouse !== "none", "mouse reports");
  const at = await driver.cell(99, 4);
  await page.mouse.move(at.x, at.y);
  await page.mouse.down();
  // Button 1 at column 100 and line 5, each with 32 added.
  await driver.waitFor("1b 5b 4d 20 84 25");
  await page.mouse.up();
});

shellTest("emoji, Chinese, Japanese and Arabic arrive unchanged and have their width", {}, async ({ driver, screenshot }) => {
  await driver.line("LC_ALL=C.UTF-8 exec bash");
  const lines = ["rocket 🚀 end", "漢字かな交じり end", "한국어 end", "שלום end", "مرحبا end", "é e\u0301 ñ end", "▁▂▃ ┌─┐ █"];
  for (const line of lines) await driver.run(`echo '${line}'`);
  const screen = await driver.screen();
  for (const line of lines) assert(screen?.text.includes(`\n${line}\n`), `${line} is not in:\n${screen?.text}`);
  // The position of the cursor gives the width that the terminal assumes; a shell assumes the same.
  for (const [text, width] of /** @type {[string, number][]} */ ([["🚀", 2], ["漢", 2], ["é", 1], ["e\u0301", 1], ["ש", 1]])) {
    const answer = await driver.run(`stty raw -echo; printf '\\r${text}\\e[6n'; IFS= read -rd R at; stty sane; echo " \${at##*;}"`);
    assert.equal(Number(answer.split(" ").at(-1)) - 1, width, text);
  }
  await screenshot("scripts");
});

shellTest("text of an input method is sent once, when it is committed", {}, async ({ page, driver, screenshot }) => {
  await driver.line("LC_ALL=C.UTF-8; stty -echo; echo waiting; cat");
  await driver.waitingProgram();
  const ime = await page.context().newCDPSession(page);
  const compose = (/** @type {string} */ text) =>
    ime.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  for (const [steps, committed] of /** @type {[string[], string][]} */ ([
    [["ｓ", "す", "すｓ", "すし"], "寿司"], [["ㅎ", "하", "한", "한구", "한국"], "한국"], [["´"], "é"], [["n", "ni", "nih", "nihao"], "你好"],
  ])) {
    for (const step of steps) await compose(step);
    if (committed === "寿司") await screenshot("composition");
    await ime.send("Input.insertText", { text: committed });
    // xterm.js reads its text area a moment after the composition has ended.
    await page.waitForTimeout(100);
    await page.keyboard.press("Enter");
    await driver.waitFor(new RegExp(`\n${committed}$`));
  }
  const text = (await driver.screen())?.text ?? "";
  assert.deepEqual(text.split("\n").filter((line) => /^[^\x00-\x7f]+$/.test(line)), ["寿司", "한국", "é", "你好"]);
});

shellTest("a title set by the server is shown, without control characters, and then the exit status", {}, async ({ page, driver }) => {
  await driver.line("PROMPT_COMMAND= PS1='$ '; printf '\\e]0;deploy \\xe2\\x80\\xaeof web\\a'");
  await until(async () => (await page.title()).includes("deploy of web"), "the title");
  await driver.line("exit 3");
  await until(async () => /exit 3|✗/.test(await page.title()), "the exit status in the title");
  await page.getByText("exit status 3").waitFor();
});

shellTest("each tab has a session of its own, and closing one asks", {}, async ({ page, driver, login, screenshot }) => {
  await driver.run("tab=first");
  await driver.click("New session");
  await driver.login(login);
  await driver.ready();
  assert.equal(await driver.run("echo \"[$tab]\""), "[]");
  await screenshot("tabs");
  const tabs = page.getByRole("tab");
  await tabs.nth(0).click();
  await driver.waitFor("tab=first");
  assert.equal(await driver.run("echo \"[$tab]\""), "[first]");
  await tabs.nth(0).press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "End the session" }).click();
  await until(async () => await tabs.count() === 1, "the tab is gone");
});

shellTest("closing another tab leaves the keyboard in the current one", {}, async ({ page, driver, login }) => {
  await driver.run("tab=first");
  const tabs = page.getByRole("tab");
  for (let count = 2; count <= 3; count += 1) {
    await driver.click("New session");
    await driver.login(login);
    await driver.ready();
  }
  await tabs.nth(0).click();
  await driver.waitFor("tab=first");
  for (const split of [false, true]) {
    if (split) {
      await driver.click("Split view");
      await tabs.nth(0).click();
    }
    const last = tabs.last();
    const before = await tabs.count();
    await page.getByRole("button", { name: `Close ${await last.innerText()}`, exact: true }).last().click();
    await page.getByRole("dialog").getByRole("button", { name: "End the session" }).click();
    await until(async () => await tabs.count() === before - 1, "the tab is gone");
    assert.equal(await tabs.nth(0).getAttribute("aria-selected"), "true");
    assert.equal(await driver.run("echo \"[$tab]\""), "[first]");
  }
});

shellTest("search finds and counts matches, and closes", {}, async ({ page, driver, screenshot }) => {
  await driver.run("for i in 1 2 3; do echo needle-$i; done");
  await page.keyboard.press("Control+Shift+F");
  await page.getByRole("searchbox").fill("needle-2");
  await page.getByText("1 of 1").waitFor();
  await page.getByRole("searchbox").fill("needle-");
  await page.getByText(/\d of 4/).waitFor();
  await screenshot("search");
  await page.keyboard.press("Escape");
  assert.equal(await driver.run("echo typed again"), "typed again");
});

shellTest("a link opens only after a question that shows its address", {}, async ({ page, driver, screenshot }) => {
  await driver.run("printf '\\e]8;;http://xn--e1afmkfd.example/real\\e\\\\harmless.example\\e]8;;\\e\\\\ \\n'");
  const at = await driver.cell(4, await driver.row("harmless"));
  await page.mouse.move(at.x, at.y);
  await page.locator(".xterm-cursor-pointer").waitFor();
  await screenshot("link-hover");
  await page.mouse.click(at.x, at.y);
  await page.getByRole("dialog").getByText("http://xn--e1afmkfd.example/real").waitFor();
  await screenshot("link");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
});
