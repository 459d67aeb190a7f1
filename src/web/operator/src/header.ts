// The top of the page: how the bridge is, what an operator should look at, and what can be done.

import { el } from "../../page/src/dom.js";
import { age, count, timeOfDay } from "./format.js";
import { STUCK } from "./shards.js";
import { setText } from "./svg.js";
import { Rows, type Row } from "./tables.js";
import type { Stats } from "./types.js";

/** A certificate is told of when it expires within this time, in seconds. */
const CERTIFICATE = 14 * 86_400;

/** No answer since then. */
export interface Silence {
  readonly since: number;
  readonly reason: string;
  /** The bridge drained when it was last heard of. */
  readonly wasDraining: boolean;
}

/** What the top shows. */
export interface Condition {
  readonly stats: Stats;
  readonly silence: Silence | undefined;
  /** Time by this machine's clock at which the drain ends. */
  readonly drainEnds: number | undefined;
  /** Time at which the bridge was seen to have been restarted. */
  readonly restartedAt: number | undefined;
}

interface Notice {
  readonly key: string;
  readonly text: string;
  readonly isBad: boolean;
}

function notices({ stats, silence, drainEnds, restartedAt }: Condition, now: number): Notice[] {
  const list: Notice[] = [];
  const add = (key: string, text: string, isBad = true): void => void list.push({ key, text, isBad });
  if (silence !== undefined) {
    const [when, long] = [timeOfDay(silence.since), age((now - silence.since) / 1000)];
    add("silence", silence.wasDraining
      ? `The bridge has ended after its drain, or does not answer: nothing heard since ${when} (${long}). What is shown is from then.`
      : `Not answering since ${when} (${long}): ${silence.reason} What is shown is from then; it is asked again every 2 s.`);
    return list;
  }
  if (drainEnds !== undefined) {
    const sessions = stats.active_sessions;
    add("drain", `Draining: no new sessions. ${count(sessions)} ${sessions === 1 ? "session is" : "sessions are"} left and `
      + `cut off in ${countdown(drainEnds, now)}; then the bridge ends.`);
  } else if (stats.health === "full") {
    add("full", "Full: as many sessions as limits.max_connections allows are logged in, and new ones are refused.");
  } else if (stats.health === "starting") {
    add("starting", "Starting: not every shard listens yet.", false);
  }
  for (const shard of stats.shards.filter((one) => one.heartbeat_age_seconds >= STUCK)) {
    add(`stuck-${shard.shard}`, `Shard ${shard.shard} has not run for ${age(shard.heartbeat_age_seconds)}: `
      + "its sessions are not served. If it stays so, the bridge must be started again.");
  }
  if (stats.audit_lost_lines > 0) {
    add("audit", `${count(stats.audit_lost_lines)} lines of the audit log could not be written. The log says why.`);
  }
  if (stats.tls_expires_at !== null) {
    const left = stats.tls_expires_at - now / 1000;
    if (left < 0) {
      add("tls", `The TLS certificate expired ${age(-left)} ago: clients refuse it.`);
    } else if (left < CERTIFICATE) {
      add("tls", `The TLS certificate expires in ${age(left)}.`, false);
    }
  }
  if (restartedAt !== undefined && now - restartedAt < 60_000) {
    add("restart", `The bridge was started again shortly before ${timeOfDay(restartedAt)}; its counts begin at 0.`, false);
  }
  return list;
}

function notice(): Row<Notice> {
  const element = el("p", { class: "notice" });
  return {
    element,
    update(item) {
      element.classList.toggle("bad", item.isBad);
      setText(element, item.text);
    },
  };
}

/** Links to the parts of the page. */
function nav(): HTMLElement {
  const parts = [["latency", "Latency"], ["shards", "Shards"], ["failures", "Failures"], ["sessions", "Sessions"]] as const;
  return el("nav", { "aria-label": "Parts of the page" },
    ...parts.map(([id, name]) => el("a", { href: `#${id}` }, name)));
}

function countdown(until: number, now: number): string {
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  return left < 60 ? `${left} s` : age(left);
}

export class Header {
  readonly #state = el("span", { class: "state" });
  readonly #about = el("span", { class: "about" });
  readonly #drain: HTMLButtonElement;
  readonly #reload: HTMLButtonElement;
  readonly #forget: HTMLButtonElement;
  readonly #list = el("div", { class: "notices" });
  readonly #notices = new Rows<Notice>(this.#list, (one) => one.key, notice);
  /** Told to screen readers when it changes; the countdown is not. */
  readonly #spoken = el("p", { class: "offscreen", role: "status" });
  readonly element: HTMLElement;
  readonly notices = el("div", {}, this.#list, this.#spoken);
  #condition: Condition | undefined;

  constructor(act: { readonly drain: () => void; readonly reload: () => void; readonly forget: () => void }) {
    this.#reload = el("button", { type: "button", onclick: act.reload }, "Reload configuration…");
    this.#drain = el("button", { type: "button", class: "danger", onclick: act.drain }, "Drain…");
    this.#forget = el("button", { type: "button", class: "quiet", onclick: act.forget }, "Forget token");
    this.element = el("header", { class: "bar" },
      el("h1", { class: "brand" }, "sshard ", el("span", {}, "operator")),
      this.#state, this.#about, nav(), el("div", { class: "actions" }, this.#forget, this.#reload, this.#drain));
    setInterval(() => this.#tick(), 1000);
  }

  update(condition: Condition, hasToken: boolean): void {
    this.#condition = condition;
    this.#forget.hidden = !hasToken;
    this.#tick();
  }

  #tick(): void {
    if (this.#condition === undefined || document.hidden) {
      return;
    }
    const { stats, silence, drainEnds } = this.#condition;
    const now = Date.now();
    const state = silence !== undefined ? "not answering"
      : drainEnds !== undefined ? `draining, ${countdown(drainEnds, now)}` : stats.health;
    setText(this.#state, state);
    const kind = silence !== undefined ? "bad" : stats.health === "ready" && drainEnds === undefined ? "good" : "warn";
    this.#state.className = `state ${kind}`;
    setText(this.#about, `version ${stats.version}, up ${age(stats.uptime_seconds)}`);
    this.#drain.disabled = silence !== undefined || drainEnds !== undefined;
    this.#reload.disabled = silence !== undefined || drainEnds !== undefined;
    this.#notices.update(notices(this.#condition, now));
    setText(this.#spoken, silence !== undefined ? `Not answering since ${timeOfDay(silence.since)}.`
      : drainEnds !== undefined ? "The bridge drains." : `The bridge is ${stats.health}.`);
    document.title = `${silence !== undefined ? "not answering" : `${count(stats.active_sessions)} sessions`} · sshard operator`;
  }
}
