// The strip of tabs (WAI-ARIA tabs pattern): arrows move, Delete closes.

import { el } from "./dom.js";

export interface TabLike {
  readonly label: string;
}

interface Entry<T> {
  readonly tab: T;
  readonly item: HTMLElement;
  readonly button: HTMLButtonElement;
}

export class TabStrip<T extends TabLike> {
  readonly element = el("div", { class: "tabs", role: "tablist", "aria-label": "Sessions" });
  readonly #entries: Entry<T>[] = [];
  readonly #onSelect: (tab: T) => void;
  readonly #onClose: (tab: T) => void;

  constructor(onSelect: (tab: T) => void, onClose: (tab: T) => void) {
    this.#onSelect = onSelect;
    this.#onClose = onClose;
  }

  add(tab: T): void {
    const button = el("button", { type: "button", role: "tab", onclick: () => this.#onSelect(tab) });
    button.addEventListener("keydown", (event) => this.#key(event, tab));
    const close = el("button", { type: "button", class: "close", title: "Close", tabindex: "-1", onclick: () => this.#onClose(tab) }, "✕");
    const item = el("div", { class: "tab", role: "presentation" }, button, close);
    this.#entries.push({ tab, item, button });
    this.element.append(item);
  }

  remove(tab: T): void {
    const index = this.#entries.findIndex((entry) => entry.tab === tab);
    this.#entries[index]?.item.remove();
    this.#entries.splice(index, 1);
  }

  /** Shows which tab is current, and the labels as they are now. */
  update(current: T): void {
    for (const { tab, item, button } of this.#entries) {
      const selected = tab === current;
      button.textContent = tab.label;
      button.title = tab.label;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
      item.classList.toggle("current", selected);
      item.querySelector(".close")?.setAttribute("aria-label", `Close ${tab.label}`);
    }
  }

  focus(tab: T): void {
    this.#entries.find((entry) => entry.tab === tab)?.button.focus();
  }

  #key(event: KeyboardEvent, tab: T): void {
    const index = this.#entries.findIndex((entry) => entry.tab === tab);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      const next = this.#entries[(index + step + this.#entries.length) % this.#entries.length];
      if (next !== undefined) {
        this.#onSelect(next.tab);
        next.button.focus();
      }
      event.preventDefault();
    } else if (event.key === "Delete") {
      this.#onClose(tab);
    }
  }
}
