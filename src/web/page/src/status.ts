// The status line of a tab.

import { copyText } from "./clipboard.js";
import { el, icon, setText } from "./dom.js";
import { bytes } from "./text.js";

interface Fields {
  state: string;
  outcome: "" | "good" | "bad";
  bridgeMs: number | undefined;
  hostMs: number | undefined;
  cols: number | undefined;
  rows: number | undefined;
  received: number | undefined;
  held: number;
  session: string | undefined;
}

const EMPTY: Fields = {
  state: "", outcome: "", bridgeMs: undefined, hostMs: undefined, cols: undefined, rows: undefined, received: undefined,
  held: 0, session: undefined,
};

/** Time for which a message is shown, in milliseconds. */
const MESSAGE_TIME = 6000;
const COPY = "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z";

export class StatusLine {
  readonly element: HTMLElement;
  readonly #state = el("span", { class: "state", role: "status" });
  readonly #latency = el("span", { class: "latency" });
  readonly #size = el("span", { class: "size", title: "Columns and rows of the terminal" });
  readonly #received = el("span", { class: "received", title: "Output received" });
  readonly #held = el("span", { class: "held", title: "Output that was received and is not shown yet; the server is paused" });
  readonly #message = el("span", { class: "message", role: "status" });
  readonly #id = el("span", {});
  readonly #session = el("button", { type: "button", hidden: true }, this.#id, icon(COPY));
  #fields = EMPTY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#session.addEventListener("click", () => this.copySession());
    this.element = el("div", { class: "status" }, this.#state, this.#message, el("span", { class: "spacer" }),
      this.#held, this.#latency, this.#size, this.#received, this.#session);
  }

  /** Session id, while there is one to copy. */
  get session(): string | undefined {
    return this.#fields.session;
  }

  copySession(): void {
    void copyText(this.#fields.session ?? "").then((copied) => {
      this.show(copied ? "Session id copied, for your administrator." : `The browser did not allow the copy: ${this.#fields.session}`);
    });
  }

  /** Shows a message for a while, or until the next. */
  show(text: string, stays = false): void {
    clearTimeout(this.#timer);
    setText(this.#message, text);
    if (!stays) {
      this.#timer = setTimeout(() => setText(this.#message, ""), MESSAGE_TIME);
    }
  }

  clear(): void {
    this.show("");
    this.set(EMPTY);
  }

  /** Changes what is shown. */
  set(change: Partial<Fields>): void {
    this.#fields = { ...this.#fields, ...change };
    const { state, outcome, bridgeMs, hostMs, cols, rows, received, held, session } = this.#fields;
    setText(this.#state, state);
    this.#state.className = `state ${outcome}`;
    setText(this.#latency, latencyText(bridgeMs, hostMs));
    this.#latency.title = hostMs === undefined
      ? "Round trip from you to the bridge"
      : "Round trips: from you to the bridge, and from the bridge to the server";
    setText(this.#size, cols === undefined ? "" : `${cols} × ${rows}`);
    setText(this.#received, received === undefined ? "" : bytes(received));
    setText(this.#held, held === 0 ? "" : `held, ${bytes(held)} in window`);
    this.#session.hidden = session === undefined;
    setText(this.#id, session === undefined ? "" : `session ${session.slice(0, 8)}`);
    this.#session.title = session === undefined ? "" : `Copy the session id ${session}, for your administrator`;
  }
}

function latencyText(bridgeMs: number | undefined, hostMs: number | undefined): string {
  const ms = (value: number) => (value < 1 ? "<1 ms" : `${Math.round(value)} ms`);
  if (bridgeMs === undefined) {
    return "";
  }
  return hostMs === undefined ? `bridge ${ms(bridgeMs)}` : `you–bridge ${ms(bridgeMs)}, bridge–host ${ms(hostMs)}`;
}
