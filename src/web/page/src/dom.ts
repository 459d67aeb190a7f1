// Elements without innerHTML: text is always text.

type Child = Node | string | undefined | false;
type Props = Record<string, string | number | boolean | ((event: never) => void) | undefined>;

/**
 * Makes an element. Properties whose value is a function are event listeners (`onclick`), `true` sets an empty
 * attribute, `false` and `undefined` set none. Strings among the children become text nodes.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.replace(/^on/, ""), value as EventListener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Makes an icon of one path in a box of 16 x 16; it is hidden from screen readers, its button has the name. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

let counter = 0;

/** Returns an element id that is new in this document. */
export function newId(prefix: string): string {
  counter += 1;
  return `${prefix}-${counter}`;
}
