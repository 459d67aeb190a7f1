// Actions of a person on the page, and the contents of its terminal.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ text: string, cols: number, rows: number, title: string, alternate: boolean, mouse: string, cursor: [number, number] }} Screen */

/** Deadline of everything, in milliseconds; the machine may have much else to do. */
export const DEADLINE = 30_000;

/**
 * Waits until `test` is true.
 * @param {() => Promise<boolean> | boolean} test
 * @param {string} what
 */
export async function until(test, what, deadline = DEADLINE) {
  for (const end = Date.now() + deadline; !(await test()); await sleep(50)) assert(Date.now() < end, `timeout: ${what}`);
}

/** Clicks a button until it is gone: a click within half a second of a question's appearance does not count. @param {import("playwright-core").Locator} button */
export async function clickUntilAccepted(button) {
  await button.waitFor();
  while (await button.isVisible()) await button.click({ timeout: 2000 }).catch(() => {});
}

/** Number of commands run, which makes their marks unique. */
let commands = 0;

/** Program that runs until it is interrupted; {@link Driver.waitingProgram} waits until it does. */
export const WAITING_PROGRAM = "sh -c 'echo waiting; sleep 100'";

export class Driver {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /** A field of the form. @param {string} label */
  field(label) {
    return this.page.getByLabel(label, { exact: true });
  }

  /** Clicks a button. @param {string} name */
  async click(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /**
   * Fills in the form and connects.
   * @param {{ server: string, user: string, password?: string }} login
   */
  async login({ server, user, password }) {
    await this.field("Server").fill(server);
    await this.field("User").fill(user);
    if (password !== undefined) await this.field("Password").fill(password);
    await this.click("Connect");
  }

  /**
   * Opens the part of the form that has the key, fills in all but the password, and connects.
   * @param {{ server: string, user: string }} login @param {{ key: string, passphrase?: string, certificate?: string }} files
   */
  async loginWithKey(login, { key, passphrase, certificate }) {
    await this.page.getByText("Log in with a private key").click();
    await this.page.getByLabel("Private key file").setInputFiles(key);
    if (passphrase !== undefined) await this.page.getByLabel("Passphrase of the key").fill(passphrase);
    if (certificate !== undefined) await this.page.getByLabel("Certificate file").setInputFiles(certificate);
    await this.login({ server: login.server, user: login.user });
  }

  /** Waits for the shell's prompt. */
  async ready() {
    await this.page.locator('.pane[data-phase="live"]:visible').last().waitFor({ timeout: DEADLINE });
    await this.waitFor(/\$ $/);
  }

  /** Types into the terminal. @param {string} text */
  async type(text) {
    await this.page.keyboard.type(text);
  }

  /** Types a line and Enter. @param {string} line */
  async line(line) {
    await this.type(line);
    await this.page.keyboard.press("Enter");
  }

  /**
   * Waits for the output of `WAITING_PROGRAM`, or of another program that begins with it: it runs now. What is typed before
   * reaches the shell: its line editor takes the keys, and an interrupt is lost.
   */
  async waitingProgram() {
    await this.waitFor(/\nwaiting\s*$/);
  }

  /** Runs a command in the shell and returns what it printed. @param {string} command */
  async run(command) {
    commands += 1;
    const [begin, end] = [`<begin ${commands}>`, `<end ${commands}>`];
    // The quotes inside distinguish the echo of the line from its output.
    await this.line(`echo '<'"begin ${commands}>"; ${command}; echo '<'"end ${commands}>"`);
    // Up to the prompt: only then does the shell read the next line, and switch bracketed paste mode on.
    const { text } = await this.waitFor(new RegExp(`${end}[^]*\\$ $`));
    return text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).trim();
  }

  /**
   * Waits until the terminal's text has `pattern`, and returns what it shows.
   * @param {string | RegExp} pattern
   */
  async waitFor(pattern, deadline = DEADLINE) {
    const end = Date.now() + deadline;
    for (;;) {
      const screen = await this.screen();
      const found = typeof pattern === "string" ? screen?.text.includes(pattern) : pattern.test(screen?.text ?? "");
      if (screen !== undefined && found) return screen;
      assert(Date.now() < end, `the terminal does not show ${pattern}, but:\n${screen?.text.slice(-2000)}`);
      await sleep(50);
    }
  }

  /** The visible terminal: all its text, with wrapped lines joined. @returns {Promise<Screen | undefined>} */
  async screen() {
    return this.page.evaluate(() => {
      const term = probe.current();
      if (term === undefined) return undefined;
      const buffer = term.buffer.active;
      let text = "";
      for (let row = 0; row < buffer.length; row += 1) {
        const line = buffer.getLine(row);
        const wraps = buffer.getLine(row + 1)?.isWrapped === true;
        text += line.translateToString(!wraps) + (wraps ? "" : "\n");
      }
      // The prompt's last blank is no blank to the right of the text.
      const cut = text.trimEnd();
      const last = buffer.getLine(buffer.baseY + buffer.cursorY)?.translateToString(false, 0, buffer.cursorX) ?? "";
      return {
        text: last.endsWith(" ") && cut.endsWith(last.trimEnd()) ? `${cut} ` : cut,
        cols: term.cols, rows: term.rows, title: document.title,
        alternate: buffer.type === "alternate", mouse: term.modes.mouseTrackingMode,
        cursor: [buffer.cursorX, buffer.cursorY],
      };
    });
  }

  /** Middle of a cell of the visible terminal, in the page. @param {number} column from 0 @param {number} row from 0 */
  async cell(column, row) {
    const box = await this.page.locator(".xterm-screen:visible").boundingBox();
    const screen = await this.screen();
    assert(box && screen, "no terminal is visible");
    return { x: box.x + (box.width / screen.cols) * (column + 0.5), y: box.y + (box.height / screen.rows) * (row + 0.5) };
  }

  /** Row of the first line on the screen that begins with `text`. @param {string} text */
  async row(text) {
    const row = await this.page.evaluate((wanted) => {
      const term = probe.current();
      const buffer = term.buffer.active;
      for (let at = 0; at < term.rows; at += 1) {
        if (buffer.getLine(buffer.viewportY + at)?.translateToString(true).startsWith(wanted)) return at;
      }
      return -1;
    }, text);
    assert(row >= 0, `no line begins with ${text}`);
    return row;
  }

  /** Renderer that draws the terminal now. @returns {Promise<"webgl" | "dom">} */
  async renderer() {
    return await this.page.locator(".xterm-screen > canvas:not(.xterm-link-layer)").count() > 0 ? "webgl" : "dom";
  }

  /** Text of the clipboard. */
  clipboard() {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** @param {string} text */
  async setClipboard(text) {
    await this.page.evaluate((value) => navigator.clipboard.writeText(value), text);
  }

  /** Puts `text` into the clipboard and pastes it as a user does. @param {string} text */
  async paste(text) {
    await this.setClipboard(text);
    await this.page.keyboard.press("Control+Shift+V");
  }

  /** Waits for the end of the session or of the attempt, and returns the page's text on it. */
  async ending() {
    const alert = this.page.getByRole("alert").filter({ hasText: /\S/ }).first();
    await alert.waitFor({ timeout: DEADLINE });
    return (await alert.innerText()).replace(/\s+/g, " ");
  }

  /** Ends the shell, and goes back to the form. */
  async exitToForm() {
    await this.line("exit");
    await this.click("Reconnect");
  }
}
