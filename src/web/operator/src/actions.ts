// What changes something, each after a question that names it; and what came of it, told at the bottom of the page.

import { copyText } from "../../page/src/copying.js";
import { ask } from "../../page/src/dialog.js";
import { el } from "../../page/src/dom.js";
import { bytes, visible } from "../../page/src/text.js";
import { type Api, NoAnswer, Refused } from "./api.js";
import { age, count, dateAndTime } from "./format.js";
import { quietFor, targetOf } from "./sessions.js";
import type { Session, Stats } from "./types.js";

/** Time a message stands there, in milliseconds. */
const SHOWN = 8_000;

/** Messages on what came of an action, for eyes and screen readers. */
export class Messages {
  readonly element = el("div", { class: "messages", role: "status", "aria-live": "polite" });

  tell(text: string, isBad = false): void {
    const message = el("p", { class: isBad ? "bad" : "" }, text);
    const remove = () => message.remove();
    message.append(el("button", { type: "button", class: "quiet small", "aria-label": "Dismiss", onclick: remove }, "✕"));
    this.element.append(message);
    setTimeout(remove, isBad ? 2 * SHOWN : SHOWN);
  }
}

function facts(lines: readonly (readonly [string, string])[]): HTMLElement {
  return el("dl", { class: "facts" }, ...lines.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** What is told of a session; the first lines say which one it is. */
function describe(session: Session): [string, string][] {
  return [
    ["Session", session.id],
    ["Client", session.client_ip],
    ["Target", targetOf(session)],
    ...(session.user === undefined ? [] : [["User", visible(session.user)] as [string, string]]),
    ["State", session.state],
    ["Age", age(session.duration)],
    ["Quiet for", age(quietFor(session))],
  ];
}

export class Actions {
  readonly #api: Api;
  readonly #messages: Messages;
  readonly #failed: (error: unknown) => void;

  /** `failed` is called with errors that concern the whole page, such as a refused token. */
  constructor(api: Api, messages: Messages, failed: (error: unknown) => void) {
    this.#api = api;
    this.#messages = messages;
    this.#failed = failed;
  }

  /** Ends a session. Returns whether it was told to. */
  async end(session: Session): Promise<boolean> {
    const sure = await ask({
      title: "End this session?",
      body: [
        facts(describe(session)),
        el("p", {}, "Its shell is closed at once, and unsaved work in it is lost. The client is told that an "
          + "administrator ended it (code 4412)."),
      ],
      choices: [
        { label: "Keep it", value: false },
        { label: "End session", value: true, kind: "danger" },
      ],
      cancel: false,
    });
    const short = session.id.slice(0, 8);
    return sure && await this.#try(() => this.#api.end(session.id), `Session ${short} is told to end.`, (error) =>
      error.status === 404 ? `Session ${short} has ended already.` : undefined);
  }

  /** Shows a session in full. Returns whether it was told to end from there. */
  async show(listed: Session): Promise<boolean> {
    let session = listed;
    try {
      session = await this.#api.session(listed.id);
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.#failed(error);
        return false;
      }
      this.#messages.tell(error.status === 404 ? "The session has ended." : error.message, error.status !== 404);
      return false;
    }
    const others = session.host_connections;
    const next = await ask<"end" | "copy" | "close">({
      title: "Session",
      body: [facts([
        ...describe(session),
        ["Shard", String(session.shard)],
        ["Created", dateAndTime(session.created_at)],
        ["Last activity", dateAndTime(session.last_activity)],
        ["Input", bytes(session.input_bytes)],
        ["Output", bytes(session.output_bytes)],
        ...(typeof others === "number" ? [["Sessions at this target", count(others)] as [string, string]] : []),
      ])],
      choices: [
        { label: "Close", value: "close", kind: "primary" },
        { label: "Copy session id", value: "copy" },
        { label: "End session…", value: "end", kind: "danger" },
      ],
      cancel: "close",
    });
    if (next === "copy") {
      const copied = await copyText(session.id);
      this.#messages.tell(copied ? "The session id is copied." : "The browser did not allow the copy.", !copied);
    }
    return next === "end" && await this.end(session);
  }

  async drain(stats: Stats): Promise<void> {
    const sessions = stats.active_sessions;
    const sure = await ask({
      title: "Drain this bridge?",
      body: [
        el("p", {}, `New sessions are refused from now on. ${
          sessions === 0 ? "No session is there, so the bridge ends at once."
            : `${count(sessions)} ${sessions === 1 ? "session has" : "sessions have"} ${
              age(stats.drain_timeout_seconds)} to end; then the rest is cut off, and the bridge ends.`}`),
        el("p", {}, "This cannot be undone here: the bridge must be started again where it runs."),
      ],
      choices: [
        { label: "Go on serving", value: false },
        { label: "Drain and end the bridge", value: true, kind: "danger" },
      ],
      cancel: false,
    });
    if (sure) {
      await this.#try(() => this.#api.drain(), "The bridge drains: it takes no new sessions.");
    }
  }

  async reload(): Promise<void> {
    const sure = await ask({
      title: "Reload the configuration?",
      body: [el("p", {}, "The bridge reads its files again. Limits, targets, known hosts and deadlines hold for new "
        + "sessions at once; no session ends. If anything is wrong, everything stays as it was.")],
      choices: [{ label: "Not now", value: false }, { label: "Reload", value: true, kind: "primary" }],
      cancel: false,
    });
    if (sure) {
      await this.#try(async () => {
        const reloaded = await this.#api.reload();
        this.#messages.tell(`Reloaded. ${changes(reloaded)}`);
      }, undefined, (error) => `Not reloaded: ${error.message}`);
    }
  }

  async #try(
    act: () => Promise<void>, done: string | undefined, explain?: (error: Refused) => string | undefined,
  ): Promise<boolean> {
    try {
      await act();
    } catch (error) {
      if (error instanceof Refused) {
        this.#messages.tell(explain?.(error) ?? error.message, true);
      } else {
        if (error instanceof NoAnswer) {
          this.#messages.tell(`Nobody knows whether it was done: ${error.message}`, true);
        }
        this.#failed(error);
      }
      return false;
    }
    if (done !== undefined) {
      this.#messages.tell(done);
    }
    return true;
  }
}

/** Lists what a reload changed, and what waits for a restart. */
function changes(reloaded: Record<string, unknown>): string {
  const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const lists = Object.entries(reloaded).map(([name, value]) => [name.replaceAll("_", " "), names(value)] as const);
  const some = lists.filter(([, list]) => list.length > 0);
  return some.length === 0 ? "Nothing has changed." : some.map(([name, list]) => `${name}: ${list.join(", ")}.`).join(" ");
}
