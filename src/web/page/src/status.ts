// The status line of a tab.

import { copyText } from "./copying.js";
import { el } from "./dom.js";
import { bytes } from "./text.js";

export interface Facts {
  state: string;
  bad?: boolean;
  bridgeMs?: number | undefined;
  hostMs?: number | undefined;
  cols?: number;
  rows?: number;
  received?: number;
  held?: number;
  session?: string | undefined;
  note?: string | undefined;
}

export class StatusLine {
  readonly element: HTMLElement;
  readonly #state = el("span", { class: "state", role: "status" });
  readonly #latency = el("span", { title: "Round trip from you to the bridge, and from the bridge to the server" });
  readonly #size = el("span", { title: "Columns x rows" });
  readonly #received = el("span", { title: "Output received" });
  readonly #held = el("span");
  readonly #note = el("span", { class: "state", role: "status" });
  readonly #session = el("button", { type: "button", hidden: true });
  #facts: Facts = { state: "" };

  constructor() {
    this.#session.addEventListener("click", () => {
      void copyText(this.#facts.session ?? "").then((copied) => {
        this.set({ note: copied ? "Session id copied, for your administrator." : "The browser did not allow the copy." });
      });
    });
    this.element = el("div", { class: "status" }, this.#state, this.#note, el("span", { class: "spacer" }),
      this.#held, this.#latency, this.#size, this.#received, this.#session);
  }

  /** Changes what is shown. */
  set(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change };
    const { state, bad, bridgeMs, hostMs, cols, rows, received, held, session, note } = this.#facts;
    put(this.#state, state);
    this.#state.classList.toggle("bad", bad === true);
    put(this.#note, note ?? "");
    const legs = [
      bridgeMs === undefined ? undefined : `bridge ${Math.round(bridgeMs)} ms`,
      hostMs === undefined ? undefined : `server ${Math.round(hostMs)} ms`,
    ].filter((leg) => leg !== undefined);
    put(this.#latency, legs.join(" · "));
    put(this.#size, cols === undefined ? "" : `${cols} × ${rows}`);
    put(this.#received, received === undefined ? "" : bytes(received));
    put(this.#held, held === undefined || held === 0 ? "" : `${bytes(held)} waiting`);
    this.#session.hidden = session === undefined;
    put(this.#session, session === undefined ? "" : `session ${session.slice(0, 8)}`);
    this.#session.title = session === undefined ? "" : `Copy the session id ${session}`;
  }
}

/** Changes a text only if it is another, so that screen readers do not repeat it. */
function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
