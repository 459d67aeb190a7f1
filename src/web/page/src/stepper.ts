// The stages from the form to the shell, a line for each with its duration, to show where a slow log-in waits.

import { el } from "./dom.js";
import { seconds } from "./text.js";

const STEPS = [
  ["bridge", "Reach the bridge"],
  ["resolve", "Resolve the server's name"],
  ["connect", "Reach the server"],
  ["handshake", "Agree on keys"],
  ["host_key", "Check the host key"],
  ["login", "Log in"],
  ["shell", "Start the shell"],
] as const;

interface Row {
  readonly item: HTMLLIElement;
  readonly time: HTMLElement;
  startedAt?: number;
}

export class Stepper {
  readonly element: HTMLElement;
  /** The list of steps without title and button. */
  readonly list = el("ol", { class: "steps" });
  readonly #rows = new Map<string, Row>();
  readonly #ticker: ReturnType<typeof setInterval>;
  #current: Row | undefined;

  constructor(title: string, onCancel: () => void) {
    for (const [name, label] of STEPS) {
      // Changes ten times a second, which screen readers would announce.
      const time = el("span", { class: "time", "aria-hidden": "true" });
      const item = el("li", { "data-step": name }, el("span", {}, label), time);
      this.#rows.set(name, { item, time });
      this.list.append(item);
    }
    this.element = el("section", { class: "connecting", "aria-live": "polite", "aria-label": "Connecting" },
      el("h1", {}, title), this.list,
      el("div", { class: "actions" }, el("button", { type: "button", onclick: onCancel }, "Cancel")));
    this.#ticker = setInterval(() => this.#tick(), 100);
  }

  /** Begins the step of a stage; an unknown stage changes nothing. */
  enter(name: string): void {
    const row = this.#rows.get(name);
    if (row === undefined || row === this.#current) {
      return;
    }
    this.#finish("done");
    // The bridge may leave stages out: they have passed, too.
    for (const passed of this.#rows.values()) {
      if (passed === row) {
        break;
      }
      passed.item.classList.add("done");
    }
    row.startedAt = performance.now();
    row.item.classList.add("current");
    row.item.setAttribute("aria-current", "step");
    this.#current = row;
  }

  /** Marks the step that failed: that of `stage`, or else the last that began. */
  fail(stage?: string): void {
    const row = stage === undefined ? undefined : this.#rows.get(stage);
    if (row === undefined || row === this.#current) {
      this.#finish("failed");
    } else {
      this.#finish("done");
      row.item.classList.add("failed");
    }
    this.stop();
  }

  stop(): void {
    clearInterval(this.#ticker);
  }

  #finish(how: "done" | "failed"): void {
    const row = this.#current;
    if (row === undefined) {
      return;
    }
    this.#tick();
    row.item.classList.remove("current");
    row.item.removeAttribute("aria-current");
    row.item.classList.add(how);
    this.#current = undefined;
  }

  #tick(): void {
    const row = this.#current;
    if (row?.startedAt !== undefined) {
      row.time.textContent = seconds(performance.now() - row.startedAt);
    }
  }
}
