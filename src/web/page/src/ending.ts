// How a session ended, in the words of the one table of codes.

import { SshardError } from "@sshard/client";
import { explain } from "@sshard/client/codes";
import { el } from "./dom.js";
import { serverWords } from "./questions.js";
import { visible } from "./text.js";

export interface Ending {
  /** `good` is an exit with status 0 or a close that the user asked for. */
  readonly mark: "good" | "bad";
  /** For the tab, the title and the status line: `exit 0`, `SIGKILL`, `host-key-changed`. */
  readonly short: string;
  readonly sentence: string;
  readonly cause?: string | undefined;
  readonly action?: string | undefined;
  /** The bridge's own words on a failure. */
  readonly detail?: string | undefined;
  /** The server's own words, if it said any. */
  readonly words?: string | undefined;
  /** For programs: the exit of the remote process, or the failure. */
  readonly facts: EndingFacts;
}

export interface EndingFacts {
  readonly status?: number;
  readonly signal?: string;
  readonly code?: string;
  readonly stage?: string;
  readonly closeCode?: number;
}

/** Signals by which programs usually end; a shell says 128 and the number. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
  11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
};

/** Failures that a sleeping tab brings about. */
const OF_SLEEP = new Set(["disconnected", "no-answer", "no-pong", "held-too-long", "stalled", "client-gone"]);

/** Ending of a session whose remote process has ended. */
export function exitEnding(exit: { status?: number; signal?: string; coreDumped: boolean; message: string }): Ending {
  const words = exit.message.trim() === "" ? {} : { words: exit.message };
  if (exit.signal !== undefined) {
    const name = exit.signal === "unknown" ? "a signal" : `SIG${exit.signal}`;
    return {
      mark: "bad", short: exit.signal === "unknown" ? "signal" : name, ...words, facts: { signal: exit.signal },
      sentence: `The remote process was ended by ${name}${exit.coreDumped ? " and left a core dump" : ""}.`,
    };
  }
  if (exit.status === undefined) {
    return {
      mark: "bad", short: "ended", sentence: "The session has ended. The server told no exit status.", ...words, facts: {},
    };
  }
  const { status } = exit;
  const signal = SIGNALS[status - 128];
  return {
    mark: status === 0 ? "good" : "bad", short: `exit ${status}`, ...words, facts: { status },
    sentence: status === 0 ? "The session has ended." : `The session has ended with exit status ${status}.`,
    ...(signal === undefined ? {} : { cause: `With ${status} a shell says that ${signal} ended the program.` }),
  };
}

/** Ending of a session that failed. `slept`: the browser or the computer had put the tab to sleep. */
export function failureEnding(error: unknown, slept: boolean): Ending {
  if (!(error instanceof SshardError)) {
    return {
      mark: "bad", short: "error", sentence: "The page has a fault.", cause: String(error), facts: {},
      action: "Load the page again; if it stays, tell your administrator.",
    };
  }
  const { code, stage, closeCode } = error;
  const facts = { code, stage, ...(closeCode === undefined ? {} : { closeCode }) };
  if (error.code === "client-closed" || error.code === "aborted") {
    return {
      mark: "good", short: "closed", facts,
      sentence: error.code === "aborted" ? "You cancelled." : "You ended the session.",
    };
  }
  if (slept && OF_SLEEP.has(error.code)) {
    return {
      mark: "bad", short: error.code, facts, sentence: "This tab was asleep, and lost its connection.",
      cause: "The browser froze the tab in the background, or the computer was suspended. The shell has ended with it.",
      action: "Connect again; for long jobs use tmux or screen on the server.",
    };
  }
  const known = explain(error.code);
  return {
    mark: "bad",
    short: error.code,
    facts,
    sentence: known?.sentence ?? error.message,
    cause: forPeople(known?.cause),
    detail: detailOf(error, known?.sentence),
    action: error.hint === "" ? undefined : error.hint,
  };
}

/** Ending of a login by a link: its password is good for one. */
export function linkEnding(error: unknown): Ending {
  const ending = failureEnding(error, false);
  return ending.short !== "login-failed" ? ending : {
    ...ending, detail: undefined, sentence: "This link does not log in any more.",
    cause: "It logs in once, for a short time: it has been used, or is too old.",
    action: "Log in with the user and password that were printed with it.",
  };
}

/** A cause of the table without what it says to programmers on the error's fields; here they are shown. */
function forPeople(cause: string | undefined): string | undefined {
  return cause?.replace(/[.;]?[^.;]*\berror\.(message|cause)\b[^.;]*\.?/g, ".");
}

/** The bridge's own words: an error has them behind the sentence of its table, or alone. */
function detailOf(error: SshardError, sentence: string | undefined): string | undefined {
  const { message } = error;
  const words = sentence !== undefined && message.startsWith(sentence) ? message.slice(sentence.length + 2) : message;
  return words === "" || words === error.code ? undefined : `The bridge says: ${words.replace(/[\s.]+$/, "")}.`;
}

/** Cause, detail and action, those that there are. */
function explanation({ cause, detail, action }: Ending): (HTMLElement | undefined)[] {
  const paragraph = (text: string | undefined, kind: string) =>
    text === undefined || text === "" ? undefined : el("p", { class: kind }, text);
  return [paragraph(cause, "cause"), paragraph(detail === undefined ? undefined : visible(detail), "cause"), paragraph(action, "action")];
}

/** The ending in place of the terminal, where no session came about. `way`: how far it got. */
export function endingCard(ending: Ending, way: HTMLElement, onAgain: () => void): HTMLElement {
  return el("section", { class: "card ending" },
    el("div", { role: "alert" },
      el("h1", { class: ending.mark }, ending.sentence),
      ...explanation(ending)),
    ending.words !== undefined && serverWords(ending.words),
    way,
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: onAgain }, "Back to the form"),
      ending.mark === "bad" && el("span", { class: "hint code" }, `code ${ending.short}`)));
}

/** The ending below a terminal, which stays readable. */
export function endingBar(ending: Ending, onReconnect: () => void, onExport: () => void): HTMLElement {
  return el("div", { class: `ended-bar ${ending.mark}`, role: "alert" },
    el("div", { class: "words" },
      el("p", { class: "verdict" }, ending.sentence),
      ...explanation(ending)),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "primary", onclick: onReconnect }, "Reconnect"),
      el("button", { type: "button", onclick: onExport }, "Save the text")));
}
