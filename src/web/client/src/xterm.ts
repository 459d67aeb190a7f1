// Addon that connects an xterm.js terminal to a session. It draws nothing of its own: no text of the
// bridge and no error is written to the terminal.
import type { IDisposable, ITerminalAddon, Terminal } from "@xterm/xterm";
import type { OutputReader, Session, WriteOptions } from "./index.js";
import { safely } from "./options.js";
import { sanitizePaste } from "./paste.js";

export { sanitizePaste };

/** Largest piece written to the terminal at once: it parses each without a pause. */
const SLICE = 32 * 1024;
/** Most output written to the terminal and not parsed yet. */
const IN_FLIGHT = 4 * SLICE;

/** Options of a {@link SshardAddon}. */
export interface SshardAddonOptions {
  /** Called before each slice that is written while the page is hidden, for browsers that slow down
   * even timers that are not chained. `(t) => t.input("", true)` makes xterm.js 6.0 parse the slice at
   * once; it also scrolls down and reports an empty `onData`. */
  beforeHiddenWrite?: ((terminal: Terminal) => void) | undefined;
  /** Changes what is typed before it is sent: for modifier keys on the screen. */
  mapInput?: ((data: string) => string) | undefined;
  /** Called instead of `paste` with the text of a paste by the user, sanitised and raw, for example to
   * ask first. */
  onPaste?: ((text: string, raw: string) => void) | undefined;
}

/** Options of one paste. */
export type PasteOptions = Pick<WriteOptions, "signal" | "onProgress">;

/** Connects a terminal to a session: output with acks from the write callback, keys, binary mouse
 * reports, size, and sanitised pastes. */
export class SshardAddon implements ITerminalAddon {
  readonly #session: Session;
  readonly #options: SshardAddonOptions;
  #terminal: Terminal | undefined;
  #reader: OutputReader | undefined;
  #inFlight = 0;
  /** Source of ticks that are no timers, for hidden pages. */
  #channel: MessageChannel | undefined;
  #disposables: IDisposable[] = [];

  constructor(session: Session, options: SshardAddonOptions = {}) {
    this.#session = session;
    this.#options = options;
  }

  activate(terminal: Terminal): void {
    if (this.#terminal) throw new Error("SshardAddon: one addon is for one terminal");
    this.#terminal = terminal;
    this.#session.resize(terminal.cols, terminal.rows);
    this.#disposables = [
      terminal.onData((data) => {
        const typed = data && (this.#options.mapInput?.(data) ?? data);
        if (typed) void this.#session.write(typed);
      }),
      // X10 mouse reports: characters are bytes.
      terminal.onBinary((data) => void this.#session.write(Uint8Array.from(data, (c) => c.charCodeAt(0)))),
      terminal.onResize(({ cols, rows }) => this.#session.resize(cols, rows)),
    ];
    this.#interceptPaste(terminal);
    // It may call back before it returns.
    this.#reader = this.#session.read(() => this.#pump());
    this.#pump();
  }

  /** Sends text as a paste, sanitised, and bracketed where the program asked for it. An abort withdraws
   * what is not sent yet and still ends the bracket. Keys typed meanwhile follow it. */
  paste(text: string, { signal, onProgress }: PasteOptions = {}): Promise<void> {
    const terminal = this.#terminal;
    const clean = sanitizePaste(text);
    if (!terminal || terminal.options.disableStdin || !clean) return Promise.resolve();
    const bracketed = terminal.modes.bracketedPasteMode && !terminal.options.ignoreBracketedPasteMode;
    terminal.scrollToBottom();
    return this.#session.write(bracketed ? `\x1b[200~${clean}` : clean, {
      signal,
      onProgress,
      tail: bracketed ? new TextEncoder().encode("\x1b[201~") : undefined,
    });
  }

  /** Releases the session, which stays open; its further output is queued for the next reader. */
  dispose(): void {
    for (const disposable of this.#disposables.splice(0)) disposable.dispose();
    this.#reader?.release();
    this.#reader = undefined;
    this.#channel?.port1.close();
    this.#channel = undefined;
    this.#terminal = undefined;
  }

  /** Writes output to the terminal, up to {@link IN_FLIGHT}. */
  #pump(): void {
    while (this.#write()) {
      if (isHidden()) return this.#tick();
    }
  }

  /** Writes one slice; false if there is none, or no room. */
  #write(): boolean {
    const terminal = this.#terminal;
    const reader = this.#reader;
    if (!terminal || !reader || this.#inFlight >= IN_FLIGHT) return false;
    const slice = reader.take(SLICE);
    if (!slice) return false;
    this.#inFlight += slice.length;
    const { beforeHiddenWrite } = this.#options;
    if (beforeHiddenWrite && isHidden()) safely(() => beforeHiddenWrite(terminal));
    terminal.write(slice, () => {
      this.#inFlight -= slice.length;
      reader.consumed(slice.length);
      if (isHidden()) this.#tick();
      else this.#pump();
    });
    return true;
  }

  /** Continues from a message event. A write from within the terminal's own timer would start another
   * of that chain, and browsers run chained timers of hidden pages once a minute. */
  #tick(): void {
    if (!this.#reader) return;
    if (!this.#channel) {
      this.#channel = new MessageChannel();
      this.#channel.port1.onmessage = () => this.#pump();
    }
    this.#channel.port2.postMessage(0);
  }

  #interceptPaste(terminal: Terminal): void {
    const paste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text/plain");
      if (!text) return;
      event.preventDefault();
      // xterm.js 6.0 would paste it unfiltered.
      event.stopImmediatePropagation();
      if (terminal.options.disableStdin) return;
      if (this.#options.onPaste) this.#options.onPaste(sanitizePaste(text), text);
      else void this.paste(text);
    };
    let element: HTMLElement | undefined;
    const attach = () => {
      if (element || !terminal.element) return;
      element = terminal.element;
      element.addEventListener("paste", paste, true);
    };
    attach();
    this.#disposables.push({ dispose: () => element?.removeEventListener("paste", paste, true) });
    // A terminal may be opened later; one without a screen never is.
    const opened = (terminal as Partial<Terminal>).onRender?.(attach);
    if (opened) this.#disposables.push(opened);
  }
}

function isHidden(): boolean {
  return (globalThis as { document?: { visibilityState: string } }).document?.visibilityState === "hidden";
}
