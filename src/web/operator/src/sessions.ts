// The list of sessions: searched, sorted and cut by the bridge, so that ten thousand of them stay quick.

import { el, newId } from "../../page/src/dom.js";
import { bytes, visible } from "../../page/src/text.js";
import { age, count } from "./format.js";
import { set, setText } from "./svg.js";
import { Rows, card, type Row } from "./tables.js";
import type { Query, Session, SessionList } from "./types.js";

/** Wait for more typing before the bridge is asked, in milliseconds. */
const TYPING = 250;

const STATES = ["created", "connecting", "active", "closing"] as const;

/** Column, its sort key, and the order it has first. */
const COLUMNS: readonly (readonly [string, string, "up" | "down"])[] = [
  ["Session", "", "up"],
  ["State", "state", "up"],
  ["Shard", "shard", "up"],
  ["Client", "client", "up"],
  ["Target", "target", "up"],
  ["User", "user", "up"],
  ["Age", "created", "down"],
  ["Quiet for", "activity", "down"],
  ["In", "input", "down"],
  ["Out", "output", "down"],
];

export interface SessionActions {
  /** Shows one session in full. */
  readonly show: (session: Session) => void;
  /** Asks, then ends one. */
  readonly end: (session: Session) => void;
}

/** Seconds without input and output, by the bridge's clock. */
export function quietFor(session: Session): number {
  const active = (Date.parse(session.last_activity) - Date.parse(session.created_at)) / 1000;
  return Math.max(0, session.duration - active);
}

/** The connect address, and the requested name if there is one. */
export function targetOf(session: Session): string {
  const { target, target_address: address } = session;
  return visible(address === null || address === target ? target : `${target} (${address})`);
}

