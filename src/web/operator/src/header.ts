// The top of the page: the state of the bridge, warnings for the operator, and the actions.

import { el, setText } from "../../page/src/dom.js";
import { age, count, timeOfDay } from "./format.js";
import { STUCK_AFTER } from "./shards.js";
import { Rows, type Row } from "./tables.js";
import type { Stats } from "./types.js";

/** Remaining validity of a certificate below which there is a warning, in seconds. */
const CERTIFICATE_WARNING = 14 * 86_400;

/** Time without an answer of the bridge. */
export interface Outage {
  readonly since: number;
  readonly reason: string;
  /** True if the bridge was draining at its last answer. */
  readonly wasDraining: boolean;
}

interface State {
  readonly stats: Stats;
  readonly outage: Outage | undefined;
  /** Time by this machine's clock at which the drain ends. */
  readonly drainEnds: number | undefined;
  /** Time at which a restart of the bridge was detected. */
  readonly restartedAt: number | undefined;
}

interface Notice {
  readonly key: string;
  readonly text: string;
  readonly isBad: boolean;
}

/** Warnings of a state, the most urgent first. */
export function notices({ stats, outage, drainEnds, restartedAt }: State, now: number): Notice[] {
  const list: Notice[] = [];
  const add = (key: string, text: string, isBad = true): void => void list.push({ key, text, isBad });
  if (outage !== undefined) {
    const [when, long] = [timeOfDay(outage.since), age((now - outage.since) / 1000)];
    add("outage", outage.wasDraining
      ? `The bridge has exited after its drain, or does not answer: no answer since ${when} (${long}). The page shows the state of then.`
      : `Not answering since ${when} (${long}): ${outage.reason} The page shows the state of then, and retries every 2 s.`);
    return list;
  }
  if (drainEnds !== undefined) {
    const sessions = stats.active_sessions;
    add("drain", `Draining: no new sessions. ${count(sessions)} ${sessions === 1 ? "session is" : "sessions are"} left, to be `
      + `closed in ${countdown(drainEnds, now)}; then the bridge exits.`);
  } else if (stats.health === "full") {
    add("full", "Full: as many sessions as limits.max_connections allows are logged in, and new ones are refused.");
  } else if (stats.health === "starting") {
    add("starting", "Starting: some shards do not listen yet.", false);
  }
  for (const shard of stats.shards.filter((one) => one.heartbeat_age_seconds >= STUCK_AFTER)) {
    add(`stuck-${shard.shard}`, `Shard ${shard.shard} has not run for ${age(shard.heartbeat_age_seconds)}: `
      + "its sessions are not served. If this does not end, restart the bridge.");
  }
  if (stats.audit_lost_lines > 0) {
    add("audit", `${count(stats.audit_lost_lines)} lines of the audit log could not be written. The bridge's log has the reason.`);
  }
  if (stats.tls_expires_at !== null) {
    const left = stats.tls_expires_at - now / 1000;
    if (left < 0) {
      add("tls", `The TLS certificate expired ${age(-left)} ago: clients refuse it.`);
    } else if (left < CERTIFICATE_WARNING) {
      add("tls", `The TLS certificate expires in ${age(left)}.`, false);
    }
  }
  if (restartedAt !== undefined && now - restartedAt < 60_000) {
    add("restart", `The bridge was restarted shortly before ${timeOfDay(restartedAt)}; its counters began at 0.`, false);
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

/** Makes the links to the sections of the page. */
function nav(): HTMLElement {
  const parts = [["latency", "Latency"], ["shards", "Shards"], ["failures", "Failures"], ["sessions", "Sessions"]] as const;
  return el("nav", { "aria-label": "Sections of the page" },
    ...parts.map(([id, name]) => el("a", { href: `#${id}` }, name)));
}

function countdown(until: number, now: number): string {
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  return left < 60 ? `${left} s` : age(left);
}

export class Header {
  readonly #health = el("span", { class: "state" });
  readonly #about = el("span", { class: "about" });
  readonly #drain: HTMLButtonElement;
  readonly #reload: HTMLButtonElement;
  readonly #forget: HTMLButtonElement;
  readonly #list = el("div", { class: "notices" });
  readonly #notices = new Rows<Notice>(this.#list, (one) => one.key, notice);
  /** State for screen readers, announced when it changes; without the countdown. */
  readonly #announced = el("p", { class: "offscreen", role: "status" });
  readonly element: HTMLElement;
  readonly notices = el("div", {}, this.#list, this.#announced);
  #state: State | undefined;

  constructor(actions: { readonly drain: () => void; readonly reload: () => void; readonly forget: () => void }) {
    this.#reload = el("button", { type: "button", onclick: actions.reload }, "Reload configuration…");
    this.#drain = el("button", { type: "button", class: "danger", onclick: actions.drain }, "Drain…");
    this.#forget = el("button", { type: "button", class: "quiet", onclick: actions.forget }, "Forget token");
    this.element = el("header", { class: "bar" },
      el("h1", { class: "brand" }, "sshard ", el("span", {}, "operator")),
      this.#health, this.#about, nav(), el("div", { class: "actions" }, this.#forget, this.#reload, this.#drain));
    setInterval(() => this.#tick(), 1000);
  }

  update(state: State, hasToken: boolean): void {
    this.#state = state;
    this.#forget.hidden = !hasToken;
    this.#tick();
  }

  #tick(): void {
    if (this.#state === undefined || document.hidden) {
      return;
    }
    const { stats, outage, drainEnds } = this.#state;
    const now = Date.now();
    setText(this.#health, outage !== undefined ? "not answering"
      : drainEnds !== undefined ? `draining, ${countdown(drainEnds, now)}` : stats.health);
    const kind = outage !== undefined ? "bad" : stats.health === "ready" && drainEnds === undefined ? "good" : "warn";
    this.#health.className = `state ${kind}`;
    setText(this.#about, `version ${stats.version}, up ${age(stats.uptime_seconds)}`);
    this.#drain.disabled = this.#reload.disabled = outage !== undefined || drainEnds !== undefined;
    this.#notices.update(notices(this.#state, now));
    setText(this.#announced, outage !== undefined ? `Not answering since ${timeOfDay(outage.since)}.`
      : drainEnds !== undefined ? "The bridge is draining." : `The bridge is ${stats.health}.`);
    document.title = `${outage !== undefined ? "not answering" : `${count(stats.active_sessions)} sessions`} · sshard operator`;
  }
}
