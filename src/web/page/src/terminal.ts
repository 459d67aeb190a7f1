// One terminal on the page: xterm.js with its renderer, size, keys, clipboard, links and search. It outlives sessions:
// xterm.js 6.0 keeps a disposed terminal alive, so a pane is reset and used again.

import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { type ITerminalOptions, Terminal } from "@xterm/xterm";
import { RemoteCopy, copyText } from "./copying.js";
import { el } from "./dom.js";
import { KeyRow } from "./keys.js";
import { openLink } from "./links.js";
import { SearchBar } from "./search.js";
import type { Settings, SettingsStore } from "./settings.js";
import { cleanTitle } from "./text.js";
import { minimumContrast, onSystemChange, terminalTheme } from "./themes.js";

const MONOSPACE = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';
/** Columns are reflowed at most this often while the window is resized, in milliseconds. */
const REFLOW_PAUSE = 100;
const SIZE_NOTE_TIME = 800;
/** Titles, bells and clipboard requests of the remote side that are looked at in a second. */
const REMOTE_RATE = 10;

export interface PaneEvents {
  title(text: string): void;
  bell(): void;
  /** A sentence for the status line. */
  say(text: string): void;
  /** The user pasted `text`. */
  paste(text: string): void;
  /** The user wants out of the terminal by keyboard. */
  leave(): void;
}

/** Lets through so many calls a second. */
class RateGate {
  #second = 0;
  #count = 0;

  pass(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= REMOTE_RATE;
  }
}

export class TerminalPane {
  readonly element: HTMLElement;
  readonly term: Terminal;
  readonly keys: KeyRow;
  readonly remoteCopy: RemoteCopy;
  readonly searchBar: SearchBar;
  readonly #holder = el("div", { class: "terminal" });
  readonly #fit = new FitAddon();
  readonly #store: SettingsStore;
  #events: PaneEvents | undefined;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #note: HTMLElement | undefined;
  #opened = false;
  /** Whether a new size is shown over the terminal. */
  announcesSize = false;

