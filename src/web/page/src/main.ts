// Entry of the page. The fragment's module comes first: it takes a login out of the address bar before anything else
// runs.

import { takeLinkLogin } from "./fragment.js";
import { isFramed, Parent } from "./embedding.js";
import { parseTarget, type Target } from "./form.js";
import { Page } from "./page.js";
import { readQuery } from "./query.js";
import { installStyleShim } from "./style-shim.js";

/** Facts of the bridge; a page that cannot get them works without. */
async function facts(): Promise<{ targets: readonly string[]; embedOrigins: readonly string[] }> {
  const texts = (list: unknown) => (Array.isArray(list) ? list.filter((text) => typeof text === "string") : []);
  try {
    const answer: unknown = await (await fetch("page.json", { signal: AbortSignal.timeout(3000) })).json();
    const { targets, embed_origins: embedOrigins } = (answer ?? {}) as Record<string, unknown>;
    return { targets: texts(targets), embedOrigins: texts(embedOrigins) };
  } catch {
    return { targets: [], embedOrigins: [] };
  }
}

/** Reads a target that a program gives: `host:port`, or a name, shown or not. A name cannot have a colon. */
function programTarget(text: string): Target | undefined {
  const isName = /^[\w.-]+$/.test(text);
  return isName || text.includes(":") ? parseTarget(text, 22, isName ? [text] : []) : undefined;
}

installStyleShim();
const { targets, embedOrigins } = await facts();
const wishes = readQuery(location.search);
const page = new Page(targets, wishes);
const tab = page.add();
const login = takeLinkLogin();
if (login !== undefined) {
  const target = programTarget(login.target);
  if (target !== undefined) {
    void tab.start({ ...login, target, privateKey: "", passphrase: "", certificate: "", fromLink: true });
  }
} else if (wishes.target !== undefined && parseTarget(wishes.target, 22, targets) !== undefined) {
  tab.fill(wishes.target, "");
  tab.focus();
}
if (isFramed && embedOrigins.length > 0) {
  const parent = new Parent(embedOrigins, {
    get hasBegun() { return page.hasBegun; },
    target: programTarget,
    start: (request) => void tab.start(request),
  });
  page.onChange = (changed) => {
    if (changed === tab) {
      parent.report(tab.phase, tab.phase === "live" ? tab.name : "", tab.ending);
    }
  };
}
