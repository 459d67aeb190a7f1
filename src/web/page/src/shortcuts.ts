// Keys that the page handles before the terminal: copy, search, leaving the terminal, and the code of Backspace.

import type { Terminal } from "@xterm/xterm";
import { copyText } from "./clipboard.js";
import type { Settings } from "./settings.js";

interface Actions {
  readonly settings: Settings;
  search(): void;
  leave(): void;
  showMessage(text: string): void;
}

/** Returns a handler for xterm.js: `false` keeps a key from the terminal. */
export function shortcuts(term: Terminal, actions: Actions): (event: KeyboardEvent) => boolean {
  return (event) => {
    if (event.type !== "keydown") {
      return true;
    }
    if (pageKey(term, actions, event)) {
      event.preventDefault();
      return false;
    }
    return !isNativePaste(event);
  };
}

/** Handles a key of the page; returns true if it was one. */
function pageKey(term: Terminal, actions: Actions, event: KeyboardEvent): boolean {
  const control = event.ctrlKey && !event.altKey && !event.metaKey;
  const key = event.key.toLowerCase();
  const copies = (control && key === "c" && (event.shiftKey || actions.settings.copyWithCtrlC))
    || (control && event.key === "Insert");
  if (copies && term.hasSelection()) {
    void copyText(term.getSelection()).then((copied) => {
      actions.showMessage(copied ? "Copied." : "The browser did not allow the copy.");
    });
    term.clearSelection();
    return true;
  }
  if (control && event.shiftKey && key === "f") {
    actions.search();
    return true;
  }
  if (control && event.shiftKey && event.key === "F6") {
    actions.leave();
    return true;
  }
  if (event.key === "Backspace" && actions.settings.backspace === "bs" && !event.altKey && !event.ctrlKey) {
    term.input("\b", true);
    return true;
  }
  return false;
}

/** Returns true if the browser makes a paste event of this key, unless the terminal handles it. */
function isNativePaste(event: KeyboardEvent): boolean {
  return (event.ctrlKey && !event.altKey && event.shiftKey && event.key.toLowerCase() === "v")
    || (event.shiftKey && !event.ctrlKey && event.key === "Insert");
}
