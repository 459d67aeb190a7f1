// The shards: the load of each, and the state of its event loop.

import { el, setText } from "../../page/src/dom.js";
import { age, byteRate, count } from "./format.js";
import type { Point } from "./history.js";
import { Bar, Rows, card, head, scrolling, type Row } from "./tables.js";
import type { Shard, Stats } from "./types.js";

/** Age of the last heartbeat from which a shard is stuck, in seconds; it has at least one a second. */
export const STUCK_AFTER = 2;

interface Item {
  readonly shard: Shard;
  /** Sessions of the shard with the most. */
  readonly most: number;
  /** Undefined before there are two samples. */
  readonly cpu: number | undefined;
  readonly traffic: number | undefined;
}

function shardRow(show: (shard: number) => void): Row<Item> {
  let number = 0;
  const name = el("button", { type: "button", class: "link", onclick: () => show(number) });
  const [load, cpuBar] = [new Bar(), new Bar()];
  const [sessions, connections, cpu, traffic, failed, loop] = [el("span"), el("span"), el("span"), el("span"), el("span"), el("span")];
  const cell = (label: string, className: string, ...children: Node[]) =>
    el("td", { "data-label": label, class: className }, ...children);
  return {
    element: el("tr", {},
      el("th", { scope: "row" }, name),
      cell("Sessions", "with-bar", sessions, load.element),
      cell("Connections", "number", connections),
      cell("CPU", "with-bar", cpu, cpuBar.element),
      cell("Traffic", "number", traffic),
      cell("Failed", "number", failed),
      cell("Loop", "number", loop)),
    update({ shard, most, cpu: share, traffic: perSecond }) {
      number = shard.shard;
      setText(name, `Shard ${shard.shard}`);
      name.title = "Show the sessions of this shard";
      setText(sessions, count(shard.active_sessions));
      load.update(shard.active_sessions / Math.max(1, most));
      setText(connections, count(shard.connections));
      setText(cpu, share === undefined ? "–" : `${Math.round(share * 100)} %`);
      cpuBar.update(share ?? 0, 0.8);
      setText(traffic, perSecond === undefined ? "–" : byteRate(perSecond));
      setText(failed, count(shard.failed_sessions));
      const isStuck = shard.heartbeat_age_seconds >= STUCK_AFTER;
      setText(loop, isStuck ? `stuck for ${age(shard.heartbeat_age_seconds)}` : "runs");
      loop.classList.toggle("bad", isStuck);
    },
  };
}

export class Shards {
  readonly #body = el("tbody");
  readonly #rows: Rows<Item>;
  readonly element: HTMLElement;

  /** `show` filters the list of sessions by a shard. */
  constructor(show: (shard: number) => void) {
    this.#rows = new Rows<Item>(this.#body, (item) => String(item.shard.shard), () => shardRow(show));
    this.element = card("Shards", "shards", scrolling("Shards", el("table", { class: "stacked" },
      head("Shard", "Sessions", "Connections", "CPU", "Traffic", "Failed", "Loop"), this.#body)));
  }

  update(stats: Stats, latest: Point | undefined): void {
    const most = Math.max(...stats.shards.map((shard) => shard.active_sessions));
    const isRate = latest?.since !== undefined;
    this.#rows.update(stats.shards.map((shard, n) => ({
      shard,
      most,
      cpu: isRate ? latest.cpu[n] : undefined,
      traffic: isRate ? (latest.shardInput[n] ?? 0) + (latest.shardOutput[n] ?? 0) : undefined,
    })));
  }
}
