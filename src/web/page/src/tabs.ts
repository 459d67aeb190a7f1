// The list of tabs (WAI-ARIA tabs pattern): arrows move, Delete closes.

import { el, icon, newId } from "./dom.js";
import type { Tab } from "./tab.js";

interface Entry {
  readonly tab: Tab;
  readonly item: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly close: HTMLButtonElement;
}

/** State of a tab for screen readers, before its name. */
function stateOf(tab: Tab): string {
  if (tab.ending !== undefined) {
    return `${tab.ending.outcome === "good" ? "ended" : "failed"}, ${tab.ending.short}: `;
  }
  if (tab.hasQuestion) {
    return "has a question: ";
  }
  return tab.bellRang ? "bell: " : "";
}

export class TabStrip {
  readonly element: HTMLElement;
  /** Holds nothing but tabs, as the pattern demands: the buttons that close them are outside, and it owns them by id. */
  readonly #list = el("div", { role: "tablist", "aria-label": "Sessions" });
  readonly #entries: Entry[] = [];

  constructor(private readonly onSelect: (tab: Tab) => void, private readonly onClose: (tab: Tab) => void) {
    this.element = el("div", { class: "tabs" }, this.#list);
  }

  add(tab: Tab): void {
    const button = el("button", { type: "button", role: "tab", id: newId("tab"), "aria-controls": tab.element.id, onclick: () => this.onSelect(tab) });
    button.addEventListener("keydown", (event) => this.#key(event, tab));
    const close = el("button", { type: "button", class: "close", tabindex: "-1", onclick: () => this.onClose(tab) },
      icon("M4.5 4.5l7 7M11.5 4.5l-7 7"));
    const item = el("div", { class: "tab", role: "presentation" }, button, close);
    item.addEventListener("auxclick", (event) => {
      if (event.button === 1) {
        this.onClose(tab);
      }
    });
    tab.element.setAttribute("aria-labelledby", button.id);
    this.#entries.push({ tab, item, button, close });
    this.element.append(item);
    this.#updateOwned();
  }

  remove(tab: Tab): void {
    const index = this.#entries.findIndex((entry) => entry.tab === tab);
    this.#entries[index]?.item.remove();
    this.#entries.splice(index, 1);
    this.#updateOwned();
  }

  #updateOwned(): void {
    this.#list.setAttribute("aria-owns", this.#entries.map(({ button }) => button.id).join(" "));
  }

  /** Shows which tab is current, which one is beside it, and all of them as they are now. */
  update(current: Tab, beside: Tab | undefined): void {
    for (const { tab, item, button, close } of this.#entries) {
      const selected = tab === current;
      const state = tab.hasQuestion || tab.bellRang ? "bell" : (tab.ending?.outcome ?? tab.phase);
      button.replaceChildren(
        el("span", { class: `dot ${state}`, "aria-hidden": "true" }),
        el("span", { class: "offscreen" }, stateOf(tab)), el("span", { class: "name" }, tab.name));
      button.title = tab.target === "" || tab.target === tab.name ? tab.name : `${tab.name} (${tab.target})`;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
      item.classList.toggle("current", selected);
      item.classList.toggle("beside", tab === beside);
      close.setAttribute("aria-label", `Close ${tab.name}`);
      close.title = "Close";
      if (selected) {
        item.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
  }

  focus(tab: Tab): void {
    this.#entries.find((entry) => entry.tab === tab)?.button.focus();
  }

  #key(event: KeyboardEvent, tab: Tab): void {
    const index = this.#entries.findIndex((entry) => entry.tab === tab);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      const next = this.#entries[(index + step + this.#entries.length) % this.#entries.length];
      if (next !== undefined) {
        this.onSelect(next.tab);
        next.button.focus();
      }
      event.preventDefault();
    } else if (event.key === "Delete") {
      this.onClose(tab);
    }
  }
}
