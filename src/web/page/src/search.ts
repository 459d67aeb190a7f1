// The search bar over the terminal.

import type { SearchAddon } from "@xterm/addon-search";
import { el } from "./dom.js";

const DECORATIONS = {
  matchBackground: "#6b5500", matchOverviewRuler: "#d0a800",
  activeMatchBackground: "#a86a00", activeMatchColorOverviewRuler: "#ffb000",
};

export class SearchBar {
  readonly element: HTMLElement;
  readonly #input = el("input", { type: "search", "aria-label": "Search in the terminal", spellcheck: "false", autocomplete: "off" });
  readonly #count = el("span", { role: "status", class: "count" });
  readonly #addon: SearchAddon;
  readonly #onClose: () => void;

  constructor(addon: SearchAddon, onClose: () => void) {
    this.#addon = addon;
    this.#onClose = onClose;
    const button = (label: string, text: string, action: () => void) =>
      el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
    this.element = el("div", { class: "search", role: "search", hidden: true },
      this.#input, this.#count,
      button("Previous match", "↑", () => this.#find(-1)),
      button("Next match", "↓", () => this.#find(1)),
      button("Close the search", "✕", () => this.close()));
    this.#input.addEventListener("input", () => this.#find(1, true));
    this.#input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.#find(event.shiftKey ? -1 : 1);
      } else if (event.key === "Escape") {
        this.close();
      }
    });
    addon.onDidChangeResults(({ resultIndex, resultCount }) => {
      this.#count.textContent = this.#input.value === "" ? ""
        : resultCount === 0 ? "none" : resultIndex < 0 ? `${resultCount}+` : `${resultIndex + 1} of ${resultCount}`;
    });
  }

  open(): void {
    this.element.hidden = false;
    this.#input.select();
    this.#input.focus();
  }

  /** Forgets what was looked for. */
  reset(): void {
    this.element.hidden = true;
    this.#input.value = "";
    this.#count.textContent = "";
    this.#addon.clearDecorations();
  }

  close(): void {
    this.element.hidden = true;
    this.#addon.clearDecorations();
    this.#onClose();
  }

  #find(direction: 1 | -1, incremental = false): void {
    const options = { decorations: DECORATIONS, incremental };
    if (this.#input.value === "") {
      this.#addon.clearDecorations();
      this.#count.textContent = "";
    } else if (direction > 0) {
      this.#addon.findNext(this.#input.value, options);
    } else {
      this.#addon.findPrevious(this.#input.value, { decorations: DECORATIONS });
    }
  }
}
