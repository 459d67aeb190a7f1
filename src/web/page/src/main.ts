// Entry of the page. The fragment's module comes first: it takes a login out of the address bar before anything else
// runs.

import { takeLinkLogin } from "./fragment.js";
import { parseTarget } from "./form.js";
import { Page } from "./page.js";
import { installStyleShim } from "./style-shim.js";

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

installStyleShim();
const targets = await facts();
const page = new Page(targets);
const tab = page.add();
const login = takeLinkLogin();
if (login !== undefined) {
  // A name cannot have a colon.
  const target = parseTarget(login.target, 22, login.target.includes(":") ? [] : [login.target]);
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
