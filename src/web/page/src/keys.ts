// Keys that phones lack: a row of buttons, and a line to compose text in, since composition in xterm's own text area
// duplicates words on Android.

import type { Terminal } from "@xterm/xterm";
import { el } from "./dom.js";

type Sticky = "off" | "once" | "locked";

/** Keys that send the same in every mode: label, name, text. */
const PLAIN: readonly (readonly [string, string, string])[] = [
  ["Esc", "Esc", "\x1b"], ["Tab", "Tab", "\t"], ["^C", "Control C", "\x03"], ["^D", "Control D", "\x04"],
  ["^Z", "Control Z", "\x1a"], ["^R", "Control R", "\x12"], ["^L", "Control L", "\x0c"],
  ["|", "Pipe", "|"], ["/", "Slash", "/"], ["~", "Tilde", "~"], ["-", "Minus", "-"],
];
/** Keys whose code carries modifiers: label, name, final letter or number of the code. */
const CURSOR: readonly (readonly [string, string, string])[] = [
  ["←", "Left", "D"], ["↑", "Up", "A"], ["↓", "Down", "B"], ["→", "Right", "C"], ["Home", "Home", "H"], ["End", "End", "F"],
];
const FUNCTION: readonly (readonly [string, string, string])[] = [
  ["F1", "F1", "P"], ["F2", "F2", "Q"], ["F3", "F3", "R"], ["F4", "F4", "S"],
];
const NUMBERED: readonly (readonly [string, string, number])[] = [
  ["PgUp", "PgUp", 5], ["PgDn", "PgDn", 6], ["Ins", "Ins", 2], ["Del", "Del", 3],
  ["F5", "F5", 15], ["F6", "F6", 17],
  ["F7", "F7", 18], ["F8", "F8", 19], ["F9", "F9", 20], ["F10", "F10", 21], ["F11", "F11", 23], ["F12", "F12", 24],
];

class Modifier {
  readonly button: HTMLButtonElement;
  state: Sticky = "off";

  constructor(label: string) {
    this.button = el("button", { type: "button", "aria-pressed": "false", title: `${label}: for the next key; twice for all keys` }, label);
    this.button.addEventListener("click", () => {
      this.set(this.state === "off" ? "once" : this.state === "once" ? "locked" : "off");
    });
  }

  /** Returns true if it is on; one that is on for one key is off afterwards. */
  take(): boolean {
    const on = this.state !== "off";
    if (this.state === "once") {
      this.set("off");
    }
    return on;
  }

  set(state: Sticky): void {
    this.state = state;
    this.button.setAttribute("aria-pressed", String(state !== "off"));
    this.button.classList.toggle("locked", state === "locked");
  }
}

export class KeyRow {
  readonly row: HTMLElement;
  readonly compose: HTMLFormElement;
  readonly #ctrl = new Modifier("Ctrl");
  readonly #alt = new Modifier("Alt");
  readonly #line = el("input", {
    "aria-label": "Compose a line", placeholder: "Compose a line", autocapitalize: "off", autocorrect: "off",
    autocomplete: "off", spellcheck: "false", enterkeyhint: "send", name: "compose",
  });

  /** `paste` pastes the clipboard. */
  constructor(term: Terminal, paste: () => void) {
    const key = (label: string, name: string, send: () => void) =>
      el("button", { type: "button", "aria-label": name, onclick: send }, label);
    const type = (text: string) => term.input(text, true);
    const final = (letter: string, plain: string) => {
      const modifier = this.#modifier();
      type(modifier > 1 ? `\x1b[1;${modifier}${letter}` : `\x1b${plain}${letter}`);
    };
    const cursor = (letter: string) => final(letter, term.modes.applicationCursorKeysMode ? "O" : "[");
    const numbered = (code: number) => {
      const modifier = this.#modifier();
      type(modifier > 1 ? `\x1b[${code};${modifier}~` : `\x1b[${code}~`);
    };
    this.row = el("div", { class: "keys", role: "toolbar", "aria-label": "Keys" },
      this.#ctrl.button, this.#alt.button,
      ...PLAIN.slice(0, 3).map(([label, name, text]) => key(label, name, () => type(text))),
      ...CURSOR.slice(0, 4).map(([label, name, letter]) => key(label, name, () => cursor(letter))),
      key("Paste", "Paste", paste),
      ...PLAIN.slice(3).map(([label, name, text]) => key(label, name, () => type(text))),
      ...CURSOR.slice(4).map(([label, name, letter]) => key(label, name, () => cursor(letter))),
      ...NUMBERED.slice(0, 4).map(([label, name, code]) => key(label, name, () => numbered(code))),
      ...FUNCTION.map(([label, name, letter]) => key(label, name, () => final(letter, "O"))),
      ...NUMBERED.slice(4).map(([label, name, code]) => key(label, name, () => numbered(code))));
    // The focus stays in the terminal, and with it the on-screen keyboard.
    for (const type of ["pointerdown", "mousedown"]) {
      this.row.addEventListener(type, (event) => event.preventDefault());
    }
    this.compose = el("form", { class: "compose" }, this.#line, el("button", { type: "submit" }, "Send"));
    this.compose.addEventListener("submit", (event) => {
      event.preventDefault();
      // A clipboard may have put control characters into the line.
      const text = this.#line.value.replace(/\p{Cc}/gu, "");
      this.#line.value = "";
      type(`${text}\r`);
    });
  }

  /** Clears the line, and switches the modifiers off. */
  reset(): void {
    this.#line.value = "";
    this.#ctrl.set("off");
    this.#alt.set("off");
  }

  /** Applies the sticky modifiers to one key's data. */
  modify(data: string): string {
    if (data.length !== 1) {
      return data;
    }
    let result = data;
    if (this.#ctrl.take()) {
      const code = data.toUpperCase().charCodeAt(0);
      result = code >= 0x40 && code < 0x60 ? String.fromCharCode(code & 0x1f) : data === " " ? "\x00" : data;
    }
    return this.#alt.take() ? `\x1b${result}` : result;
  }

  /** Number of the modifiers in a key's code (xterm): 1 for none. */
  #modifier(): number {
    return 1 + (this.#alt.take() ? 2 : 0) + (this.#ctrl.take() ? 4 : 0);
  }
}
