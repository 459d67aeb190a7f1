// The page: its tabs, one or two of which are visible, the bar above them, and guards against the loss of a session.

import { Bar } from "./bar.js";
import { askYesNo } from "./dialog.js";
import { el } from "./dom.js";
import type { Target } from "./form.js";
import { showSettings } from "./preferences.js";
import type { PageQuery } from "./query.js";
import { SettingsStore } from "./settings.js";
import { Tab, type TabOwner } from "./tab.js";
import { TabStrip } from "./tabs.js";
import { TerminalPane } from "./terminal.js";
import { onSystemChange, resolved } from "./themes.js";
import { followVisualViewport } from "./viewport.js";

const ICONS = {
  gear: "M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3",
  find: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2",
  text: "M4 2.5h5.5l2.5 2.5v8.5h-8zM6 7.5h4M6 10.5h4",
  split: "M2.5 3h11v10h-11zM8 3v10",
  full: "M2.5 6v-3.5h3.5M10 2.5h3.5v3.5M13.5 10v3.5h-3.5M6 13.5h-3.5v-3.5",
  reader: "M2.5 6v4h2.5l3.5 3v-10l-3.5 3zM11 5.5a3.5 3.5 0 0 1 0 5M12.8 3.5a6.3 6.3 0 0 1 0 9",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
} as const;

export class Page implements TabOwner {
  readonly #store: SettingsStore;
  /** Panes without a session, to be reused. */
  readonly #idlePanes: TerminalPane[] = [];
  readonly #tabs: Tab[] = [];
  readonly #main = el("main", {});
  readonly #strip = new TabStrip((tab) => this.select(tab), (tab) => void this.#close(tab));
  readonly #bar: Bar;
  readonly #icon = document.querySelector<HTMLLinkElement>("#favicon");
  readonly #plainIcon = this.#icon?.href ?? "";
  /** Called after each change of a tab. */
  onChange: ((tab: Tab) => void) | undefined;
  #hasBegun = false;
  #current: Tab | undefined;
  /** The other tab of the split view. */
  #beside: Tab | undefined;

