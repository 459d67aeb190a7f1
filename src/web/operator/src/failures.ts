// Tables: failed sessions by stage and cause, connections refused before a session, and the busiest targets.

import { el, setAttributes, setText } from "../../page/src/dom.js";
import { visible } from "../../page/src/text.js";
import { count, withSpaces } from "./format.js";
import { failureKey, type History } from "./history.js";
import { Bar, Rows, card, head, scrolling, type Row } from "./tables.js";
import type { Stats } from "./types.js";

interface Entry {
  readonly key: string;
  readonly cells: readonly string[];
  /** Share of the largest entry. */
  readonly share: number;
}

function entryRow(columns: readonly string[]): Row<Entry> {
  const bar = new Bar();
  const texts = columns.map(() => el("span"));
  const cells = texts.map((text, n) => {
    const isLast = n === columns.length - 1;
    const className = isLast ? "with-bar" : /^(Last|Since)/.test(columns[n] ?? "") ? "number" : "";
    return el("td", { "data-label": columns[n], class: className }, text, isLast && bar.element);
  });
  return {
    element: el("tr", {}, ...cells),
    update(item) {
      texts.forEach((text, n) => setText(text, item.cells[n] ?? ""));
      // The text may be truncated.
      setAttributes(texts[0]?.parentElement ?? bar.element, { title: item.cells[0] ?? "" });
      bar.update(item.share);
    },
  };
}

class TableCard {
  readonly #body = el("tbody");
  readonly #rows: Rows<Entry>;
  readonly #empty: HTMLElement;
  readonly #table: HTMLElement;
  readonly element: HTMLElement;

  constructor(title: string, className: string, columns: readonly string[], empty: string) {
    this.#rows = new Rows<Entry>(this.#body, (item) => item.key, () => entryRow(columns));
    this.#empty = el("p", { class: "empty" }, empty);
    this.#table = el("table", { class: "stacked" }, head(...columns), this.#body);
    this.element = card(title, className, scrolling(title, this.#table), this.#empty);
  }

  update(entries: readonly Entry[]): void {
    this.#rows.update(entries);
    this.#table.hidden = entries.length === 0;
    this.#empty.hidden = entries.length > 0;
  }
}

export class Failures {
  readonly #failures = new TableCard("Failures by stage and cause", "failures",
    ["Stage", "Cause", "Last 15 min", "Since the start"], "No session has failed since the start.");
  readonly #refused = new TableCard("Refused before a session", "refused",
    ["Cause", "Since the start"], "No connection was refused since the start.");
  readonly #targets = new TableCard("Busiest targets", "targets",
    ["Target", "Sessions"], "No session is logged in at any target.");
  readonly elements = [this.#failures.element, this.#refused.element, this.#targets.element] as const;

  update(stats: Stats, history: History): void {
    const recent = history.failures();
    const ofKey = (stage: string, cause: string): number => recent.get(failureKey(stage, cause)) ?? 0;
    const failures = [...stats.failures].sort((a, b) =>
      ofKey(b.stage, b.cause) - ofKey(a.stage, a.cause) || b.count - a.count);
    const most = Math.max(1, ...failures.map((one) => one.count));
    this.#failures.update(failures.map(({ stage, cause, count: all }) => ({
      key: failureKey(stage, cause),
      cells: [withSpaces(stage), withSpaces(cause), count(ofKey(stage, cause)), count(all)],
      share: all / most,
    })));
    const refused = [...stats.refused_before_session].sort((a, b) => b.count - a.count);
    this.#refused.update(refused.map((one) => ({
      key: one.cause,
      cells: [reason(one.cause), count(one.count)],
      share: one.count / (refused[0]?.count ?? 1),
    })));
    const targets = Object.entries(stats.host_connections).sort(([, a], [, b]) => b - a);
    this.#targets.update(targets.map(([target, sessions]) => ({
      key: target,
      cells: [visible(target), `${count(sessions)} of ${count(stats.max_per_host)}`],
      share: sessions / stats.max_per_host,
    })));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  "http-400": "malformed request (400)",
  "http-401": "no or a wrong token (401)",
  "http-403": "page of another origin (403)",
  "http-404": "no such path or target (404)",
  "http-405": "wrong method (405)",
  "http-408": "request too slow (408)",
  "http-421": "unknown Host (421)",
  "http-426": "no WebSocket (426)",
  "http-429": "too many requests (429)",
  "http-503": "full, or draining (503)",
  "http-other": "other HTTP answers",
  "handshake-full": "too many handshakes at once",
  "handshake-untrusted-peer": "PROXY protocol: unknown proxy",
  "handshake-proxy-header": "PROXY protocol: bad header",
  "handshake-tls": "TLS handshake failed",
  "handshake-timeout": "no request in time",
};

function reason(cause: string): string {
  return REASONS[cause] ?? withSpaces(cause);
}
