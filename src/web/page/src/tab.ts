// One tab: the form, the way to the shell, the terminal, the end; then the form again. Nothing reconnects by itself.

import { SshardError, connect, type ConnectOptions, type Session } from "@sshard/client";
import { explain } from "@sshard/client/codes";
import { SshardAddon } from "@sshard/client/xterm";
import { el } from "./dom.js";
import { type Ending, endingBar, endingCard } from "./ending.js";
import { LoginForm, type LoginRequest, targetText } from "./form.js";
import { askPaste, asOneLine, needsQuestion } from "./pasting.js";
import { askHostKey, askPrompts, serverWords } from "./questions.js";
import { StatusLine } from "./status.js";
import { Stepper } from "./stepper.js";
import type { TerminalPane } from "./terminal.js";
import { bytes } from "./text.js";

export interface TabHome {
  /** Names of targets that the operator shows. */
  readonly targets: readonly string[];
  takePane(): TerminalPane;
  givePane(pane: TerminalPane): void;
  /** The label, the state or the title has changed. */
  changed(tab: Tab): void;
  /** Focus goes to the bar above. */
  leaveTerminal(): void;
}

/** Counters of the status line are looked at this often, in milliseconds. */
const TICK = 500;

type Phase = "form" | "connecting" | "live" | "ended";

export class Tab {
  readonly element: HTMLElement;
  readonly status = new StatusLine();
  phase: Phase = "form";
  /** Mark of the last end: `✓`, `✗` or nothing. */
  mark = "";
  readonly #home: TabHome;
  readonly #form: LoginForm;
  readonly #overlay = el("div", { class: "scroll" });
  readonly #below = el("div", { class: "below" });
  #pane: TerminalPane | undefined;
  #addon: SshardAddon | undefined;
  #session: Session | undefined;
  #abort: AbortController | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #target = "";
  #title = "";

