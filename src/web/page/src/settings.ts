// The user's settings: one versioned key in localStorage, validated when read; in memory where there is no storage.

export const SCROLLBACK_MAX = 50_000;
export const FONT_SIZES = [8, 40] as const;

const CHOICES = {
  theme: ["system", "dark", "light", "contrast-dark", "contrast-light", "solarized"],
  renderer: ["auto", "webgl", "dom"],
  cursor: ["block", "bar", "underline"],
  backspace: ["del", "bs"],
} as const;

type Choices = { [Name in keyof typeof CHOICES]: (typeof CHOICES)[Name][number] };

export interface Settings extends Choices {
  font: string;
  fontSize: number;
  scrollback: number;
  cursorBlink: boolean;
  optionIsMeta: boolean;
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

const RANGES: Partial<Record<keyof Settings, readonly [number, number]>> = {
  fontSize: FONT_SIZES,
  scrollback: [0, SCROLLBACK_MAX],
};

/** Returns the defaults, overridden by the valid parts of `value`. */
export function validate(value: unknown): Settings {
  const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const result = { ...DEFAULTS } as Record<string, unknown>;
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    const key = name as keyof Settings;
    const candidate = given[name];
    if (typeof candidate !== typeof fallback) {
      continue;
    }
    const choices: readonly string[] | undefined = CHOICES[key as keyof typeof CHOICES];
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

/** Settings of this browser, and their listeners. */
export class SettingsStore {
  /** Changes that are not stored: there may be no storage. */
  #unsaved: Partial<Settings> = {};
  #current: Settings;
  readonly #listeners: ((settings: Settings) => void)[] = [];

  /** `overrides` replace stored settings in this page, each until the user changes it. */
  constructor(private overrides: Partial<Settings>) {
    this.#current = { ...this.#load(), ...overrides };
  }

  get current(): Settings {
    return this.#current;
  }

  /** Calls `listener` after each change. */
  onChange(listener: (settings: Settings) => void): void {
    this.#listeners.push(listener);
  }

  set(change: Partial<Settings>): void {
    this.#unsaved = { ...this.#unsaved, ...change };
    // Another page of this browser may have stored others.
    const settings = validate({ ...this.#load(), ...this.#unsaved });
    const kept = Object.entries(this.overrides).filter(([name]) => !(name in change));
    this.overrides = Object.fromEntries(kept);
    this.#current = { ...settings, ...this.overrides };
    this.#save(settings);
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

  #save(settings: Settings): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ version: VERSION, settings }));
      this.#unsaved = {};
    } catch {
      // Private mode or a full store: they last as long as the page.
    }
  }
}
