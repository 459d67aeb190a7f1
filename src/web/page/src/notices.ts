// Bars above a terminal with announcements of the bridge.

import { el } from "./dom.js";

/** Formats a remaining time of `ms` milliseconds: `4:12`, `1:04:12`. */
function countdown(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

export class Notices {
  readonly element = el("div", { class: "bars" });
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** Shows that the bridge restarts at `deadline`, in ms since 1970; `onNew` opens another session. */
  drain(deadline: number, onNew: () => void): void {
    this.clear();
    const clock = new Date(deadline).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    // Screen readers announce the sentence once, without the countdown beside it.
    const left = el("span", { class: "countdown", "aria-hidden": "true" });
    const tick = () => {
      const ms = deadline - Date.now();
      left.textContent = ms > 0 ? `in ${countdown(ms)}` : "now";
    };
    tick();
    this.#ticker = setInterval(tick, 1000);
    this.element.replaceChildren(el("div", { class: "bar-note warning" },
      el("div", { class: "text" },
        el("span", { role: "status" }, deadline > 0 ? `This bridge restarts at ${clock}` : "This bridge is about to restart"),
        deadline > 0 && ", ", deadline > 0 && left,
        el("span", { class: "hint" }, "Finish your work here: this session ends then.")),
      el("button", { type: "button", onclick: onNew }, "New session"),
      el("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Hide")));
  }

  clear(): void {
    clearInterval(this.#ticker);
    this.element.replaceChildren();
  }
}
