// Keys that phones do not have: a row of buttons, and a line to compose text in, since composition through xterm's own
// text area duplicates words on Android.

import type { Terminal } from "@xterm/xterm";
import { el } from "./dom.js";

type Sticky = "off" | "once" | "locked";

const PLAIN: readonly (readonly [string, string, string])[] = [
  ["Esc", "Escape", "\x1b"], ["Tab", "Tab", "\t"], ["^C", "Control C", "\x03"], ["^D", "Control D", "\x04"],
  ["^Z", "Control Z", "\x1a"], ["|", "Pipe", "|"], ["/", "Slash", "/"], ["~", "Tilde", "~"], ["-", "Minus", "-"],
];
const CURSOR: readonly (readonly [string, string, string])[] = [
  ["←", "Left", "D"], ["↑", "Up", "A"], ["↓", "Down", "B"], ["→", "Right", "C"], ["Home", "Home", "H"], ["End", "End", "F"],
];

class Modifier {
  readonly button: HTMLButtonElement;
  state: Sticky = "off";

  constructor(label: string) {
    this.button = el("button", { type: "button", "aria-pressed": "false", title: `${label}: once; twice locks` }, label);
    this.button.addEventListener("click", () => {
      this.#set(this.state === "off" ? "once" : this.state === "once" ? "locked" : "off");
    });
  }

  /** Whether it is on; one that was on once is off afterwards. */
  take(): boolean {
    const on = this.state !== "off";
    if (this.state === "once") {
      this.#set("off");
    }
    return on;
  }

  #set(state: Sticky): void {
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

  /** `paste` is asked for what the clipboard has. */
  constructor(term: Terminal, paste: () => void) {
    const key = (label: string, name: string, send: () => void) =>
      el("button", { type: "button", "aria-label": name, onclick: send }, label);
    const cursor = (final: string) =>
      term.input(`\x1b${term.modes.applicationCursorKeysMode ? "O" : "["}${final}`, true);
    this.row = el("div", { class: "keys", role: "toolbar", "aria-label": "Keys" },
      this.#ctrl.button, this.#alt.button,
      ...PLAIN.map(([label, name, text]) => key(label, name, () => term.input(text, true))),
      ...CURSOR.map(([label, name, final]) => key(label, name, () => cursor(final))),
      key("PgUp", "Page up", () => term.input("\x1b[5~", true)),
      key("PgDn", "Page down", () => term.input("\x1b[6~", true)),
      key("Paste", "Paste", paste));
    // Focus, and with it the keyboard on the screen, stays where it is.
    this.row.addEventListener("pointerdown", (event) => event.preventDefault());
    this.row.addEventListener("mousedown", (event) => event.preventDefault());
    const line = el("input", { "aria-label": "Compose a line", placeholder: "Compose a line", autocapitalize: "off", autocomplete: "off", enterkeyhint: "send" });
    this.compose = el("form", { class: "compose" }, line, el("button", { type: "submit" }, "Send"));
    this.compose.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = line.value;
      line.value = "";
      term.input(`${text}\r`, true);
    });
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
}
