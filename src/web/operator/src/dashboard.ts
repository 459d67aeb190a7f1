// The dashboard: all that is shown once the bridge has answered.

import { el } from "../../page/src/dom.js";
import { byteRate, count, rate } from "./format.js";
import { Failures } from "./failures.js";
import { HeatMap } from "./heat-map.js";
import type { History } from "./history.js";
import { LineChart } from "./line-chart.js";
import { Overview } from "./overview.js";
import { Shards } from "./shards.js";
import type { Stats } from "./types.js";

function lineCharts(): LineChart[] {
  return [
    new LineChart({
      title: "Sessions", isRate: false, least: 4, format: count,
      series: [
        { name: "all", colour: "one", value: (point) => point.sessions },
        { name: "not logged in", colour: "two", value: (point) => point.unauthenticated },
      ],
    }),
    new LineChart({
      title: "New and failed sessions per second", isRate: true, least: 1, format: rate,
      series: [
        { name: "new", colour: "one", value: (point) => point.started },
        { name: "failed", colour: "bad", value: (point) => point.failed },
      ],
    }),
    new LineChart({
      title: "Traffic", isRate: true, least: 1000, format: byteRate,
      series: [
        { name: "output", colour: "one", value: (point) => point.output },
        { name: "input", colour: "two", value: (point) => point.input },
      ],
    }),
  ];
}

export class Dashboard {
  readonly element: HTMLElement;
  readonly #overview = new Overview();
  readonly #lines = lineCharts();
  readonly #setup: HeatMap;
  readonly #echo: HeatMap;
  readonly #shards: Shards;
  readonly #failures = new Failures();

  /** `sessions` is the list, `showShard` filters it. `stats` gives the bounds of the histograms. */
  constructor(stats: Stats, notices: HTMLElement, sessions: HTMLElement, showShard: (shard: number) => void) {
    const bounds = stats.latencies.bounds_seconds;
    this.#setup = new HeatMap({
      title: "Set-up latency", counts: (point) => point.setup,
      about: "From the log-in data to the shell, without the time in which the user answers questions.",
    }, bounds);
    this.#echo = new HeatMap({
      title: "Echo latency", counts: (point) => point.echo,
      about: "From typed input to the next output, as the bridge sees it: an estimate.",
    }, bounds);
    this.#shards = new Shards(showShard);
    const [failures, refused, targets] = this.#failures.elements;
    this.element = el("main", {},
      notices,
      this.#overview.tiles,
      el("div", { class: "charts three" }, ...this.#lines.map((chart) => chart.element)),
      el("div", { class: "charts two", id: "latency" }, this.#setup.element, this.#echo.element),
      el("p", { class: "hint begins" }, "The charts begin when this page is opened, and go back 15 minutes at most."),
      el("div", { class: "columns" },
        el("div", {}, this.#overview.limits, targets, refused),
        el("div", {}, this.#shards.element, failures)),
      sessions);
  }

  update(stats: Stats, history: History): void {
    const { points, latest } = history;
    this.#overview.update(stats, latest);
    this.#lines.forEach((chart) => chart.update(points));
    this.#setup.update(points, stats.latencies.setup.counts);
    this.#echo.update(points, stats.latencies.echo.counts);
    this.#shards.update(stats, latest);
    this.#failures.update(stats, history);
  }
}
