// The list of sessions: searched, sorted and paged by the bridge, so that ten thousand of them stay fast.

import { el, newId, setAttributes, setText } from "../../page/src/dom.js";
import { bytes, visible } from "../../page/src/text.js";
import { age, count } from "./format.js";
import { Rows, card, type Row } from "./tables.js";
import type { Query, Session, SessionList } from "./types.js";

/** Pause in typing after which the bridge is asked, in milliseconds. */
const TYPING_PAUSE = 250;

const STATES = ["created", "connecting", "active", "closing"] as const;

/** Columns: title, sort key, and the order at the first click. */
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
  /** Ends a session, after a question. */
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
  readonly #reverse = el("button", { type: "button", class: "narrow-only", "aria-label": "Reverse the order" }, "↕");
  readonly #count = el("p", { class: "count" });
  /** The count for screen readers: announced when the query has changed, not with every new session. */
  readonly #announced = el("p", { class: "offscreen", role: "status" });
  #isAnnounced = false;
  readonly #unanswered = el("p", { class: "problem" });
  readonly #body = el("tbody");
  readonly #rows: Rows<Session>;
  readonly #heads = new Map<string, HTMLElement>();
  readonly #table: HTMLElement;
  readonly #empty = el("p", { class: "empty" });
  readonly #back = el("button", { type: "button", onclick: () => this.#turnPage(-1) }, "Previous");
  readonly #forward = el("button", { type: "button", onclick: () => this.#turnPage(1) }, "Next");
  readonly #range = el("span");
  readonly #pager = el("nav", { class: "pager", "aria-label": "Pages of sessions" }, this.#back, this.#range, this.#forward);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ending = new Set<string>();
  readonly element: HTMLElement;

  /** `changed` is called when `query` has changed. */
  constructor(private readonly changed: () => void, actions: SessionActions) {
    this.#rows = new Rows<Session>(this.#body, (session) => session.id, () => sessionRow(actions, this.#ending));
    const heads = COLUMNS.map(([name, sort, first]) => this.#head(name, sort, first));
    this.#table = el("table", { class: "stacked" },
      el("thead", {}, el("tr", {}, ...heads, el("th", { scope: "col" }, el("span", { class: "offscreen" }, "Actions")))),
      this.#body);
    this.element = card("Sessions", "sessions", this.#filters(), this.#unanswered, this.#table, this.#empty, this.#pager);
  }

  /** Filters the list by a shard. */
  showShard(shard: number): void {
    this.#setQuery({ shard, offset: 0 });
    this.element.scrollIntoView({ block: "start" });
    this.#search.focus({ preventScroll: true });
  }

  /** Marks a session as ending. */
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
      // The last page is empty now.
      this.#setQuery({ offset: Math.max(0, Math.floor((list.matched - 1) / limit) * limit) });
      return;
    }
    const listed = new Set(list.sessions.map((session) => session.id));
    this.#ending.forEach((id) => listed.has(id) || this.#ending.delete(id));
    this.element.classList.toggle("no-users", !showUsers);
    this.#rows.update(list.sessions);
    const isFiltered = this.query.search !== "" || this.query.shard !== undefined || this.query.state !== "";
    const counted = `${isFiltered ? `${count(list.matched)} of ` : ""}${count(list.total)} ${list.total === 1 ? "session" : "sessions"}`;
    setText(this.#count, counted);
    if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      setText(this.#announced, counted);
    }
    setText(this.#empty, isFiltered ? "No session matches." : "There are no sessions. The list fills as clients connect.");
    this.#empty.hidden = list.sessions.length > 0;
    this.#table.hidden = list.sessions.length === 0;
    const unanswered = list.unanswered_shards.join(", ");
    setText(this.#unanswered, unanswered === "" ? "" : `Shard ${unanswered} does not answer: its sessions are missing here.`);
    const last = offset + list.sessions.length;
    this.#pager.hidden = list.matched <= limit && offset === 0;
    setText(this.#range, `${count(offset + 1)} to ${count(last)} of ${count(list.matched)}`);
    this.#back.disabled = offset === 0;
    this.#forward.disabled = last >= list.matched;
    this.#showOrder();
  }

  /** Shows why the bridge has refused the query; the rows stay. */
  refuse(reason: string): void {
    setText(this.#unanswered, `The list is not up to date: ${reason}`);
  }

  #filters(): HTMLElement {
    const label = (text: string, control: HTMLElement, className = "") => {
      control.id = newId("filter");
      return el("div", { class: `filter ${className}` }, el("label", { for: control.id }, text), control);
    };
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#setQuery({ search: this.#search.value.trim(), offset: 0 }), TYPING_PAUSE);
    });
    this.#shard.addEventListener("change", () =>
      this.#setQuery({ shard: this.#shard.value === "" ? undefined : Number(this.#shard.value), offset: 0 }));
    this.#limit.addEventListener("change", () => this.#setQuery({ limit: Number(this.#limit.value), offset: 0 }));
    this.#state.addEventListener("change", () => this.#setQuery({ state: this.#state.value, offset: 0 }));
    this.#reverse.addEventListener("click", () => this.#sortBy(this.query.sort));
    this.#order.addEventListener("change", () => this.#sortBy(this.#order.value));
    return el("search", { class: "filters" },
      label("Search", this.#search, "grow"), label("Shard", this.#shard), label("State", this.#state), label("Rows", this.#limit),
      label("Sort by", this.#order, "narrow-only"), this.#reverse, this.#count, this.#announced);
  }

  #head(name: string, sort: string, first: "up" | "down"): HTMLElement {
    if (sort === "") {
      return el("th", { scope: "col" }, name);
    }
    const button = el("button", { type: "button", class: "sort", onclick: () => this.#sortBy(sort, first) }, name);
    const element = el("th", { scope: "col", class: sort === "user" ? "user" : "" }, button);
    this.#heads.set(sort, element);
    return element;
  }

  /** Sorts by another column, or reverses the order of the same one. */
  #sortBy(sort: string, first?: "up" | "down"): void {
    const start = first ?? COLUMNS.find(([, key]) => key === sort)?.[2] ?? "up";
    const order = this.query.sort === sort ? (this.query.order === "up" ? "down" : "up") : start;
    this.#setQuery({ sort, order, offset: 0 });
  }

  #showOrder(): void {
    const { sort, order } = this.query;
    // Ages ascend as the times they are counted from descend.
    const isAge = sort === "created" || sort === "activity";
    const ascends = (order === "up") !== isAge;
    for (const [key, element] of this.#heads) {
      setAttributes(element, { "aria-sort": key !== sort ? "none" : ascends ? "ascending" : "descending" });
    }
    this.#order.value = sort;
  }

  #turnPage(by: 1 | -1): void {
    this.#setQuery({ offset: Math.max(0, this.query.offset + by * this.query.limit) });
  }

  #setQuery(change: Partial<Query>): void {
    this.query = { ...this.query, ...change };
    this.#isAnnounced = false;
    this.#showOrder();
    this.setShards(this.#shard.options.length - 1);
    this.changed();
  }
}

function sessionRow(actions: SessionActions, ending: ReadonlySet<string>): Row<Session> {
  let shown: Session | undefined;
  const withShown = (action: (session: Session) => void) => () => {
    if (shown !== undefined) {
      action(shown);
    }
  };
  const name = el("button", { type: "button", class: "link mono", onclick: withShown(actions.show) });
  const end = el("button", { type: "button", class: "danger small", onclick: withShown(actions.end) }, "End…");
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
      setAttributes(end, { "aria-label": `End session ${session.id.slice(0, 8)} of ${session.client_ip}` });
    },
  };
}
