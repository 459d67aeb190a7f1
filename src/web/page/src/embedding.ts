// The page in a frame of another page, its parent: the parent hands a log-in over, once, and receives the state of the
// session. The operator lists the origins that may frame the page (`web.embed_origins`); the browser blocks all others,
// and no message goes to another origin. EMBEDDING.md beside the page's folder is for authors of such pages.

import type { LoginRequest, Target } from "./form.js";
import type { Ending } from "./ending.js";
import type { Phase } from "./tab.js";

/** A message to the parent. */
type Report =
  | { readonly type: "ready" }
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "state"; readonly state: Phase }
  | { readonly type: "title"; readonly title: string }
  | ({ readonly type: "ended"; readonly ok: boolean; readonly message: string } & Ending["facts"]);

/** Parts of the page that the parent uses. */
export interface EmbeddedPage {
  /** True once any session has begun, by the parent or by the user. */
  readonly hasBegun: boolean;
  /** Parses a target. */
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

/** Announces that the page is ready for a port. */
const HELLO = { type: "sshard:hello" } as const;

/** True in a frame of another page. */
export const isFramed = window.parent !== window;

/** Connection to the parent. */
export class Parent {
  #port: MessagePort | undefined;
  #started = false;
  #state = "form";
  #title = "";

  /** Announces the page to the parent, if its origin is one of `origins`, and waits for its port. */
  constructor(origins: readonly string[], readonly page: EmbeddedPage) {
    const parent = window.parent;
    const listen = ({ source, origin, data, ports }: MessageEvent<unknown>) => {
      // The origin of a sandboxed or local page is "null", which no list has.
      if (source !== parent || !origins.includes(origin) || !isRecord(data)) {
        return;
      }
      if (data["type"] === HELLO.type) {
        // Its script was loaded after the page's announcement.
        parent.postMessage(HELLO, origin);
      }
      const port = ports[0];
      if (data["type"] !== "sshard:port" || port === undefined) {
        return;
      }
      removeEventListener("message", listen);
      this.#port = port;
      port.onmessage = (event) => this.#start(event.data);
      this.#post({ type: "ready" });
    };
    addEventListener("message", listen);
    // Other browsers do not reveal the parent's origin: the announcement is posted for each.
    const known = location.ancestorOrigins?.[0];
    for (const origin of known === undefined ? origins : origins.filter((one) => one === known)) {
      parent.postMessage(HELLO, origin);
    }
  }

  /** Posts what has changed to the parent. */
  report(state: Phase, title: string, ending: Ending | undefined): void {
    if (state !== this.#state) {
      this.#state = state;
      this.#post({ type: "state", state });
      if (state === "ended" && ending !== undefined) {
        this.#post({ type: "ended", ok: ending.outcome === "good", message: ending.sentence, ...ending.facts });
      }
    }
    if (title !== this.#title) {
      this.#title = title;
      this.#post({ type: "title", title });
    }
  }

  #start(data: unknown): void {
    const request = this.#parse(data);
    if (typeof request === "string") {
      this.#post({ type: "refused", message: request });
      return;
    }
    this.#started = true;
    this.page.start(request);
  }

  /** Returns the log-in, or why the message is refused. Quotes no value. */
  #parse(data: unknown): LoginRequest | string {
    if (!isRecord(data) || data["type"] !== "start") {
      return "a message of type start is expected";
    }
    if (this.#started || this.page.hasBegun) {
      return "a session has begun already; load the frame again for another";
    }
    const start: Partial<Record<Field, string>> = {};
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

  #post(report: Report): void {
    this.#port?.postMessage(report);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
