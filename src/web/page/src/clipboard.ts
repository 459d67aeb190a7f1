// The clipboard: writing with a fallback for pages without the clipboard API (plain http on other than loopback), and
// the bar that asks when the remote side wants to write it (OSC 52). Reads by the remote side are never answered.

import { el } from "./dom.js";
import { visible } from "./text.js";

/** Copies `text`; to be called in a user's gesture. Returns true once it is in the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = el("textarea", { class: "offscreen", "aria-hidden": "true", tabindex: "-1", readonly: true });
  area.value = text;
  const before = document.activeElement;
  const host = before?.closest("dialog") ?? document.body;
  host.append(area);
  area.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    // Not allowed: the caller reports it.
  }
  area.remove();
  if (before instanceof HTMLElement) {
    before.focus();
  }
  return copied;
}

/** Largest text that the remote side may put into the clipboard, in bytes of base64. */
const MAX_ENCODED = 100 * 1024;

/** Time for which a new text cannot be accepted, in milliseconds: a click may have been meant for the text before. */
const CLICK_DELAY = 500;

export class RemoteCopy {
  readonly element = el("div", { class: "remote-copy", role: "status", hidden: true });
  #allowed = false;
  #text = "";
  #delay = 0;

  /** `report` shows a sentence to the user; `onAnswer` moves the focus back once the user has answered. */
  constructor(private readonly report: (text: string) => void, private readonly onAnswer: () => void) {}

  /** Handles the data of OSC 52; always claims it, so that nothing else answers a read. */
  handle(data: string): true {
    const encoded = data.slice(data.indexOf(";") + 1);
    if (encoded === "?" || encoded === "" || encoded.length > MAX_ENCODED || document.hidden || !document.hasFocus()) {
      return true;
    }
    try {
      const raw = Uint8Array.from(atob(encoded.replace(/\s/g, "")), (c) => c.charCodeAt(0));
      this.#text = new TextDecoder().decode(raw);
    } catch {
      return true;
    }
    if (this.#allowed) {
      void this.#copy();
    } else {
      this.#show();
    }
    return true;
  }

  /** Drops the text and the permission: the next session may be of another server. */
  reset(): void {
    this.#allowed = false;
    this.#hide();
  }

  #show(): void {
    const preview = el("pre", { hidden: true, tabindex: "0" }, visible(this.#text.slice(0, 2000)));
    const show = el("button", { type: "button", onclick: () => { preview.hidden = !preview.hidden; } }, "Show");
    const accept = [
      el("button", { type: "button", class: "primary", onclick: () => void this.#copy() }, "Copy once"),
      el("button", { type: "button", onclick: () => { this.#allowed = true; void this.#copy(); } }, "Allow in this session"),
    ];
    this.element.replaceChildren(
      el("span", {}, `The server wants to copy ${this.#text.length} characters to your clipboard.`),
      show,
      ...accept,
      el("button", { type: "button", onclick: () => this.#hide() }, "No"),
      preview);
    this.element.hidden = false;
    accept.forEach((button) => { button.disabled = true; });
    window.clearTimeout(this.#delay);
    this.#delay = window.setTimeout(() => accept.forEach((button) => { button.disabled = false; }), CLICK_DELAY);
  }

  async #copy(): Promise<void> {
    const text = this.#text;
    const copied = await copyText(text);
    this.report(copied ? "Copied." : "The browser did not allow the copy.");
    // A newer text still needs an answer.
    if (text === this.#text && (copied || this.element.hidden)) {
      this.#hide();
    }
  }

  #hide(): void {
    const answered = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.#text = "";
    this.element.replaceChildren();
    if (answered) {
      this.onAnswer();
    }
  }
}