  constructor(home: TabHome) {
    this.#home = home;
    this.#form = new LoginForm(home.targets, (request) => void this.start(request));
    this.element = el("section", { class: "pane", role: "tabpanel" }, this.#overlay, this.#below, this.status.element);
    this.#showForm();
  }

  get label(): string {
    const name = this.#title === "" ? this.#target : this.#title;
    return `${this.mark}${this.mark === "" ? "" : " "}${name === "" ? "New session" : name}`;
  }

  get isLive(): boolean {
    return this.phase === "live" || this.phase === "connecting";
  }

  focus(): void {
    if (this.phase === "form") {
      this.#form.focus();
    } else {
      this.#pane?.fit();
      this.#pane?.term.focus();
    }
  }

  fill(server: string, username: string): void {
    this.#form.fill(server, username);
  }

  search(): void {
    this.#pane?.searchBar.open();
  }

  /** Connects; ends where the session ends. */
  async start(request: LoginRequest): Promise<void> {
    this.#target = targetText(request.target);
    this.#title = "";
    this.mark = "";
    this.#form.fill(this.#target, request.username);
    const abort = new AbortController();
    this.#abort = abort;
    const stepper = new Stepper(`Connecting to ${this.#target}`, () => abort.abort());
    const banners = el("div", {});
    this.#below.replaceChildren();
    this.#overlay.replaceChildren(el("div", { class: "card" }, stepper.element), banners);
    this.#enter("connecting", "Connecting");
    stepper.enter("bridge");
    const pane = this.#openPane();
    try {
      const session = await connect(this.#options(request, pane, stepper, banners, abort.signal));
      stepper.stop();
      this.#run(session, pane);
    } catch (error) {
      stepper.fail();
      this.#closePane();
      this.#overlay.replaceChildren(endingCard(endingOf(error), () => this.#showForm()));
      this.mark = "✗";
      this.#enter("ended", endingOf(error).short, true);
    }
  }

  /** Ends the session and gives the terminal back. */
  close(): void {
    this.#abort?.abort();
    this.#session?.close();
    clearInterval(this.#ticker);
    this.#closePane();
  }

  #options(
    request: LoginRequest, pane: TerminalPane, stepper: Stepper, banners: HTMLElement, signal: AbortSignal,
  ): ConnectOptions {
    const { target } = request;
    const path = target.name ?? `${target.host.includes(":") ? `[${target.host}]` : target.host}/${target.port}`;
    const some = (text: string) => (text === "" ? undefined : text);
    return {
      url: new URL(`ws/${path}`, new URL(".", location.href.split(/[?#]/)[0])),
      user: request.username,
      password: some(request.password),
      privateKey: some(request.privateKey),
      passphrase: some(request.passphrase),
      certificate: some(request.certificate),
      cols: pane.term.cols,
      rows: pane.term.rows,
      signal,
      onStage: (stage) => stepper.enter(stage),
      onBanner: (text) => banners.append(serverWords(text)),
      onHostKey: (key, asked) => askHostKey(this.#target, key, asked.signal),
      onPrompt: async (prompt, asked) => {
        const answers = await askPrompts(this.#target, prompt, asked.signal);
        if (answers === undefined) {
          this.#abort?.abort();
        }
        return answers ?? [];
      },
    };
  }

  #openPane(): TerminalPane {
    this.#closePane();
    const pane = this.#home.takePane();
    this.#pane = pane;
    this.#below.before(pane.element);
    pane.show({
      title: (text) => { this.#title = text; this.#home.changed(this); },
      bell: () => { this.element.classList.add("bell"); setTimeout(() => this.element.classList.remove("bell"), 150); },
      say: (note) => this.status.set({ note }),
      paste: (text) => void this.#paste(text),
      leave: () => this.#home.leaveTerminal(),
    });
    return pane;
  }

  #closePane(): void {
    this.#addon?.dispose();
    this.#addon = undefined;
    if (this.#pane !== undefined) {
      this.#home.givePane(this.#pane);
      this.#pane = undefined;
    }
  }

  #run(session: Session, pane: TerminalPane): void {
    this.#session = session;
    this.#overlay.replaceChildren();
    this.#overlay.hidden = true;
    const addon = new SshardAddon(session, {
      mapInput: (data) => pane.keys.modify(data),
      onPaste: (_, raw) => void this.#paste(raw),
      beforeHiddenWrite: (terminal) => terminal.input("", true),
    });
    this.#addon = addon;
    pane.term.loadAddon(addon);
    pane.fit();
    pane.announcesSize = true;
    pane.term.focus();
    this.#enter("live", "Connected");
    this.status.set({ session: session.id, note: undefined });
    session.addEventListener("state", ({ detail }) => {
      if (detail === "no-answer") {
        this.status.set({ state: "No answer from the bridge", bad: true });
      } else if (detail === "open") {
        this.status.set({ state: "Connected", bad: false });
      }
    });
    session.addEventListener("latency", ({ detail }) => {
      this.status.set({ bridgeMs: detail.rttMs, hostMs: detail.sshMs });
    });
    session.addEventListener("notice", ({ detail }) => this.#notice(detail.kind, detail.deadline));
    if (session.notice !== undefined) {
      this.#notice(session.notice.kind, session.notice.deadline);
    }
    this.#ticker = setInterval(() => this.#tick(session, pane), TICK);
    session.exited.then(
      (exit) => this.#ended(pane, exitEnding(exit)),
      (error: unknown) => this.#ended(pane, endingOf(error)),
    );
  }

  #ended(pane: TerminalPane, ending: Ending): void {
    clearInterval(this.#ticker);
    if (this.#session !== undefined) {
      this.#tick(this.#session, pane);
    }
    this.#session = undefined;
    this.mark = ending.mark === "good" ? "✓" : "✗";
    this.#below.replaceChildren(endingBar(ending, () => this.#showForm(), () => this.#save(pane)),
      ...(ending.words === undefined || ending.words === "" ? [] : [serverWords(ending.words)]));
    this.#enter("ended", ending.short, ending.mark === "bad");
    this.status.set({ note: undefined, held: 0 });
    pane.fit();
  }

  #save(pane: TerminalPane): void {
    const url = URL.createObjectURL(new Blob([pane.text()], { type: "text/plain" }));
    const name = `${this.#target.replace(/[^\w.-]+/g, "_")}.txt`;
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  #showForm(): void {
    this.#closePane();
    this.#below.replaceChildren();
    this.#overlay.hidden = false;
    this.#overlay.replaceChildren(el("div", { class: "card" }, this.#form.element));
    this.#enter("form", "");
    this.status.set({ session: undefined, received: undefined, cols: undefined, bridgeMs: undefined, hostMs: undefined, note: undefined } as never);
    queueMicrotask(() => this.#form.focus());
  }

  #enter(phase: Phase, state: string, bad = false): void {
    this.phase = phase;
    this.element.dataset["phase"] = phase;
    this.status.set({ state, bad });
    this.#home.changed(this);
  }

  #tick(session: Session, pane: TerminalPane): void {
    const { sent, acked, received, consumed } = session.progress;
    this.status.set({
      cols: pane.term.cols, rows: pane.term.rows,
      received,
      held: received - consumed,
      ...(sent - acked > 200_000 ? { note: `sending, ${bytes(sent - acked)} on the way` } : {}),
    });
  }

  #notice(kind: string, deadline: number): void {
    if (kind === "drain") {
      const until = new Date(deadline);
      this.status.set({
        note: `This bridge restarts at ${until.toLocaleTimeString()}: finish, or connect again elsewhere.`, bad: true,
      });
    } else if (kind === "no-terminal") {
      this.status.set({ note: "The server gives no terminal here; its output is shown as it is." });
    }
  }

  async #paste(text: string): Promise<void> {
    const addon = this.#addon;
    const pane = this.#pane;
    if (addon === undefined || pane === undefined || this.phase !== "live") {
      return;
    }
    let wanted = text;
    if (needsQuestion(text, pane.term.modes.bracketedPasteMode)) {
      const answer = await askPaste(text);
      if (answer === "cancel") {
        return;
      }
      wanted = answer === "one-line" ? asOneLine(text) : text;
    }
    const controller = new AbortController();
    const cancel = el("button", { type: "button", onclick: () => controller.abort() }, "Cancel the paste");
    const progress = el("progress", { max: wanted.length, value: 0 });
    const bar = el("div", { class: "ended-bar" }, el("p", {}, "Pasting"), progress, cancel);
    const timer = setTimeout(() => this.#below.append(bar), 300);
    try {
      await addon.paste(wanted, { signal: controller.signal, onProgress: (done) => { progress.value = done; } });
    } catch {
      // Cancelled, or the session has ended, which is shown.
    } finally {
      clearTimeout(timer);
      bar.remove();
      pane.term.focus();
    }
  }
}

function exitEnding(exit: { status?: number; signal?: string; coreDumped: boolean; message: string }): Ending {
  const words = exit.message === "" ? {} : { words: exit.message };
  if (exit.signal !== undefined) {
    return {
      mark: "bad", short: `signal ${exit.signal}`, ...words,
      sentence: `The remote process was ended by signal ${exit.signal}${exit.coreDumped ? " and left a core dump" : ""}.`,
    };
  }
  if (exit.status === undefined) {
    return { mark: "bad", short: "ended", sentence: "The session has ended; the server told no exit status.", ...words };
  }
  return {
    mark: exit.status === 0 ? "good" : "bad", short: `exit ${exit.status}`, ...words,
    sentence: exit.status === 0 ? "The session has ended." : `The session has ended with exit status ${exit.status}.`,
  };
}

function endingOf(error: unknown): Ending {
  if (!(error instanceof SshardError)) {
    return { mark: "bad", short: "error", sentence: "The page has a fault.", cause: String(error) };
  }
  const good = error.code === "client-closed";
  return {
    mark: good ? "good" : "bad",
    short: error.code,
    sentence: error.code === "aborted" ? "The connection was cancelled." : (explain(error.code)?.sentence ?? error.message),
    cause: detailOf(error) ?? explain(error.code)?.cause,
    action: error.hint === "" ? undefined : error.hint,
  };
}

/** The bridge's own words on the failure, behind the sentence of the table. */
function detailOf(error: SshardError): string | undefined {
  const sentence = explain(error.code)?.sentence;
  const words = sentence !== undefined && error.message.startsWith(sentence) ? error.message.slice(sentence.length + 2) : "";
  return words === "" ? undefined : `The bridge says: ${words}.`;
}
