// The status line of a tab.

import { copyText } from "./copying.js";
import { el, icon } from "./dom.js";
import { bytes } from "./text.js";

export interface Facts {
  state: string;
  mood: "" | "good" | "bad";
  bridgeMs: number | undefined;
  hostMs: number | undefined;
  cols: number | undefined;
  rows: number | undefined;
  received: number | undefined;
  held: number;
  session: string | undefined;
}

const NOTHING: Facts = {
  state: "", mood: "", bridgeMs: undefined, hostMs: undefined, cols: undefined, rows: undefined, received: undefined,
  held: 0, session: undefined,
};

/** How long a remark stands there, in milliseconds. */
const REMARK_TIME = 6000;
const COPY = "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z";

export class StatusLine {
  readonly element: HTMLElement;
  readonly #state = el("span", { class: "state", role: "status" });
  readonly #latency = el("span", { class: "latency" });
  readonly #size = el("span", { class: "size", title: "Columns and rows of the terminal" });
  readonly #received = el("span", { class: "received", title: "Output received" });
  readonly #held = el("span", { class: "held", title: "Output that came and is not shown yet; the server waits for it" });
  readonly #remark = el("span", { class: "remark", role: "status" });
  readonly #id = el("span", {});
  readonly #session = el("button", { type: "button", hidden: true }, this.#id, icon(COPY));
  #facts = NOTHING;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#session.addEventListener("click", () => this.copySession());
    this.element = el("div", { class: "status" }, this.#state, this.#remark, el("span", { class: "spacer" }),
      this.#held, this.#latency, this.#size, this.#received, this.#session);
  }

  /** Session id, while there is one to copy. */
  get session(): string | undefined {
    return this.#facts.session;
  }

  copySession(): void {
    void copyText(this.#facts.session ?? "").then((copied) => {
      this.say(copied ? "Session id copied, for your administrator." : `The browser did not allow the copy: ${this.#facts.session}`);
    });
  }

  /** Shows a remark for a while, or until the next. */
  say(text: string, stays = false): void {
    clearTimeout(this.#timer);
    put(this.#remark, text);
    if (!stays) {
      this.#timer = setTimeout(() => put(this.#remark, ""), REMARK_TIME);
    }
  }

  clear(): void {
    this.say("");
    this.set(NOTHING);
  }

  /** Changes what is shown. */
  set(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change };
    const { state, mood, bridgeMs, hostMs, cols, rows, received, held, session } = this.#facts;
    put(this.#state, state);
    this.#state.className = `state ${mood}`;
    put(this.#latency, legs(bridgeMs, hostMs));
    this.#latency.title = hostMs === undefined
      ? "Round trip from you to the bridge"
      : "Round trips: from you to the bridge, and from the bridge to the server";
    put(this.#size, cols === undefined ? "" : `${cols} × ${rows}`);
    put(this.#received, received === undefined ? "" : bytes(received));
    put(this.#held, held === 0 ? "" : `held, ${bytes(held)} in window`);
    this.#session.hidden = session === undefined;
    put(this.#id, session === undefined ? "" : `session ${session.slice(0, 8)}`);
    this.#session.title = session === undefined ? "" : `Copy the session id ${session}, for your administrator`;
  }
}

function legs(bridgeMs: number | undefined, hostMs: number | undefined): string {
  const ms = (value: number) => (value < 1 ? "<1 ms" : `${Math.round(value)} ms`);
  if (bridgeMs === undefined) {
    return "";
  }
  return hostMs === undefined ? `bridge ${ms(bridgeMs)}` : `you–bridge ${ms(bridgeMs)}, bridge–host ${ms(hostMs)}`;
}

/** Changes a text only if it is another, so that screen readers do not repeat it. */
function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
