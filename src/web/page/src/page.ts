// The page: its tabs, one or two of which are seen, the bar above them, and what must not cost a session.

import { Bar } from "./bar.js";
import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { showSettings } from "./preferences.js";
import type { Wishes } from "./query.js";
import { SettingsStore } from "./settings.js";
import { Tab, type TabHome } from "./tab.js";
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

export class Page implements TabHome {
  readonly targets: readonly string[];
  readonly #store: SettingsStore;
  readonly #wishes: Wishes;
  readonly #spare: TerminalPane[] = [];
  readonly #tabs: Tab[] = [];
  readonly #main = el("main", {});
  readonly #strip = new TabStrip<Tab>((tab) => this.select(tab), (tab) => void this.#close(tab));
  readonly #bar: Bar;
  readonly #icon = document.querySelector<HTMLLinkElement>("#favicon");
  readonly #plainIcon = this.#icon?.href ?? "";
  /** Called after each change of a tab. */
  onChange: ((tab: Tab) => void) | undefined;
  #hasBegun = false;
  #current: Tab | undefined;
  /** The other tab of the split view. */
  #beside: Tab | undefined;

  constructor(targets: readonly string[], wishes: Wishes) {
    this.targets = targets;
    // Fetched now: the one of a lost connection is wanted when nothing can be fetched.
    for (const address of Object.values(this.#icon?.dataset ?? {})) {
      new Image().src = address ?? "";
    }
    this.#wishes = wishes;
    const store = new SettingsStore(wishes.theme === undefined ? {} : { theme: wishes.theme });
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
    this.#guardThePage();
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

  another(server: string, username: string): void {
    const tab = this.add();
    tab.fill(server, username);
    tab.focus();
  }

  takePane(): TerminalPane {
    return this.#spare.pop() ?? new TerminalPane(this.#store, this.#wishes);
  }

  givePane(pane: TerminalPane): void {
    pane.reset(() => this.#spare.push(pane));
  }

  /** Whether any session has begun, if only to connect. */
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
    this.#guardLeaving();
    if (tab === this.#current) {
      this.#showState(tab);
    }
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

  /** What the current tab's state says in the title and in the icon of the browser's tab. */
  #showState(tab: Tab): void {
    const end = tab.ending;
    const parts = [tab.phase === "form" ? "" : tab.name, "sshard"].filter((part) => part !== "");
    document.title = `${end === undefined ? "" : `${end.mark === "good" ? "✓" : "✗"} ${end.short} · `}${parts.join(" · ")}`;
    if (this.#icon !== null) {
      const kind = end?.mark ?? (tab.phase === "live" ? "live" : undefined);
      const wanted = kind === undefined ? this.#plainIcon : (this.#icon.dataset[kind] ?? this.#plainIcon);
      if (this.#icon.getAttribute("href") !== wanted) {
        this.#icon.href = wanted;
      }
    }
  }

  async #close(tab: Tab): Promise<void> {
    if (tab.isLive && !(await ask({
      title: "End this session?",
      body: [el("p", {}, `The shell on ${tab.target} ends, and what runs in it.`)],
      choices: [{ label: "End the session", value: true, kind: "danger" as const }, { label: "Keep it", value: false }],
      cancel: false,
    }))) {
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
    const other = tab === this.#beside ? this.#current : this.#beside;
    this.#beside = undefined;
    const next = other ?? this.#tabs[Math.min(index, this.#tabs.length - 1)];
    this.#current = undefined;
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
      this.#current?.status.say("The browser did not allow full screen.");
      return;
    }
    // Chromium alone, and not over plain http; it may ask, so nothing waits for it.
    const keyboard = (navigator as { keyboard?: { lock?(): Promise<void> } }).keyboard;
    void keyboard?.lock?.().catch(() => undefined);
    this.#current?.status.say(keyboard?.lock === undefined
      ? "Esc leaves full screen."
      : "Hold Esc to leave full screen; Ctrl+W, Ctrl+T and the like go to the terminal.");
  }

  /** A dropped file must not take the place of the page. */
  #guardThePage(): void {
    for (const kind of ["dragover", "drop"] as const) {
      addEventListener(kind, (event) => {
        if (!(event.target instanceof HTMLInputElement && event.target.type === "file")) {
          event.preventDefault();
        }
      });
    }
  }

  /** The browser asks before it leaves, while a session lives; a page without one can go to its cache. */
  #guardLeaving(): void {
    if (this.#tabs.some((tab) => tab.isLive)) {
      addEventListener("beforeunload", hold);
    } else {
      removeEventListener("beforeunload", hold);
    }
  }
}

function hold(event: BeforeUnloadEvent): void {
  event.preventDefault();
  // Older Chromium and Safari look at this alone.
  event.returnValue = true;
}
