// Colours of the terminal. The page's own colours are in base.css, under the same names.

import type { ITheme } from "@xterm/xterm";
import type { Settings } from "./settings.js";

const DARK: ITheme = {
  background: "#14171c", foreground: "#d8dee6", cursor: "#7cc7ff", cursorAccent: "#14171c",
  selectionBackground: "#35506b", selectionInactiveBackground: "#2c3948",
  black: "#2b313a", red: "#f47067", green: "#6bc46d", yellow: "#daaa3f", blue: "#6cb6ff", magenta: "#dcbdfb",
  cyan: "#56d4dd", white: "#c9d1d9", brightBlack: "#828c99", brightRed: "#ff938a", brightGreen: "#8ddb8c",
  brightYellow: "#eac55f", brightBlue: "#96d0ff", brightMagenta: "#eddeff", brightCyan: "#b3f0ff", brightWhite: "#ffffff",
};
const LIGHT: ITheme = {
  background: "#ffffff", foreground: "#1f2328", cursor: "#0550ae", cursorAccent: "#ffffff",
  selectionBackground: "#b6d7ff", selectionInactiveBackground: "#dbe7f5",
  black: "#24292f", red: "#b3202a", green: "#116329", yellow: "#7d4e00", blue: "#0550ae", magenta: "#7a35cc",
  cyan: "#165f68", white: "#57606a", brightBlack: "#57606a", brightRed: "#a40e26", brightGreen: "#0f6a2b",
  brightYellow: "#633c01", brightBlue: "#0a4fb5", brightMagenta: "#8250df", brightCyan: "#1b6a72", brightWhite: "#6e7781",
};
const CONTRAST_DARK: ITheme = {
  ...DARK, background: "#000000", foreground: "#ffffff", cursor: "#ffff00", cursorAccent: "#000000",
  selectionBackground: "#0050b0", brightBlack: "#b0b8c0",
};
const CONTRAST_LIGHT: ITheme = {
  ...LIGHT, foreground: "#000000", cursor: "#000000", selectionBackground: "#9fcaff", white: "#3b4046",
  brightBlack: "#3b4046", brightWhite: "#3b4046",
};
const SOLARIZED: ITheme = {
  background: "#002b36", foreground: "#a7b4b5", cursor: "#93a1a1", cursorAccent: "#002b36", selectionBackground: "#17525f",
  black: "#073642", red: "#f0524f", green: "#9cae0a", yellow: "#c79a10", blue: "#4aa3e0", magenta: "#e86ba8",
  cyan: "#3bb5aa", white: "#eee8d5", brightBlack: "#7b9094", brightRed: "#f2764a", brightGreen: "#9fb0b3",
  brightYellow: "#b3a15a", brightBlue: "#93a1a1", brightMagenta: "#9a9ee0", brightCyan: "#93a1a1", brightWhite: "#fdf6e3",
};

type Fixed = Exclude<Settings["theme"], "system">;

const TERMINAL: Record<Fixed, ITheme> = {
  dark: DARK, light: LIGHT, "contrast-dark": CONTRAST_DARK, "contrast-light": CONTRAST_LIGHT, solarized: SOLARIZED,
};

const prefersLight = matchMedia("(prefers-color-scheme: light)");
const prefersContrast = matchMedia("(prefers-contrast: more)");

/** The theme in force: `system` follows the system's colour scheme and contrast. */
export function resolved(theme: Settings["theme"]): Fixed {
  if (theme !== "system") {
    return theme;
  }
  const base = prefersLight.matches ? "light" : "dark";
  return prefersContrast.matches ? `contrast-${base}` : base;
}

export function terminalTheme(theme: Settings["theme"]): ITheme {
  return TERMINAL[resolved(theme)];
}

export function isLight(theme: Settings["theme"]): boolean {
  return resolved(theme).endsWith("light");
}

/** Least contrast of text that the terminal enforces: WCAG AA, or AAA for the high-contrast themes. */
export function minimumContrast(theme: Settings["theme"]): number {
  return resolved(theme).startsWith("contrast-") ? 7 : 4.5;
}

/** Calls `listener` when the system's preferences change. */
export function onSystemChange(listener: () => void): void {
  prefersLight.addEventListener("change", listener);
  prefersContrast.addEventListener("change", listener);
}
