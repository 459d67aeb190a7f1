// The main figures: sessions, rates, and the use of each limit.

import { el, setText } from "../../page/src/dom.js";
import { bytes } from "../../page/src/text.js";
import { byteRate, count, rate } from "./format.js";
import type { Point } from "./history.js";
import { Bar, Rows, card, type Row } from "./tables.js";
import type { Stats } from "./types.js";

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

function tiles(stats: Stats, latest: Point | undefined): Tile[] {
  const { states } = stats;
  const isRate = latest?.since !== undefined;
  const perSecond = (value: number | undefined): string => (isRate ? `${rate(value ?? 0)}/s` : "–");
  const logging = (states["created"] ?? 0) + (states["connecting"] ?? 0);
  return [
    {
      name: "Sessions", value: count(stats.active_sessions),
      note: `${count(states["active"] ?? 0)} active, ${count(logging)} logging in`,
    },
    { name: "New sessions", value: perSecond(latest?.started), note: `${count(stats.total_sessions)} since the start` },
    { name: "Failed sessions", value: perSecond(latest?.failed), note: `${count(stats.failed_sessions)} since the start` },
    {
      name: "Output to clients", value: isRate ? byteRate(latest.output) : "–",
      note: `${bytes(stats.output_bytes)} since the start`,
    },
    {
      name: "Input of clients", value: isRate ? byteRate(latest.input) : "–",
      note: `${bytes(stats.input_bytes)} since the start`,
    },
  ];
}

function tile(): Row<Tile> {
  const [name, value, note] = [el("dt"), el("dd", { class: "big" }), el("dd", { class: "note" })];
  return {
    element: el("div", { class: "tile card" }, name, value, note),
    update(item) {
      setText(name, item.name);
      setText(value, item.value);
      setText(note, item.note);
    },
  };
}

interface Limit {
  readonly name: string;
  readonly setting: string;
  readonly used: number;
  /** 0: no limit. */
  readonly most: number;
}

function limits(stats: Stats): Limit[] {
  const busiest = Object.entries(stats.host_connections).reduce<[string, number]>(
    (best, one) => (one[1] > best[1] ? one : best), ["", 0]);
  const handshakes = Math.max(0, ...stats.shards.map((shard) => shard.handshakes));
  return [
    { name: "Logged in", setting: "limits.max_connections", used: stats.connections, most: stats.max_connections },
    {
      name: "Not logged in yet", setting: "limits.max_unauthenticated",
      used: stats.unauthenticated, most: stats.max_unauthenticated,
    },
    {
      name: busiest[0] === "" ? "Busiest target" : `Busiest target, ${busiest[0]}`,
      setting: "limits.max_connections_per_host", used: busiest[1], most: stats.max_per_host,
    },
    {
      name: "Handshakes, fullest shard", setting: "server.max_handshakes", used: handshakes, most: stats.max_handshakes,
    },
  ];
}

function meter(): Row<Limit> {
  const [name, setting] = [el("span"), el("code")];
  const [value, bar] = [el("span", { class: "value" }), new Bar()];
  const element = el("li", {}, el("span", { class: "name" }, name, " ", setting), value, bar.element);
  return {
    element,
    update(limit) {
      const share = limit.most === 0 ? 0 : limit.used / limit.most;
      setText(name, limit.name);
      setText(setting, limit.setting);
      setText(value, limit.most === 0
        ? `${count(limit.used)}, no limit`
        : `${count(limit.used)} of ${count(limit.most)}${share >= 1 ? ", full" : ""}`);
      bar.update(share, 0.8);
    },
  };
}

export class Overview {
  readonly tiles = el("dl", { class: "tiles" });
  readonly #tiles = new Rows<Tile>(this.tiles, (one) => one.name, tile);
  readonly #list = el("ul", { class: "meters" });
  readonly #meters = new Rows<Limit>(this.#list, (one) => one.setting, meter);
  readonly limits = card("Limits in use", "limits", this.#list);

  update(stats: Stats, latest: Point | undefined): void {
    this.#tiles.update(tiles(stats, latest));
    this.#meters.update(limits(stats));
  }
}
