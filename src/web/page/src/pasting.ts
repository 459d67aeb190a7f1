// Whether a paste is asked about, and the question. Control characters never reach the terminal (the client library
// strips them); here they are shown.

import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { bytes, visible } from "./text.js";

/** Above this a paste is always asked about, in bytes and in lines. */
const MUCH_BYTES = 5000;
const MUCH_LINES = 50;
const PREVIEW_LINES = 12;
const PREVIEW_COLUMNS = 120;

export type PasteAnswer = "paste" | "one-line" | "cancel";

/** Whether the user is asked: several lines outside of bracketed paste mode, or much. */
export function needsQuestion(text: string, bracketed: boolean): boolean {
  const lines = text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/).length;
  return text.length > MUCH_BYTES || lines > MUCH_LINES || (lines > 1 && !bracketed);
}

/** Asks what to do with `text`. */
export function askPaste(text: string): Promise<PasteAnswer> {
  const lines = text.split(/\r\n|\r|\n/);
  const shown = lines.slice(0, PREVIEW_LINES).map((line) =>
    visible(line.length > PREVIEW_COLUMNS ? `${line.slice(0, PREVIEW_COLUMNS)}…` : line));
  const rest = lines.length - shown.length;
  return ask<PasteAnswer>({
    title: lines.length > 1 ? `Paste ${lines.length} lines?` : `Paste ${bytes(text.length)}?`,
    body: [
      el("p", {}, "Each line may run as a command at once."),
      el("pre", { class: "preview", tabindex: "0" }, shown.join("\n") + (rest > 0 ? `\n… ${rest} more lines` : "")),
    ],
    choices: [
      { label: "Paste", value: "paste", kind: "primary" },
      ...(lines.length > 1 ? [{ label: "As one line", value: "one-line" as const }] : []),
      { label: "Cancel", value: "cancel" },
    ],
    cancel: "cancel",
  });
}

/** Joins lines by spaces. */
export function asOneLine(text: string): string {
  return text.replace(/\s*(\r\n|\r|\n)\s*/g, " ").trim();
}
