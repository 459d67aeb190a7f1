// Pastes: which are asked about, the question, and the bar of one that takes its time. Control characters never reach
// the terminal (the client library strips them); here they are shown.

import { ask } from "./dialog.js";
import { el, newId } from "./dom.js";
import { bytes, visible } from "./text.js";

/** Above this a paste is always asked about, in characters and in lines. */
const MUCH_TEXT = 5000;
const MUCH_LINES = 50;
const PREVIEW_LINES = 12;
const PREVIEW_COLUMNS = 120;
/** A paste that takes longer than this, in milliseconds, shows its progress. */
const PROGRESS_DELAY = 300;

export type PasteAnswer = "paste" | "one-line" | "cancel";

function linesOf(text: string): string[] {
  return text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
}

/** Whether the user is asked: several lines outside of bracketed paste mode, or much. */
export function needsQuestion(text: string, bracketed: boolean): boolean {
  const lines = linesOf(text).length;
  return text.length > MUCH_TEXT || lines > MUCH_LINES || (lines > 1 && !bracketed);
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
        ? "The program on the server says that it takes pasted text as text. It is much, so have a look."
        : several ? "Each line may run as a command at once." : "It is much, so have a look."),
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
  const box = el("textarea", { id: newId("paste"), rows: 5, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const paste = await ask({
    title: "Paste here",
    body: [
      el("p", {}, "The browser does not let this page read the clipboard. Paste into the box with the browser's own menu or keys."),
      el("label", { for: box.id }, "Text for the terminal"), box,
    ],
    choices: [{ label: "Paste into the terminal", value: true, kind: "primary" as const }, { label: "Cancel", value: false }],
    cancel: false,
    prepare: () => queueMicrotask(() => box.focus()),
  });
  const text = box.value;
  box.value = "";
  return paste ? text : undefined;
}

/** Joins lines by spaces. */
export function asOneLine(text: string): string {
  return text.replace(/\s*(\r\n|\r|\n)\s*/g, " ").trim();
}

type Send = (options: { signal: AbortSignal; onProgress(passed: number, total: number): void }) => Promise<void>;

/** The pastes of one session that are under way. */
export class PasteJobs {
  readonly element = el("div", { class: "bars" });
  readonly #running = new Set<AbortController>();

  /** Runs `send`; one that takes its time has a bar with its progress and a way to cancel it. */
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

  /** Takes back what is not sent yet; an open bracket is closed by the client library. */
  cancel(): void {
    for (const controller of this.#running) {
      controller.abort();
    }
  }
}
