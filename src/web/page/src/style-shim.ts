// xterm.js 6 writes its rules into `<style>` elements, which `style-src 'self'` forbids. Constructed style sheets are
// outside that rule: `document.createElement("style")` returns an inert element whose text goes to such a sheet. In a
// browser without constructed sheets nothing is changed.

const supported = "adoptedStyleSheets" in document && "replaceSync" in CSSStyleSheet.prototype;

/** An element that takes the text of a style sheet and applies it without being one. */
function sheetElement(create: typeof document.createElement): HTMLElement {
  const element = create.call(document, "template") as HTMLElement;
  const sheet = new CSSStyleSheet();
  let text = "";
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (value: string | null) => {
      text = value ?? "";
      sheet.replaceSync(text);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

/**
 * Replaces `document.createElement` for `style` for the lifetime of the page: renderers are remade at times of their
 * own (a lost WebGL context), and the page itself makes no `<style>`.
 */
export function installStyleShim(): void {
  if (!supported) {
    return;
  }
  const create = document.createElement;
  document.createElement = function (this: Document, name: string, options?: ElementCreationOptions): HTMLElement {
    return name.toLowerCase() === "style" ? sheetElement(create) : create.call(this, name, options);
  } as typeof document.createElement;
}
