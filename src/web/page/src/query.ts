// The query of the page's address: a target for the form, and the appearance of the terminal. Everything else in it is
// ignored; it connects to nothing, runs nothing and holds no secret, since anybody can make such a link.

import { DEFAULTS, type Settings, validate } from "./settings.js";

export interface PageQuery {
  /** Target to fill in; only its characters are checked. */
  readonly target: string | undefined;
  /** Size that the terminal keeps, whatever the size of the window. */
  readonly cols: number | undefined;
  readonly rows: number | undefined;
  readonly theme: Settings["theme"] | undefined;
  /** True if nothing can be typed or pasted. */
  readonly readOnly: boolean;
}

/** Largest size of a terminal in the protocol. */
const MAX_CELLS = 1000;

/** Parses the query of an address. */
export function readQuery(search: string): PageQuery {
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
