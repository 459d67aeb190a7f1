// The frame of a chart: its title, its axes, its picture, and the same values as a table.

import { el, newId, setAttributes, setText, svg } from "../../page/src/dom.js";
import { hourAndMinute } from "./format.js";
import { SPAN } from "./history.js";

/** Values of a chart as text. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface FrameOptions {
  readonly title: string;
  /** Size of the picture's coordinates; it is stretched to the size of the chart. */
  readonly width: number;
  readonly height: number;
  /** Number of labels of the vertical axis, at even distances. */
  readonly yLabels: number;
  readonly table: () => Table;
}

export class Frame {
  readonly element: HTMLElement;
  readonly picture: SVGSVGElement;
  /** For values in text, beside the title. */
  readonly legend = el("div", { class: "legend" });
  readonly #y: readonly HTMLElement[];
  readonly #description = svg("desc");
  readonly #details = el("details", { class: "values" }, el("summary", {}, "Values as a table"));
  readonly #body = el("tbody");
  readonly #head = el("tr");

  constructor(private readonly options: FrameOptions) {
    const [titleId, descriptionId] = [newId("chart"), newId("chart")];
    setAttributes(this.#description, { id: descriptionId });
    this.picture = svg("svg", {
      viewBox: `0 0 ${options.width} ${options.height}`, preserveAspectRatio: "none",
      role: "img", "aria-labelledby": titleId, "aria-describedby": descriptionId,
    }, svg("title", { id: titleId }, options.title), this.#description);
    this.#y = Array.from({ length: options.yLabels }, () => el("span"));
    this.#details.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": options.title },
      el("table", {}, el("thead", {}, this.#head), this.#body)));
    this.#details.addEventListener("toggle", () => this.#fillTable());
    const minutes = SPAN / 60_000;
    const x = [`−${minutes} min`, `−${minutes * 2 / 3} min`, `−${minutes / 3} min`, "now"];
    this.element = el("figure", { class: "chart card" },
      el("figcaption", {}, el("h2", {}, options.title), this.legend),
      el("div", { class: "plot" },
        el("div", { class: "y", "aria-hidden": "true" }, ...this.#y),
        this.picture,
        el("div", { class: "x", "aria-hidden": "true" }, ...x.map((text) => el("span", {}, text)))),
      this.#details);
  }

  /** Shows new values: the labels of the vertical axis from the highest, and the picture in one sentence. */
  update(yLabels: readonly string[], description: string): void {
    this.#y.forEach((label, n) => setText(label, yLabels[n] ?? ""));
    setText(this.#description, description);
    this.#fillTable();
  }

  #fillTable(): void {
    if (!this.#details.open) {
      return;
    }
    const { head, rows } = this.options.table();
    this.#head.replaceChildren(...head.map((text) => el("th", { scope: "col" }, text)));
    this.#body.replaceChildren(...rows.map((row) => el("tr", {}, ...row.map((text) => el("td", {}, text)))));
  }
}

/** Splits samples into minutes, the latest first. */
export function byMinute<T extends { readonly at: number }>(points: readonly T[]): [string, T[]][] {
  const minutes = new Map<number, T[]>();
  for (const point of points) {
    const minute = Math.floor(point.at / 60_000);
    minutes.set(minute, [...minutes.get(minute) ?? [], point]);
  }
  return [...minutes].reverse().map(([minute, list]) => [hourAndMinute(minute * 60_000), list]);
}
