// One tab: the form, the progress of the log-in, the terminal, the ending; then the form again. Nothing reconnects by itself.

import { connect, SshardError, type ConnectOptions } from "@sshard/client";
import { el, newId } from "./dom.js";
import { type Ending, endingBar, endingCard, failureEnding, linkEnding } from "./ending.js";
import { mayTakeFocus } from "./focus.js";
import { LoginForm, type LoginRequest, type Target, targetPath, targetText } from "./form.js";
import { LiveSession } from "./live-session.js";
import { askHostKey, askPrompts, serverText } from "./questions.js";
import { StatusLine } from "./status.js";
import { Stepper } from "./stepper.js";
import type { TerminalPane } from "./terminal.js";
import { showText } from "./text-dialog.js";

/** Page that holds the tab. */
export interface TabOwner {
  /** Names of the targets that the operator shows. */
  readonly targets: readonly string[];
  acquirePane(): TerminalPane;
  releasePane(pane: TerminalPane): void;
  /** Called when the name, the state or the ending has changed. */
  changed(tab: Tab): void;
  /** Opens a tab with the form filled in. */
  openTab(target: Target, username: string): void;
  /** Moves the focus to the bar above. */
  leaveTerminal(): void;
  /** Shows a sentence where the user is, and has screen readers say it. */
  announce(text: string): void;
}

/** Output in flight, in bytes: Ctrl-C takes effect behind so much, and over 100 ms it still carries 2.6 MB/s. */
const FLOW_WINDOW = 256 * 1024;

export type Phase = "form" | "connecting" | "live" | "ended";

/** Minimum time between two flashes for the bell, in milliseconds: three in a second can harm (WCAG 2.3.1). */
const FLASH_INTERVAL = 500;
const FLASH_TIME = 120;

export class Tab {
  readonly element: HTMLElement;
  readonly status = new StatusLine();
  phase: Phase = "form";
  /** Last ending, while the tab shows it. */
  ending: Ending | undefined;
  /** True if the bell rang while the tab was hidden. */
  bellRang = false;
  /** True while a question of the log-in waits for the user to come to the tab. */
  hasQuestion = false;
  readonly #form: LoginForm;
  readonly #overlay = el("div", { class: "scroll" });
  readonly #above = el("div", { class: "above" });
  readonly #below = el("div", { class: "below" });
  #pane: TerminalPane | undefined;
  #live: LiveSession | undefined;
  #abort: AbortController | undefined;
  #target = "";
  #title = "";
  #visible = true;
  #flashed = -Infinity;
  /** The log-in had a prompt: the user may still be typing into it when it ends. */
  #wasPrompted = false;
  /** Called when the user comes to this tab, while a question waits for that. */
  #onArrival: (() => void) | undefined;