  constructor(store: SettingsStore) {
    this.#store = store;
    this.term = new Terminal(options(store.current));
    this.term.loadAddon(this.#fit);
    this.term.loadAddon(new Unicode11Addon());
    this.term.unicode.activeVersion = "11";
    const search = new SearchAddon();
    this.term.loadAddon(search);
    this.term.loadAddon(new WebLinksAddon((event, uri) => this.#link(event, uri)));
    this.searchBar = new SearchBar(search, () => this.term.focus());
    this.remoteCopy = new RemoteCopy((text) => this.#events?.say(text));
    this.keys = new KeyRow(this.term, () => void this.#pasteFromClipboard());
    this.element = el("div", { class: "pane live" }, this.remoteCopy.element, this.#holder, this.keys.row, this.keys.compose);
    this.#holder.append(this.searchBar.element);
    this.#listen();
    store.onChange((settings) => this.#apply(settings));
    onSystemChange(() => this.#apply(store.current));
  }

  /** Opens the terminal in the page and measures it; to be called once it is visible. */
  show(events: PaneEvents): void {
    this.#events = events;
    if (!this.#opened) {
      this.#opened = true;
      this.term.open(this.#holder);
      new ResizeObserver(() => this.#resizeSoon()).observe(this.#holder);
      if (this.#store.current.graphemes) {
        void this.#graphemes();
      }
    }
    this.fit();
    this.term.focus();
  }

  /** Makes it ready for another session. */
  reset(): void {
    this.#events = undefined;
    this.announcesSize = false;
    this.searchBar.element.hidden = true;
    this.term.reset();
    this.term.clear();
    this.element.remove();
  }

  /** Fits columns and rows to the room there is. */
  fit(): void {
    const proposed = this.#fit.proposeDimensions();
    if (proposed === undefined || !Number.isFinite(proposed.cols) || !Number.isFinite(proposed.rows)) {
      return;
    }
    const cols = Math.min(1000, Math.max(2, proposed.cols));
    const rows = Math.min(1000, Math.max(1, proposed.rows));
    if (cols !== this.term.cols || rows !== this.term.rows) {
      this.term.resize(cols, rows);
    }
  }

  /** Everything that the terminal holds, as text. */
  text(): string {
    const buffer = this.term.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < buffer.length; row += 1) {
      const line = buffer.getLine(row);
      const text = line?.translateToString(true) ?? "";
      if (line?.isWrapped === true && lines.length > 0) {
        lines[lines.length - 1] += text;
      } else {
        lines.push(text);
      }
    }
    return `${lines.join("\n").trimEnd()}\n`;
  }

  #listen(): void {
    const titles = new RateGate();
    const bells = new RateGate();
    const copies = new RateGate();
    this.term.onTitleChange((title) => {
      if (titles.pass()) {
        this.#events?.title(cleanTitle(title));
      }
    });
    this.term.onBell(() => {
      if (bells.pass()) {
        this.#events?.bell();
      }
    });
    this.term.parser.registerOscHandler(52, (data) => !copies.pass() || this.remoteCopy.handle(data));
    this.term.attachCustomKeyEventHandler((event) => this.#key(event));
    this.term.onResize(({ cols, rows }) => this.#showSize(cols, rows));
  }

  /** Keys of the page; `false` keeps one from the terminal. */
  #key(event: KeyboardEvent): boolean {
    if (event.type !== "keydown") {
      return true;
    }
    const plainControl = event.ctrlKey && !event.altKey && !event.metaKey;
    const key = event.key.toLowerCase();
    const copies = (plainControl && key === "c" && (event.shiftKey || this.#store.current.copyWithCtrlC))
      || (plainControl && event.key === "Insert");
    if (copies && this.term.hasSelection()) {
      void copyText(this.term.getSelection()).then((copied) => {
        this.#events?.say(copied ? "Copied." : "The browser did not allow the copy.");
      });
      this.term.clearSelection();
      event.preventDefault();
      return false;
    }
    if (plainControl && event.shiftKey && key === "f") {
      this.searchBar.open();
      event.preventDefault();
      return false;
    }
    if (plainControl && event.shiftKey && event.key === "F6") {
      this.#events?.leave();
      event.preventDefault();
      return false;
    }
    // The browser's own paste follows, as an event.
    if ((plainControl && key === "v" && event.shiftKey) || (event.shiftKey && event.key === "Insert")) {
      return false;
    }
    if (event.key === "Backspace" && this.#store.current.backspace === "bs" && !event.altKey && !event.ctrlKey) {
      this.term.input("\b", true);
      event.preventDefault();
      return false;
    }
    return true;
  }

  async #pasteFromClipboard(): Promise<void> {
    try {
      const text = await navigator.clipboard.readText();
      if (text !== "") {
        this.#events?.paste(text);
      }
    } catch {
      this.#events?.say("This browser gives no clipboard here: paste with its own menu or keys.");
    }
  }

  #link(event: MouseEvent, uri: string): void {
    const mouseIsTheirs = this.term.modes.mouseTrackingMode !== "none";
    if (!mouseIsTheirs || event.ctrlKey || event.metaKey) {
      void openLink(uri);
    }
  }

  #apply(settings: Settings): void {
    Object.assign(this.term.options, options(settings));
    if (this.#opened) {
      requestAnimationFrame(() => this.fit());
      if (settings.graphemes) {
        void this.#graphemes();
      } else {
        this.term.unicode.activeVersion = "11";
      }
    }
  }

  async #graphemes(): Promise<void> {
    const { UnicodeGraphemesAddon } = await import("@xterm/addon-unicode-graphemes");
    if (!this.term.unicode.versions.includes("15-graphemes")) {
      this.term.loadAddon(new UnicodeGraphemesAddon());
    }
    this.term.unicode.activeVersion = "15-graphemes";
  }

  #resizeSoon(): void {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(() => this.fit(), REFLOW_PAUSE);
  }

  /** The size is shown while it changes under the user's hand. */
  #showSize(cols: number, rows: number): void {
    this.#note?.remove();
    if (!this.announcesSize) {
      return;
    }
    const note = el("div", { class: "size-note", "aria-hidden": "true" }, `${cols} × ${rows}`);
    this.#note = note;
    this.#holder.append(note);
    setTimeout(() => note.remove(), SIZE_NOTE_TIME);
  }
}

function options(settings: Settings): ITerminalOptions {
  return {
    allowProposedApi: true,
    cursorBlink: settings.cursorBlink,
    cursorStyle: settings.cursor,
    fontFamily: settings.font === "" ? MONOSPACE : `${settings.font}, ${MONOSPACE}`,
    fontSize: settings.fontSize,
    linkHandler: { activate: (_, uri) => void openLink(uri), allowNonHttpProtocols: false },
    macOptionIsMeta: settings.optionIsMeta,
    minimumContrastRatio: minimumContrast(settings.theme),
    screenReaderMode: settings.screenReader,
    scrollback: settings.scrollback,
    theme: terminalTheme(settings.theme),
  };
}

