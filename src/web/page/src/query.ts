// What the address may say of the page: a target for the form, and how the terminal is shown. Everything else in it is
// ignored; nothing there connects, runs or is secret, for anybody can make such a link.

import { DEFAULTS, type Settings, validate } from "./settings.js";

export interface Wishes {
  /** Target to fill in: its characters are those of one, no more. */
  readonly target: string | undefined;
  /** Size that the terminal keeps, whatever room there is. */
  readonly cols: number | undefined;
  readonly rows: number | undefined;
  readonly theme: Settings["theme"] | undefined;
  /** Whether nothing is typed or pasted. */
  readonly readOnly: boolean;
}

/** Largest size of a terminal in the protocol. */
const MAX_CELLS = 1000;

/** Reads the query of an address. */
export function readQuery(search: string): Wishes {
  const query = new URLSearchParams(search);
  const cells = (name: string) => {
    const text = query.get(name) ?? "";
    const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    return count >= 1 && count <= MAX_CELLS ? count : undefined;
  };
  const theme = query.get("theme");
  const valid = validate({ ...DEFAULTS, theme }).theme;
  return {
    target: /^[\w.:[\]-]+$/.exec(query.get("target") ?? "")?.[0],
    cols: cells("cols"),
    rows: cells("rows"),
    theme: valid === theme ? valid : undefined,
    readOnly: /^(|1|true)$/.test(query.get("readonly") ?? "no"),
  };
}
