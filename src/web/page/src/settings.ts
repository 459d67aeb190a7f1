// The user's settings: one versioned key in localStorage, validated on reading; in memory where there is no storage.

export const SCROLLBACK_MAX = 50_000;
export const FONT_SIZES = [8, 40] as const;

export interface Settings {
  theme: "system" | "dark" | "light" | "contrast-dark" | "contrast-light" | "solarized";
  font: string;
  fontSize: number;
  scrollback: number;
  renderer: "auto" | "webgl" | "dom";
  cursor: "block" | "bar" | "underline";
  cursorBlink: boolean;
  optionIsMeta: boolean;
  backspace: "del" | "bs";
  copyWithCtrlC: boolean;
  graphemes: boolean;
  screenReader: boolean;
}

export const DEFAULTS: Readonly<Settings> = {
  theme: "system",
  font: "",
  fontSize: 14,
  scrollback: 5000,
  renderer: "auto",
  cursor: "block",
  cursorBlink: false,
  optionIsMeta: false,
  backspace: "del",
  copyWithCtrlC: true,
  graphemes: false,
  screenReader: false,
};

const KEY = "sshard.settings";
const VERSION = 1;

const CHOICES: Partial<Record<keyof Settings, readonly string[]>> = {
  theme: ["system", "dark", "light", "contrast-dark", "contrast-light", "solarized"],
  renderer: ["auto", "webgl", "dom"],
  cursor: ["block", "bar", "underline"],
  backspace: ["del", "bs"],
};
const RANGES: Partial<Record<keyof Settings, readonly [number, number]>> = {
  fontSize: FONT_SIZES,
  scrollback: [0, SCROLLBACK_MAX],
};

/** Returns the defaults with what of `value` is valid. */
export function validate(value: unknown): Settings {
  const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const result = { ...DEFAULTS } as Record<string, unknown>;
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    const key = name as keyof Settings;
    const candidate = given[name];
    if (typeof candidate !== typeof fallback) {
      continue;
    }
    const choices = CHOICES[key];
    const range = RANGES[key];
    if (choices !== undefined && !choices.includes(candidate as string)) {
      continue;
    }
    if (range !== undefined) {
      const number = Math.round(candidate as number);
      result[name] = Number.isFinite(number) ? Math.min(range[1], Math.max(range[0], number)) : fallback;
      continue;
    }
    result[name] = key === "font" ? (candidate as string).replace(/[^\w ,"'.-]/g, "").slice(0, 200) : candidate;
  }
  return result as unknown as Settings;
}

type Listener = (settings: Settings) => void;

/** Settings of this browser, with those who want to know of a change. */
export class SettingsStore {
  #stored: Settings = this.#load();
  #current: Settings;
  /** What stands in for a stored setting in this page, until the user changes that. */
  #instead: Partial<Settings>;
  readonly #listeners = new Set<Listener>();

  constructor(instead: Partial<Settings> = {}) {
    this.#instead = instead;
    this.#current = { ...this.#stored, ...instead };
  }

  get current(): Settings {
    return this.#current;
  }

  /** Calls `listener` after each change until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(change: Partial<Settings>): void {
    this.#stored = validate({ ...this.#stored, ...change });
    const kept = Object.entries(this.#instead).filter(([name]) => !(name in change));
    this.#instead = Object.fromEntries(kept);
    this.#current = { ...this.#stored, ...this.#instead };
    this.#save();
    for (const listener of this.#listeners) {
      listener(this.#current);
    }
  }

  reset(): void {
    this.set({ ...DEFAULTS });
  }

  #load(): Settings {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
      const { version, settings } = (stored ?? {}) as Record<string, unknown>;
      return validate(version === VERSION ? settings : undefined);
    } catch {
      return validate(undefined);
    }
  }

  #save(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ version: VERSION, settings: this.#stored }));
    } catch {
      // Private mode or a full store: they last as long as the page.
    }
  }
}
