// A histogram over time: a column is 15 seconds, a row a range of latencies, and a darker cell has more of them.

import { el, setAttributes, setText, svg } from "../../page/src/dom.js";
import { bound, count, latency, timeOfDay } from "./format.js";
import { Frame } from "./frame.js";
import { SPAN, type Point } from "./history.js";
import { quantile, sum, total } from "./quantiles.js";

/** Duration of a column, in milliseconds. */
const COLUMN = 15_000;
const COLUMNS = SPAN / COLUMN;

const QUANTILES = [["median", 0.5], ["p95", 0.95], ["p99", 0.99]] as const;

export interface HeatOptions {
  readonly title: string;
  /** Sentence on what is measured. */
  readonly about: string;
  readonly counts: (point: Point) => readonly number[];
}

export class HeatMap {
  readonly element: HTMLElement;
  readonly #frame: Frame;
  /** By column, then by row from the lowest. */
  readonly #cells: readonly (readonly SVGRectElement[])[];
  readonly #quantiles = QUANTILES.map(([name, share]) => ({ name, share, text: el("b") }));
  readonly #population = el("span", { class: "of" });
  #recent: readonly number[] = [];
  #sinceStart: readonly number[] = [];

  constructor(private readonly options: HeatOptions, private readonly bounds: readonly number[]) {
    const rows = bounds.length + 1;
    this.#frame = new Frame({
      title: options.title, width: COLUMNS, height: rows, yLabels: 4, table: () => this.#table(),
    });
    this.element = this.#frame.element;
    this.element.classList.add("heat");
    this.#cells = Array.from({ length: COLUMNS }, (_, column) => Array.from({ length: rows }, (_, row) =>
      svg("rect", { x: column + 0.06, y: rows - 1 - row + 0.08, width: 0.88, height: 0.84, class: "cell" })));
    this.#frame.picture.append(
      svg("rect", {
        class: "ground", x: 0, y: 0, width: COLUMNS, height: rows, "vector-effect": "non-scaling-stroke",
      }), ...this.#cells.flat());
    this.#frame.legend.append(
      ...this.#quantiles.map(({ name, text }) => el("span", { class: "key" }, `${name} `, text)), this.#population);
    this.element.querySelector("figcaption")?.append(el("p", { class: "hint" }, options.about));
  }

  update(points: readonly Point[], sinceStart: readonly number[]): void {
    const rows = this.bounds.length + 1;
    this.#sinceStart = sinceStart;
    this.#recent = sum(points.map(this.options.counts), rows);
    const columns = this.#columns(points);
    const most = Math.max(1, ...columns.flat());
    columns.forEach((column, n) => column.forEach((value, row) => {
      const cell = this.#cells[n]?.[row];
      if (cell !== undefined) {
        // A single one among thousands is still visible.
        const share = value === 0 ? 0 : 0.18 + 0.82 * Math.sqrt(value / most);
        setAttributes(cell, { "fill-opacity": share.toFixed(2) });
      }
    }));
    // Until something is measured, the time before the page was opened is better than nothing.
    const [shown, when] = total(this.#recent) === 0 ? [sinceStart, "since the start"] : [this.#recent, "in the last 15 min"];
    const all = total(shown);
    setText(this.#population, all === 0 ? "none yet" : `of ${count(all)} ${when}`);
    const summary = this.#quantiles.map(({ name, share, text }) => {
      const value = this.#quantile(shown, share);
      setText(text, value ?? "–");
      return `${name} ${value ?? "none"}`;
    });
    this.#frame.update(this.#yLabels(), `${this.options.about} ${count(all)} measured ${when}: ${summary.join(", ")}.`);
  }

  /** Sums of the samples of each column; the last one is incomplete. It is not known when in a gap something was. */
  #columns(points: readonly Point[]): number[][] {
    const rows = this.bounds.length + 1;
    const columns = Array.from({ length: COLUMNS }, () => new Array<number>(rows).fill(0));
    const last = Math.floor((points.at(-1)?.at ?? 0) / COLUMN);
    for (const point of points.filter(({ since }) => since !== undefined)) {
      const column = columns[COLUMNS - 1 - (last - Math.floor(point.at / COLUMN))];
      this.options.counts(point).forEach((value, row) => {
        if (column !== undefined) {
          column[row] = (column[row] ?? 0) + value;
        }
      });
    }
    return columns;
  }

  /** Bounds at even distances, from the top to the bottom. */
  #yLabels(): string[] {
    const top = this.bounds.length;
    return [1, 2 / 3, 1 / 3].map((share) => {
      const value = this.bounds[Math.round(top * share) - 1];
      return value === undefined ? "" : bound(value);
    }).concat("0");
  }

  #quantile(counts: readonly number[], share: number): string | undefined {
    const found = quantile(counts, this.bounds, share);
    return found && `${found.above ? "> " : ""}${latency(found.value)}`;
  }

  #table(): { head: string[]; rows: string[][] } {
    const rows = this.#sinceStart.map((all, row) => {
      const [lower, upper] = [this.bounds[row - 1], this.bounds[row]];
      const range = upper === undefined ? `above ${bound(lower ?? 0)}` : `up to ${bound(upper)}`;
      return [range, count(this.#recent[row] ?? 0), count(all)];
    });
    const quantiles = QUANTILES.map(([name, share]) =>
      [name, this.#quantile(this.#recent, share) ?? "–", this.#quantile(this.#sinceStart, share) ?? "–"]);
    return { head: ["Latency", `Last 15 min, at ${timeOfDay(Date.now())}`, "Since the start"], rows: [...rows, ...quantiles] };
  }
}
