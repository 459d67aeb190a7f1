// Actions that change something, each after a question that names it, and the messages about their results.

import { copyText } from "../../page/src/clipboard.js";
import { ask, askYesNo } from "../../page/src/dialog.js";
import { el } from "../../page/src/dom.js";
import { bytes, visible } from "../../page/src/text.js";
import { type Api, NoAnswer, Refused } from "./api.js";
import { age, count, dateAndTime } from "./format.js";
import { quietFor, targetOf } from "./sessions.js";
import type { Session, Stats } from "./types.js";

/** Time for which a message is shown, in milliseconds; an error is shown twice as long. */
const MESSAGE_TIME = 8_000;

/** Messages about the results of actions, at the bottom of the page; screen readers announce them. */
export class Messages {
  readonly element = el("div", { class: "messages", role: "status", "aria-live": "polite" });

  show(text: string, isBad = false): void {
    const message = el("p", { class: isBad ? "bad" : "" }, text);
    const remove = () => message.remove();
    message.append(el("button", { type: "button", class: "quiet small", "aria-label": "Dismiss", onclick: remove }, "✕"));
    this.element.append(message);
    setTimeout(remove, isBad ? 2 * MESSAGE_TIME : MESSAGE_TIME);
  }
}

function facts(lines: readonly (readonly [string, string])[]): HTMLElement {
  return el("dl", { class: "facts" }, ...lines.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Facts of a session; the first lines identify it. */
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
  /** `failed` is called with errors that concern the whole page, such as a refused token. */
  constructor(
    private readonly api: Api, private readonly messages: Messages, private readonly failed: (error: unknown) => void,
  ) {}

  /** Ends a session, after a question. Returns true if the bridge ends it. */
  async end(session: Session): Promise<boolean> {
    const sure = await askYesNo("End this session?", [
      facts(describe(session)),
      el("p", {}, "Its shell is closed at once, and unsaved work in it is lost. The client is told that an "
        + "administrator ended it (code 4412)."),
    ], "End session", "Keep it", "danger");
    const short = session.id.slice(0, 8);
    return sure && await this.#try(() => this.api.end(session.id), `Session ${short} is being ended.`, (error) =>
      error.status === 404 ? `Session ${short} has ended already.` : undefined);
  }

  /** Shows a session in full. Returns true if it was ended from there. */
  async show(listed: Session): Promise<boolean> {
    let session = listed;
    try {
      session = await this.api.session(listed.id);
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.failed(error);
        return false;
      }
      this.messages.show(error.status === 404 ? "The session has ended." : error.message, error.status !== 404);
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
      this.messages.show(copied ? "The session id is copied." : "The browser did not allow the copy.", !copied);
    }
    return next === "end" && await this.end(session);
  }

  async drain(stats: Stats): Promise<void> {
    const sessions = stats.active_sessions;
    const sure = await askYesNo("Drain this bridge?", [
      el("p", {}, `New sessions are refused from now on. ${
        sessions === 0 ? "There are no sessions, so the bridge exits at once."
          : `${count(sessions)} ${sessions === 1 ? "session has" : "sessions have"} ${
            age(stats.drain_timeout_seconds)} to end; then the rest is closed, and the bridge exits.`}`),
      el("p", {}, "This cannot be undone here: the bridge must be started again on its machine."),
    ], "Drain and stop the bridge", "Continue serving", "danger");
    if (sure) {
      await this.#try(() => this.api.drain(), "The bridge is draining: it accepts no new sessions.");
    }
  }

  async reload(): Promise<void> {
    const sure = await askYesNo("Reload the configuration?", [
      el("p", {}, "The bridge reads its files again. Limits, targets, known hosts and deadlines apply to new sessions at "
        + "once; no session ends. If anything is wrong, nothing changes."),
    ], "Reload", "Not now");
    if (sure) {
      await this.#try(async () => {
        const reloaded = await this.api.reload();
        this.messages.show(`Reloaded. ${changes(reloaded)}`);
      }, undefined, (error) => `Not reloaded: ${error.message}`);
    }
  }

  async #try(
    action: () => Promise<void>, done: string | undefined, explain?: (error: Refused) => string | undefined,
  ): Promise<boolean> {
    try {
      await action();
    } catch (error) {
      if (error instanceof Refused) {
        this.messages.show(explain?.(error) ?? error.message, true);
      } else {
        if (error instanceof NoAnswer) {
          this.messages.show(`It is unknown whether the bridge did it: ${error.message}`, true);
        }
        this.failed(error);
      }
      return false;
    }
    if (done !== undefined) {
      this.messages.show(done);
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