  constructor(private readonly owner: TabOwner) {
    this.#form = new LoginForm(owner.targets, (request) => void this.start(request));
    this.element = el("section", { class: "pane", role: "tabpanel", id: newId("panel") },
      this.#overlay, this.#above, this.#below, this.status.element);
    this.#showForm();
  }

  /** Name of the tab: the title that the remote side has set, or the target. */
  get name(): string {
    return this.#title || this.#target || "New session";
  }

  get target(): string {
    return this.#target;
  }

  get isLive(): boolean {
    return this.phase === "live" || this.phase === "connecting";
  }

  /** True if there is a terminal, of a running or an ended session. */
  get hasTerminal(): boolean {
    return this.phase === "live" || this.phase === "ended" && this.#pane !== undefined;
  }

  set visible(visible: boolean) {
    this.#visible = visible;
    this.element.hidden = !visible;
    if (visible) {
      this.bellRang = false;
    }
    if (this.#pane !== undefined) {
      this.#pane.visible = visible;
    }
  }

  focus(): void {
    this.#onArrival?.();
    if (this.phase === "form") {
      this.#form.focus();
    } else if (this.hasTerminal) {
      this.#pane?.fit();
      this.#pane?.term.focus();
    } else {
      this.#overlay.querySelector<HTMLElement>("button")?.focus();
    }
  }

  fill(target: Target, username: string): void {
    this.#form.fill(target, username);
  }

  search(): void {
    if (this.hasTerminal) {
      this.#pane?.searchBar.open();
    }
  }

  showText(): void {
    if (this.#pane !== undefined) {
      showText(this.#pane.text(), this.#target);
    }
  }

  /** Connects, if the tab is at its form. Returns once the session runs or the attempt has failed. */
  async start(request: LoginRequest): Promise<void> {
    if (this.phase !== "form") {
      return;
    }
    // What outlives the log-in holds these, and not the secrets.
    const { target, username } = request;
    this.#target = targetText(target);
    this.#title = "";
    this.ending = undefined;
    this.#form.fill(target, username);
    this.#wasPrompted = false;
    const abort = new AbortController();
    this.#abort = abort;
    const stepper = new Stepper(`Connecting to ${this.#target}`, () => abort.abort());
    const banners = el("div", { class: "banners" });
    this.#below.replaceChildren();
    this.#overlay.replaceChildren(el("div", { class: "card" }, stepper.element), banners);
    this.#enter("connecting", "Connecting");
    this.#overlay.querySelector<HTMLElement>("button")?.focus();
    const pane = await this.#openPane();
    stepper.enter("bridge");
    try {
      const session = await connect(this.#options(request, pane, stepper, banners, abort.signal));
      stepper.stop();
      this.#overlay.replaceChildren();
      this.#overlay.hidden = true;
      this.#live = new LiveSession(session, pane, this.status, {
        ended: (ending) => this.#ended(pane, ending),
        another: () => this.owner.openTab(target, username),
      });
      this.#above.replaceChildren(this.#live.notices.element, ...bannerBar(banners));
      this.#below.replaceChildren(this.#live.pastes.element);
      pane.fit();
      pane.announcesSize = true;
      this.#enter("live", pane.term.options.disableStdin === true ? "Connected, read only" : "Connected", "good");
      if (matchMedia("(any-pointer: fine)").matches) {
        this.status.show("Ctrl+Shift+F6 leaves the terminal.");
      }
      if (mayTakeFocus(this.element)) {
        pane.term.focus();
      }
    } catch (error) {
      stepper.fail(error instanceof SshardError ? error.stage : undefined);
      this.#closePane();
      if (!this.isLive) {
        // The tab was closed.
        return;
      }
      if (abort.signal.aborted) {
        this.#showForm();
      } else {
        this.#fail(request.fromLink ? linkEnding(error) : failureEnding(error, false), stepper);
      }
    }
  }

  /** Ends the session and releases the terminal. Nothing starts in the tab after that. */
  close(): void {
    const wasLive = this.isLive;
    this.#abort?.abort();
    this.#closePane();
    this.phase = "ended";
    if (wasLive) {
      this.ending = failureEnding(new SshardError("client-closed", "relay"), false);
      this.owner.changed(this);
    }
  }

  #options(
    request: LoginRequest, pane: TerminalPane, stepper: Stepper, banners: HTMLElement, signal: AbortSignal,
  ): ConnectOptions {
    const nonEmpty = (text = "") => (text === "" ? undefined : text);
    return {
      url: new URL(`ws/${targetPath(request.target)}`, new URL(".", location.href.split(/[?#]/)[0])),
      user: request.username,
      password: nonEmpty(request.password),
      privateKey: nonEmpty(request.privateKey),
      passphrase: nonEmpty(request.passphrase),
      certificate: nonEmpty(request.certificate),
      ticket: nonEmpty(request.ticket),
      cols: pane.term.cols,
      rows: pane.term.rows,
      signal,
      flowWindow: FLOW_WINDOW,
      onStage: (stage) => stepper.enter(stage),
      onBanner: (text) => banners.append(serverText(text)),
      onHostKey: async (key, asked) => await this.#waitForUser(asked.signal) && askHostKey(this.#target, key, asked.signal),
      onPrompt: async (prompt, asked) => {
        if (prompt.prompts.length === 0) {
          // A round of text alone.
          banners.append(serverText([prompt.name, prompt.instruction].join("\n").trim()));
          return [];
        }
        this.#wasPrompted = true;
        if (!await this.#waitForUser(asked.signal)) {
          return [];
        }
        const answers = await askPrompts(`${request.username} at ${this.#target}`, this.#target, prompt, asked.signal);
        if (answers === undefined) {
          this.#abort?.abort();
        }
        return answers ?? [];
      },
    };
  }

  /**
   * Waits until the user is at this tab: a question would else take the keys that are typed into another one. Returns
   * false if `signal` aborts before.
   */
  async #waitForUser(signal: AbortSignal): Promise<boolean> {
    if (!signal.aborted && !mayTakeFocus(this.element)) {
      const card = el("div", { class: "card" }, el("p", {}, `${this.#target} has a question.`),
        el("div", { class: "actions" },
          el("button", { type: "button", class: "primary", onclick: () => this.#onArrival?.() }, "Answer")));
      this.#overlay.prepend(card);
      this.hasQuestion = true;
      this.owner.changed(this);
      this.owner.announce(`${this.#target}, in another tab, has a question.`);
      await new Promise<void>((resolve) => {
        this.#onArrival = resolve;
        signal.addEventListener("abort", () => resolve());
      });
      this.#onArrival = undefined;
      this.hasQuestion = false;
      card.remove();
      this.owner.changed(this);
    }
    return !signal.aborted;
  }

  async #openPane(): Promise<TerminalPane> {
    this.#closePane();
    const pane = this.owner.acquirePane();
    this.#pane = pane;
    this.#below.before(pane.element);
    await pane.show({
      title: (text) => { this.#title = text; this.owner.changed(this); },
      bell: () => this.#bell(),
      showMessage: (text) => this.status.show(text),
      paste: (text) => void this.#live?.paste(text),
      leave: () => this.owner.leaveTerminal(),
    });
    pane.visible = this.#visible;
    return pane;
  }

  #closePane(): void {
    this.#live?.close();
    this.#live = undefined;
    this.#above.replaceChildren();
    if (this.#pane !== undefined) {
      this.owner.releasePane(this.#pane);
      this.#pane = undefined;
    }
  }

  #fail(ending: Ending, stepper: Stepper): void {
    this.ending = ending;
    this.#overlay.hidden = false;
    this.#overlay.replaceChildren(endingCard(ending, stepper.list, () => this.#showForm()));
    this.#enter("ended", ending.short, ending.outcome);
    if (mayTakeFocus(this.element)) {
      if (this.#wasPrompted) {
        this.#overlay.querySelector<HTMLElement>(".ending")?.focus();
      } else {
        this.focus();
      }
    }
  }

  #ended(pane: TerminalPane, ending: Ending): void {
    this.ending = ending;
    this.#above.replaceChildren();
    this.#below.replaceChildren(
      ...(ending.serverMessage === undefined ? [] : [serverText(ending.serverMessage)]),
      endingBar(ending, () => this.#showForm(), () => this.showText()));
    this.#enter("ended", `${ending.outcome === "good" ? "✓" : "✗"} ${ending.short}`, ending.outcome);
    this.status.show("");
    const hadFocus = pane.element.contains(document.activeElement);
    // The bar changes the size, not the user.
    pane.announcesSize = false;
    pane.fit();
    if (hadFocus) {
      // On no button: what the user is typing must not press it.
      this.#below.querySelector<HTMLElement>(".ended-bar")?.focus();
    }
  }

  #showForm(): void {
    this.#closePane();
    this.ending = undefined;
    this.#title = "";
    this.#below.replaceChildren();
    this.#overlay.hidden = false;
    this.#overlay.replaceChildren(el("div", { class: "card" }, this.#form.element));
    this.status.clear();
    this.#enter("form", "");
    if (this.#visible) {
      queueMicrotask(() => this.#form.focus());
    }
  }

  #enter(phase: Phase, state: string, outcome: "" | "good" | "bad" = ""): void {
    this.phase = phase;
    this.element.dataset["phase"] = phase;
    this.status.set({ state, outcome });
    this.owner.changed(this);
  }

  #bell(): void {
    if (!this.#visible || document.hidden) {
      this.bellRang = true;
      this.owner.changed(this);
    }
    const now = performance.now();
    if (now - this.#flashed > FLASH_INTERVAL) {
      this.#flashed = now;
      this.element.classList.add("bell");
      setTimeout(() => this.element.classList.remove("bell"), FLASH_TIME);
    }
  }
}

/** Makes the bar with the server's banners above the terminal: a quick log-in leaves no time to read them before. */
function bannerBar(banners: HTMLElement): HTMLElement[] {
  if (banners.childElementCount === 0) {
    return [];
  }
  const bar = el("div", { class: "bar-note banner" }, banners,
    el("button", { type: "button", onclick: () => bar.remove() }, "Hide"));
  return [bar];
}
