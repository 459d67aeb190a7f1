// Pastes: which of them need consent, the question, and the progress of a long one. Control characters never reach
// the terminal (the client library strips them); here they are shown.

import { ask, askYesNo } from "./dialog.js";
import { el, newId } from "./dom.js";
import { bytes, visible } from "./text.js";

/** Size above which every paste needs consent, in characters and in lines. */
const LARGE_TEXT = 5000;
const LARGE_LINES = 50;
const PREVIEW_LINES = 12;
const PREVIEW_COLUMNS = 120;
/** A paste that takes longer than this, in milliseconds, shows its progress. */
const PROGRESS_DELAY = 300;

type PasteAnswer = "paste" | "one-line" | "cancel";

function linesOf(text: string): string[] {
  return text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
}

/** Returns true for several lines outside of bracketed paste mode, and for large pastes. */
export function needsConsent(text: string, bracketed: boolean): boolean {
  const lines = linesOf(text).length;
  return text.length > LARGE_TEXT || lines > LARGE_LINES || (lines > 1 && !bracketed);
}

/** Asks what to do with `text`. */
export function askPaste(text: string, bracketed: boolean, signal: AbortSignal): Promise<PasteAnswer> {
  const lines = linesOf(text);
  const shown = lines.slice(0, PREVIEW_LINES).map((line) =>
    visible(line.length > PREVIEW_COLUMNS ? `${line.slice(0, PREVIEW_COLUMNS)}…` : line));
  const rest = lines.length - shown.length;
  const size = bytes(new TextEncoder().encode(text).length);
  const several = lines.length > 1;
  return ask<PasteAnswer>({
    title: several ? `Paste ${lines.length} lines (${size})?` : `Paste ${size}?`,
    body: [
      el("p", {}, bracketed
        ? "The program on the server treats pasted text as text. It is a large paste, so check it first."
        : several ? "Each line may run as a command at once." : "It is a large paste, so check it first."),
      el("pre", { class: "preview", tabindex: "0", "aria-label": "Text to paste" },
        shown.join("\n") + (rest > 0 ? `\n… and ${rest} more ${rest === 1 ? "line" : "lines"}` : "")),
    ],
    choices: [
      { label: "Paste", value: "paste", kind: "primary" },
      ...(several ? [{ label: "Paste as one line", value: "one-line" as const }] : []),
      { label: "Cancel", value: "cancel" },
    ],
    cancel: "cancel",
    signal,
  });
}

/** Asks the user to paste into a box, where the page may not read the clipboard; `undefined` if they cancel. */
export async function askPasteText(): Promise<string | undefined> {
  const box = el("textarea", {
    id: newId("paste"), rows: 5, autofocus: true, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
  });
  const paste = await askYesNo("Paste here", [
    el("p", {}, "The browser does not let this page read the clipboard. Paste into the box with the browser's own menu or keys."),
    el("label", { for: box.id }, "Text for the terminal"), box,
  ], "Paste into the terminal", "Cancel");
  const text = box.value;
  box.value = "";
  return paste ? text : undefined;
}

/** Joins lines by spaces. */
export function asOneLine(text: string): string {
  return text.replace(/\s*(\r\n|\r|\n)\s*/g, " ").trim();
}

type Send = (options: { signal: AbortSignal; onProgress(passed: number, total: number): void }) => Promise<void>;

/** The pastes of one session that are in progress. */
export class PasteJobs {
  readonly element = el("div", { class: "bars" });
  readonly #running = new Set<AbortController>();

  /** Runs `send`; after a while a bar shows its progress and a button that cancels it. */
  async run(send: Send): Promise<void> {
    const controller = new AbortController();
    const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress of the paste" });
    const count = el("span", { class: "count" });
    const bar = el("div", { class: "bar-note" },
      el("span", {}, "Pasting"), progress, count,
      el("button", { type: "button", onclick: () => controller.abort() }, "Cancel the paste"),
      el("span", { class: "hint" }, "or Ctrl+C"));
    const timer = setTimeout(() => this.element.append(bar), PROGRESS_DELAY);
    this.#running.add(controller);
    try {
      await send({
        signal: controller.signal,
        onProgress: (passed, total) => {
          progress.max = total;
          progress.value = passed;
          count.textContent = `${bytes(passed)} of ${bytes(total)}`;
        },
      });
    } catch {
      // Cancelled, or the session has ended, which is shown.
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
      bar.remove();
    }
  }

  /** Withdraws what is not sent yet; the client library ends a bracketed paste. */
  cancel(): void {
    for (const controller of this.#running) {
      controller.abort();
    }
  }
}