export class Sessions {
  query: Query = { search: "", shard: undefined, state: "", sort: "created", order: "up", offset: 0, limit: 25 };
  readonly #changed: () => void;
  readonly #search = el("input", {
    type: "search", placeholder: "client, target, user or session id", spellcheck: "false", autocapitalize: "off",
    maxlength: 200, autocomplete: "off",
  });
  readonly #shard = el("select", {});
  readonly #state = el("select", {}, el("option", { value: "" }, "any state"),
    ...STATES.map((state) => el("option", { value: state }, state)));
  readonly #limit = el("select", {}, ...[25, 100, 250].map((rows) => el("option", { value: rows }, String(rows))));
  readonly #order = el("select", { class: "order" }, ...COLUMNS.filter(([, sort]) => sort !== "").map(([name, sort]) =>
    el("option", { value: sort }, name)));
  readonly #turn = el("button", { type: "button", class: "narrow-only", "aria-label": "Turn the order round" }, "↕");
  readonly #found = el("p", { class: "found", role: "status" });
  readonly #silent = el("p", { class: "problem" });
  readonly #body = el("tbody");
  readonly #rows: Rows<Session>;
  readonly #heads = new Map<string, HTMLElement>();
  readonly #table: HTMLElement;
  readonly #empty = el("p", { class: "empty" });
  readonly #pager: { readonly element: HTMLElement; readonly text: HTMLElement; readonly back: HTMLButtonElement; readonly on: HTMLButtonElement };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ending = new Set<string>();
  readonly element: HTMLElement;

  /** `changed` is called when another part of the list is wanted. */
  constructor(changed: () => void, actions: SessionActions) {
    this.#changed = changed;
    this.#rows = new Rows<Session>(this.#body, (session) => session.id, () => line(actions, this.#ending));
    const heads = COLUMNS.map(([name, sort, first]) => this.#head(name, sort, first));
    this.#table = el("table", { class: "stacked" },
      el("thead", {}, el("tr", {}, ...heads, el("th", { scope: "col" }, el("span", { class: "offscreen" }, "Actions")))),
      this.#body);
    const step = (by: number) => () => this.#ask({ offset: Math.max(0, this.query.offset + by * this.query.limit) });
    const back = el("button", { type: "button", onclick: step(-1) }, "Previous");
    const on = el("button", { type: "button", onclick: step(1) }, "Next");
    const text = el("span");
    this.#pager = { element: el("nav", { class: "pager", "aria-label": "Pages of sessions" }, back, text, on), text, back, on };
    this.element = card("Sessions", "sessions", this.#filters(), this.#silent, this.#table, this.#empty, this.#pager.element);
  }

  /** Narrows the list to one shard. */
  showShard(shard: number): void {
    this.#ask({ shard, offset: 0 });
    this.element.scrollIntoView({ block: "start" });
    this.#search.focus({ preventScroll: true });
  }

  /** Marks a session as told to end. */
  markEnding(id: string): void {
    this.#ending.add(id);
  }

  setShards(shards: number): void {
    if (this.#shard.options.length !== shards + 1) {
      this.#shard.replaceChildren(el("option", { value: "" }, "any shard"),
        ...Array.from({ length: shards }, (_, n) => el("option", { value: String(n) }, `shard ${n}`)));
    }
    this.#shard.value = this.query.shard === undefined ? "" : String(this.query.shard);
  }

  update(list: SessionList, showUsers: boolean): void {
    const { offset, limit } = this.query;
    if (list.sessions.length === 0 && offset > 0 && list.matched <= offset) {
      // The last page has emptied.
      this.#ask({ offset: Math.max(0, Math.floor((list.matched - 1) / limit) * limit) });
      return;
    }
    const there = new Set(list.sessions.map((session) => session.id));
    this.#ending.forEach((id) => there.has(id) || this.#ending.delete(id));
    this.element.classList.toggle("no-users", !showUsers);
    this.#rows.update(list.sessions);
    const isNarrow = this.query.search !== "" || this.query.shard !== undefined || this.query.state !== "";
    setText(this.#found, `${isNarrow ? `${count(list.matched)} of ` : ""}${count(list.total)} ${list.total === 1 ? "session" : "sessions"}`);
    setText(this.#empty, isNarrow ? "No session matches." : "No session is there. The list fills as clients connect.");
    this.#empty.hidden = list.sessions.length > 0;
    this.#table.hidden = list.sessions.length === 0;
    const silent = list.unanswered_shards.join(", ");
    setText(this.#silent, silent === "" ? "" : `Shard ${silent} does not answer: its sessions are missing here.`);
    const last = offset + list.sessions.length;
    this.#pager.element.hidden = list.matched <= limit && offset === 0;
    setText(this.#pager.text, `${count(offset + 1)} to ${count(last)} of ${count(list.matched)}`);
    this.#pager.back.disabled = offset === 0;
    this.#pager.on.disabled = last >= list.matched;
    this.#showOrder();
  }

  #filters(): HTMLElement {
    const label = (text: string, control: HTMLElement, className = "") => {
      control.id = newId("filter");
      return el("div", { class: `filter ${className}` }, el("label", { for: control.id }, text), control);
    };
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask({ search: this.#search.value.trim(), offset: 0 }), TYPING);
    });
    this.#shard.addEventListener("change", () =>
      this.#ask({ shard: this.#shard.value === "" ? undefined : Number(this.#shard.value), offset: 0 }));
    this.#limit.addEventListener("change", () => this.#ask({ limit: Number(this.#limit.value), offset: 0 }));
    this.#state.addEventListener("change", () => this.#ask({ state: this.#state.value, offset: 0 }));
    this.#turn.addEventListener("click", () => this.#sortBy(this.query.sort));
    this.#order.addEventListener("change", () => this.#sortBy(this.#order.value));
    return el("search", { class: "filters" },
      label("Search", this.#search, "grow"), label("Shard", this.#shard), label("State", this.#state), label("Rows", this.#limit),
      label("Sort by", this.#order, "narrow-only"), this.#turn, this.#found);
  }

  #head(name: string, sort: string, first: "up" | "down"): HTMLElement {
    const className = sort === "user" ? "user" : "";
    if (sort === "") {
      return el("th", { scope: "col" }, name);
    }
    const button = el("button", { type: "button", class: "sort", onclick: () => this.#sortBy(sort, first) }, name);
    const element = el("th", { scope: "col", class: className }, button);
    this.#heads.set(sort, element);
    return element;
  }

  /** Sorts by another column, or the same one the other way round. */
  #sortBy(sort: string, first?: "up" | "down"): void {
    const start = first ?? COLUMNS.find(([, key]) => key === sort)?.[2] ?? "up";
    const order = this.query.sort === sort ? (this.query.order === "up" ? "down" : "up") : start;
    this.#ask({ sort, order, offset: 0 });
  }

  #showOrder(): void {
    const { sort, order } = this.query;
    // An age grows as the time it is counted from goes back.
    const isAge = sort === "created" || sort === "activity";
    const ascends = (order === "up") !== isAge;
    for (const [key, element] of this.#heads) {
      set(element, { "aria-sort": key !== sort ? "none" : ascends ? "ascending" : "descending" });
    }
    this.#order.value = sort;
  }

  #ask(change: Partial<Query>): void {
    this.query = { ...this.query, ...change };
    this.#showOrder();
    this.setShards(this.#shard.options.length - 1);
    this.#changed();
  }
}

function line(actions: SessionActions, ending: ReadonlySet<string>): Row<Session> {
  let shown: Session | undefined;
  const act = (then: (session: Session) => void) => () => {
    if (shown !== undefined) {
      then(shown);
    }
  };
  const name = el("button", { type: "button", class: "link mono", onclick: act(actions.show) });
  const end = el("button", { type: "button", class: "danger small", onclick: act(actions.end) }, "End…");
  const texts = COLUMNS.slice(1).map(([title, sort]) => {
    const isNumber = ["created", "activity", "input", "output", "shard"].includes(sort);
    const className = isNumber ? "number" : ["user", "target", "client"].includes(sort) ? `${sort} text` : "";
    return el("td", { "data-label": title, class: className });
  });
  return {
    element: el("tr", {}, el("th", { scope: "row" }, name), ...texts, el("td", { class: "act" }, end)),
    update(session) {
      shown = session;
      setText(name, session.id.slice(0, 8));
      name.title = "Show everything about this session";
      const isEnding = ending.has(session.id);
      const values = [
        isEnding ? "ending" : session.state, String(session.shard), session.client_ip, targetOf(session),
        session.user === undefined ? "–" : visible(session.user), age(session.duration), age(quietFor(session)),
        bytes(session.input_bytes), bytes(session.output_bytes),
      ];
      texts.forEach((cell, n) => {
        setText(cell, values[n] ?? "");
        if (cell.classList.contains("text")) {
          cell.title = values[n] ?? "";
        }
      });
      end.disabled = isEnding;
      set(end, { "aria-label": `End session ${session.id.slice(0, 8)} of ${session.client_ip}` });
    },
  };
}
