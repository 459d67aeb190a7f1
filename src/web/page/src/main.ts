// The page: the bar, the tabs, what the address carries. The fragment's module comes first: it takes a login out of
// the address bar before anything else runs.

import { takeLinkLogin } from "./fragment.js";
import { ask } from "./dialog.js";
import { el, icon } from "./dom.js";
import { parseTarget } from "./form.js";
import { showSettings } from "./preferences.js";
import { SettingsStore } from "./settings.js";
import { installStyleShim } from "./style-shim.js";
import { Tab, type TabHome } from "./tab.js";
import { TabStrip } from "./tabs.js";
import { TerminalPane } from "./terminal.js";
import { onSystemChange, resolved } from "./themes.js";

installStyleShim();

const ICONS = {
  plus: "M8 3v10M3 8h10",
  gear: "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4",
  find: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2",
  full: "M2.5 6v-3.5h3.5M10 2.5h3.5v3.5M13.5 10v3.5h-3.5M6 13.5h-3.5v-3.5",
  reader: "M2.5 6v4h2.5l3.5 3v-10l-3.5 3zM11 5.5a3.5 3.5 0 0 1 0 5",
} as const;

class Page implements TabHome {
  readonly targets: readonly string[];
  readonly #store = new SettingsStore();
  readonly #spare: TerminalPane[] = [];
  readonly #tabs: Tab[] = [];
  readonly #main = el("main", {});
  readonly #strip = new TabStrip<Tab>((tab) => this.#select(tab), (tab) => void this.#close(tab));
  readonly #reader: HTMLButtonElement;
  #current: Tab | undefined;

  constructor(targets: readonly string[]) {
    this.targets = targets;
    const button = (name: string, path: string, action: () => void) =>
      el("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: action }, icon(path));
    this.#reader = button("Screen reader", ICONS.reader, () => this.#toggleReader());
    document.body.append(
      el("header", { class: "bar" }, el("span", { class: "brand" }, "sshard"), this.#strip.element,
        button("New session", ICONS.plus, () => this.add()),
        button("Search in the terminal", ICONS.find, () => this.#current?.search()),
        this.#reader,
        button("Full screen", ICONS.full, () => void this.#fullScreen()),
        button("Settings", ICONS.gear, () => showSettings(this.#store))),
      this.#main);
    this.#applyTheme();
    this.#store.onChange(() => this.#applyTheme());
    onSystemChange(() => this.#applyTheme());
    this.#guardThePage();
  }

  /** Opens a tab and shows it. */
  add(): Tab {
    const tab = new Tab(this);
    this.#tabs.push(tab);
    this.#strip.add(tab);
    this.#main.append(tab.element);
    this.#select(tab);
    return tab;
  }

  takePane(): TerminalPane {
    return this.#spare.pop() ?? new TerminalPane(this.#store);
  }

  givePane(pane: TerminalPane): void {
    pane.reset();
    this.#spare.push(pane);
  }

  changed(tab: Tab): void {
    if (this.#current !== undefined) {
      this.#strip.update(this.#current);
    }
    if (tab === this.#current) {
      document.title = tab.label === "New session" ? "sshard" : `${tab.label} · sshard`;
    }
  }

  leaveTerminal(): void {
    if (this.#current !== undefined) {
      this.#strip.focus(this.#current);
    }
  }

  #select(tab: Tab): void {
    this.#current = tab;
    for (const other of this.#tabs) {
      other.element.hidden = other !== tab;
    }
    this.changed(tab);
    tab.focus();
  }

  async #close(tab: Tab): Promise<void> {
    if (tab.isLive && !(await ask({
      title: "End this session?",
      body: [el("p", {}, "Its shell, and what runs in it, ends.")],
      choices: [{ label: "End it", value: true, kind: "danger" as const }, { label: "Keep it", value: false }],
      cancel: false,
    }))) {
      return;
    }
    const index = this.#tabs.indexOf(tab);
    tab.close();
    tab.element.remove();
    this.#tabs.splice(index, 1);
    this.#strip.remove(tab);
    const next = this.#tabs[Math.min(index, this.#tabs.length - 1)];
    if (next === undefined) {
      this.add();
    } else {
      this.#select(next);
    }
  }

  #applyTheme(): void {
    document.documentElement.dataset["theme"] = resolved(this.#store.current.theme);
    this.#reader.setAttribute("aria-pressed", String(this.#store.current.screenReader));
  }

  #toggleReader(): void {
    this.#store.set({ screenReader: !this.#store.current.screenReader });
  }

  async #fullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) {
      await document.exitFullscreen();
      return;
    }
    await document.documentElement.requestFullscreen?.();
    // Chromium alone; it may ask, so nothing waits for it. Holding Esc leaves.
    const keyboard = (navigator as { keyboard?: { lock(): Promise<void> } }).keyboard;
    void keyboard?.lock().catch(() => undefined);
    this.#current?.status.set({ note: "Hold Esc to leave full screen." });
  }

  /** A dropped file, or the way back, must not cost a shell. */
  #guardThePage(): void {
    for (const kind of ["dragover", "drop"] as const) {
      addEventListener(kind, (event) => {
        if (!(event.target instanceof HTMLInputElement && event.target.type === "file")) {
          event.preventDefault();
        }
      });
    }
    addEventListener("beforeunload", (event) => {
      if (this.#tabs.some((tab) => tab.isLive)) {
        event.preventDefault();
      }
    });
  }
}

/** Facts of the bridge; a page that cannot get them works without. */
async function facts(): Promise<readonly string[]> {
  try {
    const answer: unknown = await (await fetch("page.json", { signal: AbortSignal.timeout(3000) })).json();
    const { targets } = (answer ?? {}) as { targets?: unknown };
    return Array.isArray(targets) ? targets.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

const targets = await facts();
const page = new Page(targets);
const tab = page.add();
const login = takeLinkLogin();
if (login !== undefined) {
  const target = parseTarget(login.target, 22, [login.target]);
  if (target !== undefined) {
    void tab.start({ ...login, target, privateKey: "", passphrase: "", certificate: "" });
  }
} else {
  const wanted = new URLSearchParams(location.search).get("target");
  if (wanted !== null && parseTarget(wanted, 22, targets) !== undefined) {
    tab.fill(wanted, "");
    tab.focus();
  }
}
