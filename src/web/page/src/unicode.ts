// Widths of characters, and which of them join the cell before: those of the addons, with a bound. A program that
// writes combining marks without end over one character would keep the browser's text layout busy for minutes.

import type { ITerminalAddon, IUnicodeVersionProvider, Terminal } from "@xterm/xterm";

/** Characters that may join a cell. Languages and emoji need fewer than 16. */
const MAX_JOINED = 32;

/** Bit of a character's properties: it joins the cell before it. */
const JOINS = 1;

class Bounded implements IUnicodeVersionProvider {
  #joined = 0;

  constructor(private readonly inner: IUnicodeVersionProvider) {}

  get version(): string {
    return this.inner.version;
  }

  wcwidth(codepoint: number): 0 | 1 | 2 {
    return this.inner.wcwidth(codepoint);
  }

  charProperties(codepoint: number, preceding: number): number {
    const properties = this.inner.charProperties(codepoint, preceding);
    this.#joined = (properties & JOINS) === 0 ? 0 : this.#joined + 1;
    if (this.#joined <= MAX_JOINED) {
      return properties;
    }
    this.#joined = 0;
    // Those of a letter: it takes a cell of its own.
    return this.inner.charProperties(0x41, 0);
  }
}

/** The Unicode addon `addon`, with the bound. */
export function bounded(addon: ITerminalAddon): ITerminalAddon {
  return {
    activate(terminal: Terminal): void {
      const { unicode } = terminal;
      const register = { value: (provider: IUnicodeVersionProvider) => unicode.register(new Bounded(provider)) };
      addon.activate(Object.create(terminal, { unicode: { value: Object.create(unicode, { register }) } }) as Terminal);
    },
    dispose: () => addon.dispose(),
  };
}
