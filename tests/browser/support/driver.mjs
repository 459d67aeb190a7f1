// What a person does with the page, and what they see in its terminal.
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
  for (const end = Date.now() + deadline; !(await test()); await sleep(50)) assert(Date.now() < end, `it did not happen: ${what}`);
}

/** Tells commands apart. */
let commands = 0;

export class Driver {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * Fills in the form and connects.
   * @param {{ server: string, user: string, password?: string }} login
   */
  async login({ server, user, password }) {
    await this.fill({ server, user });
    if (password !== undefined) await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.connect();
  }

  /** @param {{ server: string, user: string }} login */
  async fill({ server, user }) {
    await this.page.getByLabel("Server", { exact: true }).fill(server);
    await this.page.getByLabel("User", { exact: true }).fill(user);
  }

  /** Opens the part of the form that has the key. @param {{ key?: string, passphrase?: string, certificate?: string }} files */
  async key({ key, passphrase, certificate }) {
    await this.page.getByText("Log in with a private key").click();
    if (key !== undefined) await this.page.getByLabel("Private key file").setInputFiles(key);
    if (passphrase !== undefined) await this.page.getByLabel("Passphrase of the key").fill(passphrase);
    if (certificate !== undefined) await this.page.getByLabel("Certificate file").setInputFiles(certificate);
  }

  async connect() {
    await this.page.getByRole("button", { name: "Connect", exact: true }).click();
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

  /** Runs a command in the shell and returns what it printed. @param {string} command */
  async run(command) {
    commands += 1;
    const [begin, end] = [`<begin ${commands}>`, `<end ${commands}>`];
    // Quotes inside of the words keep the echo of the line from looking like its output.
    await this.line(`echo '<'"begin ${commands}>"; ${command}; echo '<'"end ${commands}>"`);
    // With the prompt behind it: only then does the shell read the next line, and say that it takes pastes.
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

  /** The terminal that is seen: all its text, with wrapped lines joined. @returns {Promise<Screen | undefined>} */
  async screen() {
    return this.page.evaluate(() => {
      const term = /** @type {any} */ (globalThis).seen.current();
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

  /** Middle of a cell of the terminal that is seen, in the page. @param {number} column from 0 @param {number} row from 0 */
  async cell(column, row) {
    const box = await this.page.locator(".xterm-screen:visible").boundingBox();
    const screen = await this.screen();
    assert(box && screen, "no terminal is seen");
    return { x: box.x + (box.width / screen.cols) * (column + 0.5), y: box.y + (box.height / screen.rows) * (row + 0.5) };
  }

  /** Row of the first line on the screen that begins with `text`. @param {string} text */
  async row(text) {
    const row = await this.page.evaluate((wanted) => {
      const term = /** @type {any} */ (globalThis).seen.current();
      const buffer = term.buffer.active;
      for (let at = 0; at < term.rows; at += 1) {
        if (buffer.getLine(buffer.viewportY + at)?.translateToString(true).startsWith(wanted)) return at;
      }
      return -1;
    }, text);
    assert(row >= 0, `no line begins with ${text}`);
    return row;
  }

  /** Waits for what ended the session, and returns the page's words on it. */
  async ending() {
    const place = this.page.getByRole("alert").filter({ hasText: /\S/ });
    await place.first().waitFor({ timeout: DEADLINE });
    return (await place.first().innerText()).replace(/\s+/g, " ");
  }
}
