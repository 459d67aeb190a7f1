// One terminal on the page: xterm.js with its renderer, size, keys, clipboard, links and search. It outlives sessions:
// xterm.js 6.0 keeps a disposed terminal in memory, so a pane is reset and reused.

import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { type ITerminalOptions, Terminal } from "@xterm/xterm";
import { RemoteCopy } from "./clipboard.js";
import { el } from "./dom.js";
import { KeyRow } from "./keys.js";
import { openLink } from "./links.js";
import { askPasteText } from "./paste.js";
import type { PageQuery } from "./query.js";
import { Renderer } from "./renderer.js";
import { SearchBar } from "./search.js";
import type { Settings, SettingsStore } from "./settings.js";
import { shortcuts } from "./shortcuts.js";
import { cleanTitle } from "./text.js";
import { isLight, minimumContrast, onSystemChange, terminalTheme } from "./themes.js";
import { bounded } from "./unicode.js";

const MONOSPACE = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';
/** Pause of the window's size after which columns are reflowed, in milliseconds. */
const REFLOW_PAUSE = 100;
const SIZE_NOTE_TIME = 800;
/** Titles, bells and clipboard requests of the remote side that are handled in a second, of each kind. */
const REMOTE_RATE = 10;

Terminal.strings.promptLabel = "Terminal input. Ctrl+Shift+F6 leaves the terminal.";
Terminal.strings.tooMuchOutput = "Too much output to read aloud. Read it line by line in the terminal.";

/** Final characters of control sequences that xterm.js 6.0 repeats as often as their parameter says: with 2,000,000,000 the
 * page would hang. */
const REPEATED = ["I", "L", "M", "S", "T", "Z", "b"];
/** Largest parameter that is accepted for them: no terminal has more columns or rows. */
const MAX_REPEATS = 1000;

export interface PaneEvents {
  title(text: string): void;
  bell(): void;
  /** Shows a sentence in the status line. */
  showMessage(text: string): void;
  /** Called when the user pastes `text`. */
  paste(text: string): void;
  /** Called when the user leaves the terminal by keyboard. */
  leave(): void;
}

/** Allows {@link REMOTE_RATE} calls a second. */
class RateLimiter {
  #second = 0;
  #count = 0;

