// The end of a session or of an attempt, described by the table of codes.

import { type Exit, SshardError } from "@sshard/client";
import { explain } from "@sshard/client/codes";
import { el } from "./dom.js";
import { visible } from "./text.js";

export interface Ending {
  /** `good` is an exit with status 0 or a close that the user asked for. */
  readonly outcome: "good" | "bad";
  /** For the tab, the title and the status line: `exit 0`, `SIGKILL`, `host-key-changed`. */
  readonly short: string;
  readonly sentence: string;
  readonly cause?: string | undefined;
  readonly action?: string | undefined;
  /** The bridge's message on a failure. */
  readonly detail?: string | undefined;
  /** The SSH server's message, if it sent one. */
  readonly serverMessage?: string | undefined;
  /** For programs: the exit of the remote process, or the failure. */
  readonly facts: Partial<Pick<Exit, "status" | "signal">> & { code?: string; stage?: string; closeCode?: number };
}

/** Signals by which programs usually end; a shell reports 128 plus the number as its status. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
  11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
};

/** Codes of failures that a sleeping tab causes. */
const SLEEP_FAILURES = new Set(["disconnected", "no-answer", "no-pong", "held-too-long", "stalled", "client-gone"]);

/** Ending of a session whose remote process has ended. */
export function exitEnding(exit: Exit): Ending {
  const serverMessage = exit.message.trim() === "" ? undefined : exit.message;
  if (exit.signal !== undefined) {
    const name = exit.signal === "unknown" ? "a signal" : `SIG${exit.signal}`;
    return {
      outcome: "bad", short: exit.signal === "unknown" ? "signal" : name, serverMessage, facts: { signal: exit.signal },
      sentence: `The remote process was ended by ${name}${exit.coreDumped ? " and left a core dump" : ""}.`,
    };
  }
  if (exit.status === undefined) {
    return {
      outcome: "bad", short: "ended", sentence: "The session has ended. The server sent no exit status.", serverMessage, facts: {},
    };
  }
  const { status } = exit;
  const signal = SIGNALS[status - 128];
  return {
    outcome: status === 0 ? "good" : "bad", short: `exit ${status}`, serverMessage, facts: { status },
    sentence: status === 0 ? "The session has ended." : `The session has ended with exit status ${status}.`,
    cause: signal && `A shell returns ${status} when ${signal} ended the program.`,
  };
}

/** Ending of a session that failed. `slept`: the browser or the computer suspended the tab before. */
export function failureEnding(error: unknown, slept: boolean): Ending {
  if (!(error instanceof SshardError)) {
    return {
      outcome: "bad", short: "error", sentence: "The page has an internal error.", cause: String(error), facts: {},
      action: "Load the page again; if the error comes back, tell your administrator.",
    };
  }
  const { code, stage, closeCode } = error;
  const facts = { code, stage, ...(closeCode === undefined ? {} : { closeCode }) };
  if (code === "client-closed" || code === "aborted") {
    return { outcome: "good", short: "closed", facts, sentence: code === "aborted" ? "You cancelled." : "You ended the session." };
  }
  if (slept && SLEEP_FAILURES.has(code)) {
    return {
      outcome: "bad", short: code, facts, sentence: "This tab was asleep, and lost its connection.",
      cause: "The browser froze the tab in the background, or the computer was suspended. The shell has ended with it.",
      action: "Connect again; for long jobs use tmux or screen on the server.",
    };
  }
  const known = explain(code);
  return {
    outcome: "bad", short: code, facts,
    sentence: known?.sentence ?? error.message,
    // The table also tells programmers where an error holds more; here it is shown.
    cause: known?.cause.replace(/[.;]?[^.;]*\berror\.(message|cause)\b[^.;]*\.?/g, "."),
    detail: detailOf(error, known?.sentence),
    action: error.hint,
  };
}

/** Ending of a login by a link, whose password is valid once. */
export function linkEnding(error: unknown): Ending {
  const ending = failureEnding(error, false);
  return ending.short !== "login-failed" ? ending : {
    ...ending, detail: undefined, sentence: "This link is no longer valid.",
    cause: "It logs in once, within a short time: it was used already, or has expired.",
    action: "Log in with the user and password that were printed with it.",
  };
}

/** Returns the bridge's message, which an error has behind the sentence of its table, or alone. */
function detailOf({ message, code }: SshardError, sentence: string | undefined): string | undefined {
  const text = sentence !== undefined && message.startsWith(sentence) ? message.slice(sentence.length + 2) : message;
  return text === "" || text === code ? undefined : `Message of the bridge: ${text.replace(/[\s.]+$/, "")}.`;
}

/** Makes paragraphs of cause, detail and action, as far as there are any. */
function explanation({ cause, detail, action }: Ending): (HTMLElement | undefined)[] {
  const paragraph = (text: string | undefined, kind: string) => text ? el("p", { class: kind }, text) : undefined;
  return [paragraph(cause, "cause"), paragraph(detail && visible(detail), "cause"), paragraph(action, "action")];
}

/**
 * Makes the view of a failed attempt, in place of the terminal. `progress` is the list of its stages. The view itself can
 * have the focus.
 */
export function endingCard(ending: Ending, progress: HTMLElement, onAgain: () => void): HTMLElement {
  return el("section", { class: "card ending", tabindex: "-1" },
    el("div", { role: "alert" },
      el("h1", { class: ending.outcome }, ending.sentence),
      ...explanation(ending)),
    progress,
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: onAgain }, "Back to the form"),
      ending.outcome === "bad" && el("span", { class: "hint code" }, `code ${ending.short}`)));
}

/** Makes the bar with the ending below a terminal, which stays readable. The bar itself can have the focus. */
export function endingBar(ending: Ending, onReconnect: () => void, onExport: () => void): HTMLElement {
  return el("div", { class: `ended-bar ${ending.outcome}`, role: "alert", tabindex: "-1" },
    el("div", { class: "text" },
      el("p", { class: "verdict" }, ending.sentence),
      ...explanation(ending)),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: onReconnect }, "Reconnect"),
      el("button", { type: "button", onclick: onExport }, "Save the text")));
}
