// A chart of one or two lines over the last 15 minutes.

import { el, setAttributes, setText, svg } from "../../page/src/dom.js";
import { timeOfDay } from "./format.js";
import { Frame, byMinute } from "./frame.js";
import { SPAN, type Point } from "./history.js";

const WIDTH = 900;
const HEIGHT = 100;

export interface Series {
  readonly name: string;
  /** Class of its colour: `one`, `two` or `bad`. */
  readonly colour: string;
  readonly value: (point: Point) => number;
}

export interface LineOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Minimum of the upper end of the vertical axis. */
  readonly least: number;
  /** True if values are differences to the previous sample: then there is none after a gap. */
  readonly isRate: boolean;
}

export class LineChart {
  readonly element: HTMLElement;
  readonly #frame: Frame;
  readonly #lines: readonly (Series & { readonly line: SVGPathElement; readonly area: SVGPathElement; readonly text: HTMLElement })[];
  readonly #cursor = svg("line", { class: "cursor", y1: 0, y2: HEIGHT, "vector-effect": "non-scaling-stroke" });
  readonly #when = el("span", { class: "when" });
  #points: readonly Point[] = [];
  /** Time under the pointer, as a share of the axis. */
  #pointed: number | undefined;

  constructor(private readonly options: LineOptions) {
    this.#frame = new Frame({
      title: options.title, width: WIDTH, height: HEIGHT, yLabels: 3, table: () => this.#table(),
    });
    this.element = this.#frame.element;
    this.#lines = options.series.map((series) => ({
      ...series,
      line: svg("path", { class: `line ${series.colour}`, "vector-effect": "non-scaling-stroke" }),
      area: svg("path", { class: `area ${series.colour}` }),
      text: el("b"),
    }));
    const grid = [0, HEIGHT / 2, HEIGHT].map((y) =>
      svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y, "vector-effect": "non-scaling-stroke" }));
    this.#frame.picture.append(...grid, ...this.#lines.flatMap(({ line, area }) => [area, line]), this.#cursor);
    this.#frame.legend.append(this.#when, ...this.#lines.map(({ name, colour, text }) =>
      el("span", { class: "key" }, el("i", { class: colour }), `${name} `, text)));
    this.#frame.picture.addEventListener("pointermove", (event) => this.#point(event));
    this.#frame.picture.addEventListener("pointerleave", () => {
      this.#pointed = undefined;
      this.#showValues();
    });
  }

  update(points: readonly Point[]): void {
    this.#points = points;
    const now = points.at(-1)?.at ?? 0;
    const { series, format, least } = this.options;
    const top = ceiling(Math.max(least, ...points.flatMap((point) => series.map(({ value }) => value(point)))));
    const runs = this.#runs();
    const summary = this.#lines.map(({ name, value, line, area }) => {
      const drawn = paths(runs, value, now, top);
      setAttributes(line, { d: drawn.line });
      setAttributes(area, { d: drawn.area });
      const values = points.map(value);
      return `${name}: ${format(values.at(-1) ?? 0)} now, at most ${format(Math.max(0, ...values))}`;
    });
    this.#frame.update([format(top), format(top / 2), format(0)], `Last 15 minutes. ${summary.join("; ")}.`);
    this.#showValues();
  }

  /** Runs of samples without a gap between them. */
  #runs(): Point[][] {
    const runs: Point[][] = [];
    for (const point of this.#points) {
      const run = runs.at(-1);
      if (point.since === undefined || run === undefined) {
        runs.push(this.options.isRate && point.since === undefined ? [] : [point]);
      } else {
        run.push(point);
      }
    }
    return runs;
  }

  #point(event: PointerEvent): void {
    const box = this.#frame.picture.getBoundingClientRect();
    this.#pointed = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.#showValues();
  }

  #showValues(): void {
    const last = this.#points.at(-1);
    const shown = this.#pointed === undefined || last === undefined
      ? last
      : nearest(this.#points, last.at - SPAN * (1 - this.#pointed));
    const isPointed = this.#pointed !== undefined && shown !== undefined && last !== undefined;
    setAttributes(this.#cursor, { visibility: isPointed ? "visible" : "hidden" });
    if (isPointed) {
      const x = WIDTH * (1 - (last.at - shown.at) / SPAN);
      setAttributes(this.#cursor, { x1: x, x2: x });
    }
    setText(this.#when, isPointed ? timeOfDay(shown.at) : "");
    for (const { value, text } of this.#lines) {
      setText(text, shown === undefined ? "–" : this.options.format(value(shown)));
    }
  }

  #table(): { head: string[]; rows: string[][] } {
    const { series, format } = this.options;
    const head = ["Minute", ...series.flatMap(({ name }) => [`${name}, mean`, `${name}, most`])];
    const rows = byMinute(this.#points).map(([minute, points]) => [minute, ...series.flatMap(({ value }) => {
      const values = points.map(value);
      const sum = values.reduce((all, one) => all + one, 0);
      return [format(sum / values.length), format(Math.max(...values))];
    })]);
    return { head, rows };
  }
}

/** Draws a line and the area below it. */
function paths(
  runs: readonly Point[][], value: (point: Point) => number, now: number, top: number,
): { line: string; area: string } {
  let [line, area] = ["", ""];
  for (const run of runs) {
    const corners = run.map((point) => {
      const x = WIDTH * (1 - (now - point.at) / SPAN);
      return `${x.toFixed(1)} ${(HEIGHT * (1 - value(point) / top)).toFixed(2)}`;
    });
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined) {
      continue;
    }
    line += `M${corners.join("L")}`;
    const [from, to] = [first, last].map((point) => (WIDTH * (1 - (now - point.at) / SPAN)).toFixed(1));
    area += `M${from} ${HEIGHT}L${corners.join("L")}L${to} ${HEIGHT}Z`;
  }
  return { line, area };
}

/** Returns the least of 1, 2, 4, 5, 8 or 10 times a power of ten that is not below `value`. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 5, 8, 10].find((one) => one * power >= value * (1 - 1e-9));
  return (step ?? 10) * power;
}

function nearest(points: readonly Point[], at: number): Point | undefined {
  let best: Point | undefined;
  for (const point of points) {
    if (best === undefined || Math.abs(point.at - at) < Math.abs(best.at - at)) {
      best = point;
    }
  }
  return best;
}
