// Untrusted text (of servers, clipboards, links) made safe to show: control and format characters become visible.

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/** Formatting characters, separators, and what fonts show as nothing. An emoji keeps the selector of its colours. */
const DECEPTIVE =
  /(\p{Extended_Pictographic}\ufe0f)|[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Returns `text` with control characters as their pictures and bidi and invisible characters as `<U+202E>`. */
export function visible(text: string): string {
  return text
    .replace(CONTROLS, (c) => {
      const code = c.charCodeAt(0);
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : codePoint(c);
    })
    .replace(DECEPTIVE, (c, emoji?: string) => emoji ?? codePoint(c));
}

function codePoint(c: string): string {
  return `<U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** Returns a title of at most 256 characters without control, bidi and invisible ones. */
export function cleanTitle(text: string): string {
  return text.replace(CONTROLS, "").replace(DECEPTIVE, (_, emoji?: string) => emoji ?? "").slice(0, 256);
}

/** Formats a number of bytes for people. */
export function bytes(count: number): string {
  if (count < 1000) {
    return `${count} B`;
  }
  const units = ["kB", "MB", "GB", "TB"];
  let value = count;
  let unit = "";
  for (const next of units) {
    value /= 1000;
    unit = next;
    if (value < 1000) {
      break;
    }
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** Formats a duration in milliseconds for people: `0.42 s`, `12 s`. */
export function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms / 1000)} s`;
}
