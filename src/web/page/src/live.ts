// A session that runs, joined to its terminal, status line and bars. Owns what lives as long as the session does.

import type { Session } from "@sshard/client";
import { SshardAddon } from "@sshard/client/xterm";
import { type Ending, exitEnding, failureEnding } from "./ending.js";
import { Notices } from "./notices.js";
import { PasteJobs, asOneLine, askPaste, needsQuestion } from "./pasting.js";
import { slept, stayAwake } from "./sleep.js";
import type { StatusLine } from "./status.js";
import type { TerminalPane } from "./terminal.js";

/** Counters of the status line are looked at this often, in milliseconds. */
const TICK = 500;
/** A sleep within this time, in milliseconds, before a connection was lost is why it was lost. */
const SLEEP_COUNTS = 60_000;
/** Output that waits is told above this, in bytes: below, it is on its way. */
const HELD = 64 * 1024;
const CONTROL_C = "\x03";

export interface LiveHome {
  /** The session has ended. */
  ended(ending: Ending): void;
  /** The user wants another session of the same kind. */
  another(): void;
}

export class Live {
  readonly notices = new Notices();
  readonly pastes = new PasteJobs();
  readonly #session: Session;
  readonly #pane: TerminalPane;
  readonly #status: StatusLine;
  readonly #home: LiveHome;
  readonly #addon: SshardAddon;
  readonly #over = new AbortController();
  readonly #sleep = stayAwake();
  readonly #ticker: ReturnType<typeof setInterval>;

  constructor(session: Session, pane: TerminalPane, status: StatusLine, home: LiveHome) {
    this.#session = session;
    this.#pane = pane;
    this.#status = status;
    this.#home = home;
    this.#addon = new SshardAddon(session, {
      mapInput: (data) => this.#typed(data),
      onPaste: (_, raw) => void this.paste(raw),
      beforeHiddenWrite: (terminal) => terminal.input("", true),
    });
    pane.term.loadAddon(this.#addon);
    status.set({ session: session.id });
    this.#listen();
    this.#ticker = setInterval(() => this.#tick(), TICK);
    session.exited.then(
      (exit) => this.#ended(exitEnding(exit)),
      (error: unknown) => this.#ended(failureEnding(error, slept(SLEEP_COUNTS))),
    );
  }

  /** Pastes `text`, after a question where one is due. */
  async paste(text: string): Promise<void> {
    if (this.#pane.term.options.disableStdin === true) {
      return;
    }
    const bracketed = this.#pane.term.modes.bracketedPasteMode;
    let wanted = text;
    if (needsQuestion(text, bracketed)) {
      const answer = await askPaste(text, bracketed, this.#over.signal);
      if (answer === "cancel" || this.#over.signal.aborted) {
        return;
      }
      wanted = answer === "one-line" ? asOneLine(text) : text;
    }
    this.#pane.term.focus();
    await this.pastes.run((options) => this.#addon.paste(wanted, options));
  }

  /** Ends the session, if it has not ended, and gives back what it holds. */
  close(): void {
    this.#stop();
    void this.#session.close();
    this.#addon.dispose();
  }

  #typed(data: string): string {
    const input = this.#pane.keys.modify(data);
    if (input === CONTROL_C) {
      // Whoever presses it wants the paste to stop, too.
      this.pastes.cancel();
    }
    return input;
  }

  #listen(): void {
    const session = this.#session;
    session.addEventListener("state", ({ detail }) => {
      if (detail === "no-answer") {
        this.#status.set({ state: "No answer from the bridge", mood: "bad" });
      } else if (detail === "open") {
        this.#status.set({ state: "Connected", mood: "good" });
      }
    });
    session.addEventListener("latency", ({ detail }) => {
      this.#status.set({ bridgeMs: detail.rttMs, hostMs: detail.sshMs });
    });
    session.addEventListener("notice", ({ detail }) => this.#notice(detail.kind, detail.deadline));
    if (session.notice !== undefined) {
      this.#notice(session.notice.kind, session.notice.deadline);
    }
  }

  #notice(kind: string, deadline: number): void {
    if (kind === "drain") {
      this.notices.drain(deadline, () => this.#home.another());
    } else if (kind === "no-terminal") {
      this.#status.say("The server gives no terminal here: its output is shown as it comes.", true);
    }
  }

  #tick(): void {
    const { received, consumed } = this.#session.progress;
    const held = received - consumed;
    this.#status.set({
      cols: this.#pane.term.cols, rows: this.#pane.term.rows, received, held: held < HELD ? 0 : held,
    });
  }

  #ended(ending: Ending): void {
    if (this.#over.signal.aborted) {
      return;
    }
    this.#tick();
    this.#status.set({ held: 0 });
    this.#stop();
    this.#home.ended(ending);
  }

  #stop(): void {
    this.#over.abort();
    clearInterval(this.#ticker);
    this.#sleep();
    this.notices.clear();
  }
}
