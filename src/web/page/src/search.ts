// The search bar over the terminal.

import type { SearchAddon } from "@xterm/addon-search";
import { el } from "./dom.js";

/** Colours of the matches: text on them keeps its own colour, so they are dark in dark themes and light in light ones. */
const DECORATIONS = {
  dark: {
    matchBackground: "#5c4a00", matchOverviewRuler: "#d0a800",
    activeMatchBackground: "#8a5a00", activeMatchColorOverviewRuler: "#ffb000",
  },
  light: {
    matchBackground: "#ffe9a8", matchOverviewRuler: "#b08800",
    activeMatchBackground: "#ffc861", activeMatchColorOverviewRuler: "#8a5a00",
  },
};

export class SearchBar {
  readonly element: HTMLElement;
  readonly #input = el("input", { type: "search", "aria-label": "Search in the terminal", spellcheck: "false", autocomplete: "off" });
  readonly #count = el("span", { role: "status", class: "count" });

  constructor(private readonly addon: SearchAddon, private readonly isLight: () => boolean, private readonly onClose: () => void) {
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

  /** Clears the search. */
  reset(): void {
    this.element.hidden = true;
    this.#input.value = "";
    this.#count.textContent = "";
    this.addon.clearDecorations();
  }

  close(): void {
    this.element.hidden = true;
    this.addon.clearDecorations();
    this.onClose();
  }

  #find(direction: 1 | -1, incremental = false): void {
    const decorations = DECORATIONS[this.isLight() ? "light" : "dark"];
    if (this.#input.value === "") {
      this.addon.clearDecorations();
      this.#count.textContent = "";
    } else if (direction > 0) {
      this.addon.findNext(this.#input.value, { decorations, incremental });
    } else {
      this.addon.findPrevious(this.#input.value, { decorations });
    }
  }
}
