// How a session ended, in the words of the one table of codes.

import { el } from "./dom.js";
import { serverWords } from "./questions.js";

export interface Ending {
  /** `good` is an exit with status 0 or a close that the user asked for. */
  readonly mark: "good" | "bad";
  /** For the tab, the title and the status line: `exit 0`, `SIGKILL`, `host-key-changed`. */
  readonly short: string;
  readonly sentence: string;
  readonly cause?: string | undefined;
  readonly action?: string | undefined;
  /** The server's own words, if it said any. */
  readonly words?: string | undefined;
}

/** The ending in place of the terminal, where no session came about. */
export function endingCard(ending: Ending, onAgain: () => void): HTMLElement {
  return el("section", { class: "card ending", role: "alert" },
    el("h1", { "data-mark": ending.mark === "good" ? "✓" : "✗" }, ending.sentence),
    ending.cause !== undefined && el("p", { class: "cause" }, ending.cause),
    ending.action !== undefined && el("p", {}, ending.action),
    ending.words !== undefined && ending.words.trim() !== "" && serverWords(ending.words),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: onAgain }, "Back to the form")));
}

/** The ending below a terminal, which stays readable. */
export function endingBar(ending: Ending, onReconnect: () => void, onExport: () => void): HTMLElement {
  const reconnect = el("button", { type: "button", class: "primary", onclick: onReconnect }, "Reconnect");
  return el("div", { class: ending.mark === "good" ? "ended-bar" : "ended-bar bad", role: "alert" },
    el("p", {}, `${ending.mark === "good" ? "✓" : "✗"} ${ending.sentence} ${ending.action ?? ""}`.trim(),
      ending.cause !== undefined && ending.cause !== "" && el("span", { class: "hint" }, ` ${ending.cause}`)),
    reconnect,
    el("button", { type: "button", onclick: onExport }, "Save as text"));
}
