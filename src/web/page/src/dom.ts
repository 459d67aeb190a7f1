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

/** Makes an SVG element, without markup. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Readonly<Record<string, string | number>> = {}, ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** Makes an icon of one path in a box of 16 x 16; it is hidden from screen readers, its button has the name. */
export function icon(path: string): SVGSVGElement {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "icon" }, svg("path", { d: path }));
}

/** Sets those attributes whose value differs. */
export function setAttributes(element: Element, attributes: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(name) !== text) {
      element.setAttribute(name, text);
    }
  }
}

/** Sets the text of an element if it differs: screen readers announce an unchanged text again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

let counter = 0;

/** Returns an element id that is new in this document. */
export function newId(prefix: string): string {
  counter += 1;
  return `${prefix}-${counter}`;
}
