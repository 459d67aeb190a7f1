// Bars above a terminal with what its bridge announces.

import { el } from "./dom.js";

/** Formats what is left of `ms` milliseconds: `4:12`, `1:04:12`. */
export function countdown(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

export class Notices {
  readonly element = el("div", { class: "bars" });
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** Tells that the bridge restarts at `deadline`, in ms since 1970; `onNew` opens another session. */
  drain(deadline: number, onNew: () => void): void {
    this.clear();
    const clock = new Date(deadline).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    // The sentence is announced once; the countdown beside it is for the eye.
    const left = el("span", { class: "countdown", "aria-hidden": "true" });
    const tick = () => {
      const ms = deadline - Date.now();
      left.textContent = ms > 0 ? `in ${countdown(ms)}` : "now";
    };
    tick();
    this.#ticker = setInterval(tick, 1000);
    this.element.replaceChildren(el("div", { class: "bar-note warning" },
      el("div", { class: "words" },
        el("span", { role: "status" }, deadline > 0 ? `This bridge restarts at ${clock}` : "This bridge is about to restart"),
        deadline > 0 && ", ", deadline > 0 && left,
        el("span", { class: "hint" }, "Finish here; this session ends then.")),
      el("button", { type: "button", onclick: onNew }, "New session"),
      el("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Hide")));
  }

  clear(): void {
    clearInterval(this.#ticker);
    this.element.replaceChildren();
  }
}
