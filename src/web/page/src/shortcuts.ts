// Keys that the page takes before the terminal: copy, search, the way out, and what Backspace sends.

import type { Terminal } from "@xterm/xterm";
import { copyText } from "./copying.js";
import type { Settings } from "./settings.js";

export interface ShortcutHome {
  readonly settings: Settings;
  search(): void;
  leave(): void;
  say(text: string): void;
}

/** Returns a handler for xterm.js: `false` keeps a key from the terminal. */
export function shortcuts(term: Terminal, home: ShortcutHome): (event: KeyboardEvent) => boolean {
  return (event) => {
    if (event.type !== "keydown") {
      return true;
    }
    const taken = pageKey(term, home, event);
    if (taken) {
      event.preventDefault();
      return false;
    }
    return !isNativePaste(event);
  };
}

/** Handles a key of the page; returns whether it was one. */
function pageKey(term: Terminal, home: ShortcutHome, event: KeyboardEvent): boolean {
  const control = event.ctrlKey && !event.altKey && !event.metaKey;
  const key = event.key.toLowerCase();
  const copies = (control && key === "c" && (event.shiftKey || home.settings.copyWithCtrlC))
    || (control && event.key === "Insert");
  if (copies && term.hasSelection()) {
    void copyText(term.getSelection()).then((copied) => {
      home.say(copied ? "Copied." : "The browser did not allow the copy.");
    });
    term.clearSelection();
    return true;
  }
  if (control && event.shiftKey && key === "f") {
    home.search();
    return true;
  }
  if (control && event.shiftKey && event.key === "F6") {
    home.leave();
    return true;
  }
  if (event.key === "Backspace" && home.settings.backspace === "bs" && !event.altKey && !event.ctrlKey) {
    term.input("\b", true);
    return true;
  }
  return false;
}

/** Returns whether the browser makes a paste event of this key, if the terminal leaves it alone. */
function isNativePaste(event: KeyboardEvent): boolean {
  return (event.ctrlKey && !event.altKey && event.shiftKey && event.key.toLowerCase() === "v")
    || (event.shiftKey && !event.ctrlKey && event.key === "Insert");
}
