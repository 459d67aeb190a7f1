// Links in the terminal, found in the text or given by OSC 8: one handler, which shows the address and asks.

import { askYesNo } from "./dialog.js";
import { el } from "./dom.js";
import { visible } from "./text.js";

/** Returns the address in its canonical form (punycode), or nothing for a scheme other than http and https. */
export function webAddress(uri: string): string | undefined {
  try {
    const url = new URL(uri);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Asks, and opens `uri` in a tab of its own without a reference to this one. */
export async function openLink(uri: string): Promise<void> {
  const address = webAddress(uri);
  if (address === undefined) {
    return;
  }
  const body = [el("p", { class: "address" }, visible(address)), el("p", { class: "hint" }, "It comes from the server's output.")];
  if (await askYesNo("Open this link?", body, "Open", "Cancel")) {
    window.open(address, "_blank", "noopener,noreferrer");
  }
}
