// A running session, connected to its terminal, status line and bars. Owns what exists only as long as the session.

import type { Session } from "@sshard/client";
import { SshardAddon } from "@sshard/client/xterm";
import { type Ending, exitEnding, failureEnding } from "./ending.js";
import { Notices } from "./notices.js";
import { PasteJobs, asOneLine, askPaste, needsConsent } from "./paste.js";
import { holdAwakeLock, slept } from "./sleep.js";
import type { StatusLine } from "./status.js";
import type { TerminalPane } from "./terminal.js";

/** Interval at which the counters of the status line are updated, in milliseconds. */
const TICK = 500;
/** Time before the loss of a connection in which a sleep is its cause, in milliseconds. */
const SLEEP_WINDOW = 60_000;
/** Unconsumed output above which the status line shows it, in bytes: less is on its way to the screen. */
const HELD_MIN = 64 * 1024;
const CONTROL_C = "\x03";

interface Callbacks {
  /** Called once when the session has ended. */
  ended(ending: Ending): void;
  /** Called when the user wants another session of the same kind. */
  another(): void;
}

export class LiveSession {
  readonly notices = new Notices();
  readonly pastes = new PasteJobs();
  readonly #addon: SshardAddon;
  readonly #end = new AbortController();
  readonly #releaseLock = holdAwakeLock();
  readonly #ticker: ReturnType<typeof setInterval>;

  constructor(
    private readonly session: Session, private readonly pane: TerminalPane, private readonly status: StatusLine,
    private readonly callbacks: Callbacks,
  ) {
    this.#addon = new SshardAddon(session, {
      mapInput: (data) => this.#mapInput(data),
      onPaste: (_, raw) => void this.paste(raw),
      beforeHiddenWrite: (terminal) => terminal.input("", true),
    });
    pane.term.loadAddon(this.#addon);
    status.set({ session: session.id });
    this.#listen();
    this.#ticker = setInterval(() => this.#tick(), TICK);
    session.exited.then(
      (exit) => this.#ended(exitEnding(exit)),
      (error: unknown) => this.#ended(failureEnding(error, slept(SLEEP_WINDOW))),
    );
  }

  /** Pastes `text`, with the user's consent where that is needed. */
  async paste(text: string): Promise<void> {
    if (this.pane.term.options.disableStdin === true) {
      return;
    }
    const bracketed = this.pane.term.modes.bracketedPasteMode;
    let pasted = text;
    if (needsConsent(text, bracketed)) {
      const answer = await askPaste(text, bracketed, this.#end.signal);
      if (answer === "cancel" || this.#end.signal.aborted) {
        return;
      }
      pasted = answer === "one-line" ? asOneLine(text) : text;
    }
    this.pane.term.focus();
    await this.pastes.run((options) => this.#addon.paste(pasted, options));
  }

  /** Ends the session, if it has not ended, and releases what it holds. */
  close(): void {
    this.#stop();
    void this.session.close();
    this.#addon.dispose();
  }

  #mapInput(data: string): string {
    const input = this.pane.keys.modify(data);
    if (input === CONTROL_C) {
      // It also interrupts a paste.
      this.pastes.cancel();
    }
    return input;
  }

  #listen(): void {
    const { session } = this;
    session.addEventListener("state", ({ detail }) => {
      if (detail === "no-answer") {
        this.status.set({ state: "No answer from the bridge", outcome: "bad" });
      } else if (detail === "open") {
        this.status.set({ state: "Connected", outcome: "good" });
      }
    });
    session.addEventListener("latency", ({ detail }) => {
      this.status.set({ bridgeMs: detail.rttMs, hostMs: detail.sshMs });
    });
    session.addEventListener("notice", ({ detail }) => this.#notice(detail.kind, detail.deadline));
    if (session.notice !== undefined) {
      this.#notice(session.notice.kind, session.notice.deadline);
    }
  }

  #notice(kind: string, deadline: number): void {
    if (kind === "drain") {
      this.notices.drain(deadline, () => this.callbacks.another());
    } else if (kind === "no-terminal") {
      this.status.show("The server did not allocate a terminal: its output is shown as it arrives.", true);
    }
  }

  #tick(): void {
    const { received, consumed } = this.session.progress;
    const held = received - consumed;
    this.status.set({
      cols: this.pane.term.cols, rows: this.pane.term.rows, received, held: held < HELD_MIN ? 0 : held,
    });
  }

  #ended(ending: Ending): void {
    if (this.#end.signal.aborted) {
      return;
    }
    this.#tick();
    this.status.set({ held: 0 });
    this.#stop();
    this.callbacks.ended(ending);
  }

  #stop(): void {
    this.#end.abort();
    clearInterval(this.#ticker);
    this.#releaseLock();
    this.notices.clear();
  }
}