  allows(): boolean {
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
  readonly #renderer: Renderer;
  #events: PaneEvents | undefined;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #note: HTMLElement | undefined;
  #opened = false;
  #visible = false;
  /** True while a new size is shown over the terminal. */
  announcesSize = false;

  constructor(private readonly store: SettingsStore, private readonly query: PageQuery) {
    this.term = new Terminal({ ...options(store.current), disableStdin: query.readOnly });
    this.#renderer = new Renderer(this.term, () => requestAnimationFrame(() => this.fit()));
    this.term.loadAddon(this.#fit);
    this.term.loadAddon(bounded(new Unicode11Addon()));
    this.term.unicode.activeVersion = "11";
    const search = new SearchAddon();
    this.term.loadAddon(search);
    this.term.loadAddon(new WebLinksAddon((event, uri) => this.#link(event, uri)));
    this.searchBar = new SearchBar(search, () => isLight(store.current.theme), () => this.term.focus());
    this.remoteCopy = new RemoteCopy((text) => this.#events?.showMessage(text), () => this.term.focus());
    this.keys = new KeyRow(this.term, () => void this.#pasteFromClipboard());
    this.element = el("div", { class: "pane live" }, this.#holder, this.keys.row, this.keys.compose);
    this.element.classList.toggle("read-only", query.readOnly);
    this.#holder.classList.toggle("own-size", query.cols !== undefined || query.rows !== undefined);
    this.#holder.append(this.remoteCopy.element, this.searchBar.element);
    this.#listen();
    store.onChange((settings) => this.#apply(settings));
    onSystemChange(() => this.#apply(store.current));
  }

  /** Opens the terminal in the page and measures it; to be called once it is visible. */
  async show(events: PaneEvents): Promise<void> {
    this.#events = events;
    this.#visible = true;
    await this.#renderer.use(this.store.current.renderer, true);
    if (this.#events !== events) {
      // The tab was closed meanwhile.
      return;
    }
    if (!this.#opened) {
      this.#opened = true;
      this.term.open(this.#holder);
      this.#renderer.opened();
      new ResizeObserver(() => this.#resizeSoon()).observe(this.#holder);
      if (this.store.current.graphemes) {
        void this.#graphemes();
      }
    }
    this.fit();
  }

  /** A terminal in a hidden tab holds no WebGL context. */
  set visible(visible: boolean) {
    this.#visible = visible;
    if (this.#opened) {
      void this.#renderer.use(this.store.current.renderer, visible);
    }
  }

  /** Resets it for another session, and calls `onReady` once nothing of the last one can appear any more. */
  reset(onReady: () => void): void {
    this.#events = undefined;
    this.#visible = false;
    this.announcesSize = false;
    this.element.remove();
    this.searchBar.reset();
    this.remoteCopy.reset();
    this.keys.reset();
    void this.#renderer.use(this.store.current.renderer, false);
    // After what was written last.
    this.term.write("", () => {
      this.term.reset();
      this.term.clear();
      // A reset keeps the colours that the remote side has set.
      this.term.options.theme = { ...terminalTheme(this.store.current.theme) };
      onReady();
    });
  }

  /** Fits columns and rows to the size of the pane. */
  fit(): void {
    const proposed = this.#fit.proposeDimensions();
    if (proposed === undefined || !Number.isFinite(proposed.cols) || !Number.isFinite(proposed.rows)) {
      return;
    }
    const cols = this.query.cols ?? Math.min(1000, Math.max(2, proposed.cols));
    const rows = this.query.rows ?? Math.min(1000, Math.max(1, proposed.rows));
    if (cols !== this.term.cols || rows !== this.term.rows) {
      this.term.resize(cols, rows);
    }
  }

  /** Returns the contents of the terminal as text, scrollback included. */
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
    const titles = new RateLimiter();
    const bells = new RateLimiter();
    const copies = new RateLimiter();
    this.term.onTitleChange((title) => {
      if (titles.allows()) {
        this.#events?.title(cleanTitle(title));
      }
    });
    this.term.onBell(() => {
      if (bells.allows()) {
        this.#events?.bell();
      }
    });
    for (const final of REPEATED) {
      this.term.parser.registerCsiHandler({ final }, ([count]) => typeof count === "number" && count > MAX_REPEATS);
    }
    // Between two sessions xterm.js still parses output of the last one: the next may be of another server.
    this.term.parser.registerOscHandler(52, (data) =>
      this.#events === undefined || !copies.allows() || this.remoteCopy.handle(data));
    const { store } = this;
    this.term.attachCustomKeyEventHandler(shortcuts(this.term, {
      get settings() { return store.current; },
      search: () => this.searchBar.open(),
      leave: () => this.#events?.leave(),
      showMessage: (text) => this.#events?.showMessage(text),
    }));
    this.term.onResize(({ cols, rows }) => this.#showSize(cols, rows));
  }

  /** Where the page may not read the clipboard (plain http, Firefox, a refusal), the user pastes into a box. */
  async #pasteFromClipboard(): Promise<void> {
    let text: string | undefined;
    try {
      text = await navigator.clipboard.readText();
    } catch {
      text = await askPasteText();
    }
    if (text !== undefined && text !== "") {
      this.#events?.paste(text);
    }
  }

  #link(event: MouseEvent, uri: string): void {
    const programHasMouse = this.term.modes.mouseTrackingMode !== "none";
    if (!programHasMouse || event.ctrlKey || event.metaKey) {
      void openLink(uri);
    }
  }

  #apply(settings: Settings): void {
    Object.assign(this.term.options, options(settings));
    if (this.#opened) {
      void this.#renderer.use(settings.renderer, this.#visible);
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
      this.term.loadAddon(bounded(new UnicodeGraphemesAddon()));
    }
    this.term.unicode.activeVersion = "15-graphemes";
  }

  #resizeSoon(): void {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(() => this.fit(), REFLOW_PAUSE);
  }

  /** Shows the size for a moment, while the user changes it. */
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
    // Malformed output would fill the console, and slow the page down.
    logLevel: "off",
    minimumContrastRatio: minimumContrast(settings.theme),
    screenReaderMode: settings.screenReader,
    scrollback: settings.scrollback,
    theme: terminalTheme(settings.theme),
  };
}
