// The bar at the top: the tabs, and the actions as buttons, or as a menu on narrow screens.

import { openDialog } from "./dialog.js";
import { el, icon, newId } from "./dom.js";

export interface Action {
  readonly name: string;
  /** Path of its icon. */
  readonly path: string;
  /** Absent where it is always available. */
  readonly available?: () => boolean;
  /** Only in the menu: elsewhere another control does it. */
  readonly menuOnly?: boolean;
  /** State of a toggle. */
  readonly pressed?: () => boolean;
  run(): void;
}

const PLUS = "M8 3v10M3 8h10";
const MORE = "M2.5 4.5h11M2.5 8h11M2.5 11.5h11";

export class Bar {
  readonly element: HTMLElement;
  readonly #buttons = new Map<Action, HTMLButtonElement>();

  constructor(tabs: HTMLElement, onNew: () => void, private readonly actions: readonly Action[]) {
    for (const action of actions.filter(({ menuOnly }) => menuOnly !== true)) {
      this.#buttons.set(action, iconButton(action.name, action.path, () => action.run()));
    }
    this.element = el("header", { class: "bar" },
      el("span", { class: "brand" }, brandIcon(), "sshard"), tabs,
      iconButton("New session", PLUS, onNew),
      el("div", { class: "tools", role: "toolbar", "aria-label": "Tools" }, ...this.#buttons.values()),
      el("div", { class: "menu" }, iconButton("Menu", MORE, () => this.#menu())));
  }

  /** Updates which actions are available, and which toggles are on. */
  update(): void {
    for (const [action, button] of this.#buttons) {
      button.disabled = action.available?.() === false;
      if (action.pressed !== undefined) {
        button.setAttribute("aria-pressed", String(action.pressed()));
      }
    }
  }

  #menu(): void {
    const title = newId("dialog");
    let chosen: Action | undefined;
    const items = this.actions.filter((action) => action.available?.() !== false).map((action) =>
      el("button", {
        class: "quiet", value: action.name, onclick: () => { chosen = action; },
        ...(action.pressed === undefined ? {} : { "aria-pressed": String(action.pressed()) }),
      }, icon(action.path), action.name));
    const dialog = el("dialog", { class: "sheet", "aria-labelledby": title },
      el("form", { method: "dialog" }, el("h2", { id: title }, "Menu"), ...items, el("button", {}, "Close")));
    openDialog(dialog, () => chosen?.run());
  }
}

function iconButton(name: string, path: string, action: () => void): HTMLButtonElement {
  const button = el("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: action }, icon(path));
  // A click leaves the focus in the terminal; the keyboard moves it as usual.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  return button;
}

function brandIcon(): SVGSVGElement {
  const mark = icon("M3 4.5l3.5 3.5-3.5 3.5M8.5 11.5h4.5");
  mark.classList.add("mark");
  return mark;
}
