// Rows that are updated in place: unchanged elements stay, and with them focus and selection.

import { el, setAttributes } from "../../page/src/dom.js";

/** A row that shows an item. */
export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
}

/** Keeps the children of an element in step with a list. */
export class Rows<T> {
  readonly #rows = new Map<string, Row<T>>();

  constructor(
    readonly element: HTMLElement,
    private readonly key: (item: T) => string,
    private readonly make: (item: T) => Row<T>,
  ) {}

  update(items: readonly T[]): void {
    // First, so that later rows need not move: an element that is moved loses the focus.
    this.#remove(new Set(items.map(this.key)));
    let next = this.element.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = this.make(item);
        this.#rows.set(key, row);
      }
      row.update(item);
      if (next === row.element) {
        next = next.nextElementSibling;
      } else {
        this.element.insertBefore(row.element, next);
      }
    }
  }

  #remove(kept: ReadonlySet<string>): void {
    for (const [key, row] of this.#rows) {
      if (kept.has(key)) {
        continue;
      }
      const neighbour = row.element.nextElementSibling ?? row.element.previousElementSibling;
      const hadFocus = row.element.contains(document.activeElement);
      row.element.remove();
      this.#rows.delete(key);
      if (hadFocus) {
        neighbour?.querySelector("button")?.focus({ preventScroll: true });
      }
    }
  }
}

/** Bounds the height of a table, and makes it scrollable by keyboard where it is higher. */
export function scrolling(label: string, table: HTMLElement): HTMLElement {
  const box = el("div", { class: "scroll" }, table);
  new ResizeObserver(() => {
    if (box.scrollHeight > box.clientHeight + 1) {
      setAttributes(box, { tabindex: 0, role: "region", "aria-label": label });
    } else {
      ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
    }
  }).observe(table);
  return box;
}

/** Makes a card with a heading. */
export function card(title: string, className: string, ...children: (Node | string | undefined)[]): HTMLElement {
  return el("section", { class: `card ${className}`, id: className }, el("h2", {}, title), ...children);
}

/** Makes the head of a table. */
export function head(...columns: readonly string[]): HTMLElement {
  return el("thead", {}, el("tr", {}, ...columns.map((text) => el("th", { scope: "col" }, text))));
}

/** A bar that is filled up to a share; the value is beside it as text. */
export class Bar {
  readonly element = el("span", { class: "bar-of", "aria-hidden": "true" });
  readonly #fill = el("span");

  constructor() {
    this.element.append(this.#fill);
  }

  /** `warnAt` is the share from which the bar has the colour of a warning. */
  update(share: number, warnAt = 2): void {
    const bounded = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
    this.#fill.style.inlineSize = `${(bounded * 100).toFixed(1)}%`;
    this.element.classList.toggle("warn", share >= warnAt);
    this.element.classList.toggle("full", share >= 1 && warnAt <= 1);
  }
}