  constructor(readonly targets: readonly string[], private readonly query: PageQuery) {
    // Fetched now: that of a lost connection is needed when nothing can be fetched.
    for (const address of Object.values(this.#icon?.dataset ?? {})) {
      new Image().src = address ?? "";
    }
    const store = new SettingsStore(query.theme === undefined ? {} : { theme: query.theme });
    this.#store = store;
    const hasTerminal = () => this.#current?.hasTerminal === true;
    this.#bar = new Bar(this.#strip.element, () => this.add(), [
      { name: "Search in the terminal", path: ICONS.find, available: hasTerminal, run: () => this.#current?.search() },
      { name: "Text of the terminal", path: ICONS.text, available: hasTerminal, run: () => this.#current?.showText() },
      { name: "Split view", path: ICONS.split, pressed: () => this.#beside !== undefined, run: () => this.#split() },
      { name: "Screen reader", path: ICONS.reader, pressed: () => store.current.screenReader,
        run: () => store.set({ screenReader: !store.current.screenReader }) },
      { name: "Copy the session id", path: ICONS.copy, available: () => this.#current?.status.session !== undefined,
        run: () => this.#current?.status.copySession() },
      { name: "Full screen", path: ICONS.full, available: () => document.fullscreenEnabled, run: () => void this.#fullScreen() },
      { name: "Close the session", path: ICONS.close, menuOnly: true,
        run: () => { if (this.#current !== undefined) { void this.#close(this.#current); } } },
      { name: "Settings", path: ICONS.gear, run: () => showSettings(store) },
    ]);
    document.body.append(this.#bar.element, this.#main);
    this.#applyTheme();
    store.onChange(() => this.#applyTheme());
    onSystemChange(() => this.#applyTheme());
    followVisualViewport();
    this.#ignoreDroppedFiles();
  }

  /** Opens a tab and shows it. */
  add(): Tab {
    const tab = new Tab(this);
    this.#tabs.push(tab);
    this.#strip.add(tab);
    this.#main.append(tab.element);
    tab.element.addEventListener("focusin", () => {
      if (tab === this.#beside) {
        this.#show(tab);
      }
    });
    this.select(tab);
    return tab;
  }

  /** Returns the current tab, if it has only the form, or a new one. */
  vacantTab(): Tab {
    return this.#current?.phase === "form" ? this.#current : this.add();
  }

  openTab(target: Target, username: string): void {
    const tab = this.add();
    tab.fill(target, username);
    tab.focus();
  }

  acquirePane(): TerminalPane {
    return this.#idlePanes.pop() ?? new TerminalPane(this.#store, this.query);
  }

  releasePane(pane: TerminalPane): void {
    pane.reset(() => this.#idlePanes.push(pane));
  }

  /** True once any session has begun to connect. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  changed(tab: Tab): void {
    this.#hasBegun ||= tab.phase !== "form";
    this.onChange?.(tab);
    if (this.#current === undefined) {
      return;
    }
    this.#strip.update(this.#current, this.#beside);
    this.#bar.update();
    this.#confirmUnload();
    if (tab === this.#current) {
      this.#showState(tab);
    }
  }

  announce(text: string): void {
    this.#current?.status.show(text);
  }

  leaveTerminal(): void {
    if (this.#current !== undefined) {
      this.#strip.focus(this.#current);
    }
  }

  /** Shows `tab`, in the half of the current one if the view is split, and puts the focus into it. */
  select(tab: Tab): void {
    this.#show(tab);
    tab.focus();
  }

  #show(tab: Tab): void {
    if (tab === this.#beside) {
      this.#beside = this.#current;
    }
    this.#current = tab;
    for (const other of this.#tabs) {
      other.visible = other === tab || other === this.#beside;
      other.element.classList.toggle("current", other === tab);
    }
    this.#main.classList.toggle("split", this.#beside !== undefined);
    this.changed(tab);
  }

  #split(): void {
    const current = this.#current;
    if (current === undefined) {
      return;
    }
    if (this.#beside !== undefined) {
      this.#beside = undefined;
      this.select(current);
      return;
    }
    this.#beside = current;
    const other = this.#tabs[(this.#tabs.indexOf(current) + 1) % this.#tabs.length];
    if (other === undefined || other === current) {
      this.add();
    } else {
      this.select(other);
    }
  }

  /** Shows the state of the current tab in the title and the icon of the browser's tab. */
  #showState(tab: Tab): void {
    const { ending, phase, name } = tab;
    document.title = [
      ending && `${ending.outcome === "good" ? "✓" : "✗"} ${ending.short}`, phase !== "form" && name, "sshard",
    ].filter(Boolean).join(" · ");
    if (this.#icon !== null) {
      const href = this.#icon.dataset[ending?.outcome ?? phase] ?? this.#plainIcon;
      if (this.#icon.getAttribute("href") !== href) {
        this.#icon.href = href;
      }
    }
  }

  async #close(tab: Tab): Promise<void> {
    const body = [el("p", {}, `The shell on ${tab.target} ends, and all that runs in it.`)];
    if (tab.isLive && !await askYesNo("End this session?", body, "End the session", "Keep it", "danger")) {
      return;
    }
    const index = this.#tabs.indexOf(tab);
    if (index < 0) {
      return;
    }
    tab.close();
    tab.element.remove();
    this.#tabs.splice(index, 1);
    this.#strip.remove(tab);
    // Keys go where they went before, unless that tab was closed.
    const next = tab === this.#current ? this.#beside ?? this.#tabs[Math.min(index, this.#tabs.length - 1)] : this.#current;
    if (tab === this.#current || tab === this.#beside) {
      this.#beside = undefined;
      this.#current = undefined;
    }
    if (next === undefined) {
      this.add();
    } else {
      this.select(next);
    }
  }

  #applyTheme(): void {
    document.documentElement.dataset["theme"] = resolved(this.#store.current.theme);
    this.#bar.update();
  }

  async #fullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) {
      await document.exitFullscreen();
      return;
    }
    try {
      await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    } catch {
      this.#current?.status.show("The browser did not allow full screen.");
      return;
    }
    // Chromium only, and not over plain http; it may ask the user, so it is not awaited.
    const keyboard = (navigator as { keyboard?: { lock?(): Promise<void> } }).keyboard;
    void keyboard?.lock?.().catch(() => undefined);
    this.#current?.status.show(keyboard?.lock === undefined
      ? "Esc leaves full screen."
      : "Hold Esc to leave full screen; Ctrl+W, Ctrl+T and the like go to the terminal.");
  }

  /** Keeps the browser from opening a dropped file in place of the page. */
  #ignoreDroppedFiles(): void {
    for (const kind of ["dragover", "drop"] as const) {
      addEventListener(kind, (event) => {
        if (!(event.target instanceof HTMLInputElement && event.target.type === "file")) {
          event.preventDefault();
        }
      });
    }
  }

  /** Has the browser ask before it leaves a running session; a page without one can go to its cache. */
  #confirmUnload(): void {
    if (this.#tabs.some((tab) => tab.isLive)) {
      addEventListener("beforeunload", preventUnload);
    } else {
      removeEventListener("beforeunload", preventUnload);
    }
  }
}

function preventUnload(event: BeforeUnloadEvent): void {
  event.preventDefault();
  // Older Chromium and Safari need this.
  event.returnValue = true;
}
