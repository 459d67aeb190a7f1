// The page in a frame of another page: that one hands a log-in over, once, and is told how the session goes. Whose
// frames may hold the page the operator says (`web.embed_origins`); the browser keeps all others from showing it, and
// nobody else is spoken to here. EMBEDDING.md beside the page's folder is for authors of such pages.

import type { LoginRequest, Target } from "./form.js";
import type { Ending } from "./ending.js";

/** A message to the parent. */
export type Report =
  | { readonly type: "ready" }
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "state"; readonly state: "form" | "connecting" | "live" | "ended" }
  | { readonly type: "title"; readonly title: string }
  | ({ readonly type: "ended"; readonly ok: boolean; readonly message: string } & Ending["facts"]);

/** What of the page the parent may set in motion, and is told of. */
export interface EmbeddedPage {
  /** Whether a session has begun, by whomever. */
  readonly hasBegun: boolean;
  /** Reads a target as the form does. */
  target(text: string): Target | undefined;
  start(request: LoginRequest): void;
}

/** Longest values of a start message, in UTF-16 units: the protocol's own bounds, which the bridge checks in bytes. */
const FIELDS = {
  target: 512,
  user: 256,
  password: 1024,
  privateKey: 16 * 1024,
  passphrase: 1024,
  certificate: 16 * 1024,
  ticket: 4096,
} as const;

type Field = keyof typeof FIELDS;
type Start = Partial<Record<Field, string>>;

/** Says that the page is there and waits. */
const HELLO = { type: "sshard:hello" } as const;

/** Whether another page holds this one. */
export const isFramed = window.parent !== window;

/** The page's side of the talk with its parent. */
export class Parent {
  #port: MessagePort | undefined;
  #started = false;
  #state = "form";
  #title = "";

  /** Waits for the parent, if it is one of `origins`, and tells it that the page is there. */
  constructor(origins: readonly string[], readonly page: EmbeddedPage) {
    const parent = window.parent;
    const listen = ({ source, origin, data, ports }: MessageEvent<unknown>) => {
      // The origin of a sandboxed or local page is "null", which no list has.
      if (source !== parent || !origins.includes(origin) || !isRecord(data)) {
        return;
      }
      if (data["type"] === HELLO.type) {
        // It came too late for the page's own.
        parent.postMessage(HELLO, origin);
      }
      const port = ports[0];
      if (data["type"] !== "sshard:port" || port === undefined) {
        return;
      }
      removeEventListener("message", listen);
      this.#port = port;
      port.onmessage = (event) => this.#take(event.data);
      this.#tell({ type: "ready" });
    };
    addEventListener("message", listen);
    // Browsers that tell the parent's origin need not be asked by trial.
    const known = location.ancestorOrigins?.[0];
    for (const origin of known === undefined ? origins : origins.filter((one) => one === known)) {
      parent.postMessage(HELLO, origin);
    }
  }

  /** Tells the parent what is new of the session. */
  report(state: "form" | "connecting" | "live" | "ended", title: string, ending: Ending | undefined): void {
    if (state !== this.#state) {
      this.#state = state;
      this.#tell({ type: "state", state });
      if (state === "ended" && ending !== undefined) {
        this.#tell({ type: "ended", ok: ending.mark === "good", message: ending.sentence, ...ending.facts });
      }
    }
    if (title !== this.#title) {
      this.#title = title;
      this.#tell({ type: "title", title });
    }
  }

  #take(data: unknown): void {
    const request = this.#read(data);
    if (typeof request === "string") {
      this.#tell({ type: "refused", message: request });
      return;
    }
    this.#started = true;
    this.page.start(request);
  }

  /** Returns the log-in, or why there is none. Quotes no value. */
  #read(data: unknown): LoginRequest | string {
    if (!isRecord(data) || data["type"] !== "start") {
      return "a message of type start is expected";
    }
    if (this.#started || this.page.hasBegun) {
      return "a session has begun already; load the frame again for another";
    }
    const start: Start = {};
    for (const [name, value] of Object.entries(data)) {
      if (name === "type") {
        continue;
      }
      if (!Object.hasOwn(FIELDS, name)) {
        return `start has no field ${JSON.stringify(name.slice(0, 40))}; it has ${Object.keys(FIELDS).join(", ")}`;
      }
      const field = name as Field;
      if (typeof value !== "string" || value.length > FIELDS[field]) {
        return `${field} must be a string of at most ${FIELDS[field]} characters`;
      }
      start[field] = value;
    }
    const { user = "", password = "", privateKey = "", passphrase = "", certificate = "", ticket = "" } = start;
    const target = this.page.target(start.target ?? "");
    if (target === undefined) {
      return "target must be a name that this bridge knows, or host:port";
    }
    if (user === "") {
      return "user is missing";
    }
    return { target, username: user, password, privateKey, passphrase, certificate, ticket };
  }

  #tell(report: Report): void {
    this.#port?.postMessage(report);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
