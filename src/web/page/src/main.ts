// Entry of the page. The fragment's module comes first: it removes a login from the address bar before anything else
// runs.

import { onLinkLogin } from "./fragment.js";
import { isFramed, Parent } from "./embedding.js";
import { parseTarget, type Target } from "./form.js";
import { Page } from "./page.js";
import { readQuery } from "./query.js";
import { installStyleShim } from "./style-shim.js";
import type { Tab } from "./tab.js";

/** Fetches the bridge's facts; the page works without them. */
async function facts(): Promise<{ targets: readonly string[]; embedOrigins: readonly string[] }> {
  const strings = (list: unknown) => (Array.isArray(list) ? list.filter((text) => typeof text === "string") : []);
  try {
    const answer: unknown = await (await fetch("page.json", { signal: AbortSignal.timeout(3000) })).json();
    const { targets, embed_origins: embedOrigins } = (answer ?? {}) as Record<string, unknown>;
    return { targets: strings(targets), embedOrigins: strings(embedOrigins) };
  } catch {
    return { targets: [], embedOrigins: [] };
  }
}

/** Parses a target of a link or of the parent page: `host:port`, or a name, listed or not. A name has no colon. */
function parseGivenTarget(text: string): Target | undefined {
  const isName = /^[\w.-]+$/.test(text);
  return isName || text.includes(":") ? parseTarget(text, 22, isName ? [text] : []) : undefined;
}

installStyleShim();
const { targets, embedOrigins } = await facts();
const query = readQuery(location.search);
const page = new Page(targets, query);
const tab = page.add();
const asked = query.target === undefined ? undefined : parseTarget(query.target, 22, targets);
if (asked !== undefined) {
  tab.fill(asked, "");
  tab.focus();
}
onLinkLogin((login) => {
  const target = parseGivenTarget(login.target);
  if (target !== undefined) {
    void page.vacantTab().start({ ...login, target, privateKey: "", passphrase: "", certificate: "", fromLink: true });
  }
});
if (isFramed && embedOrigins.length > 0) {
  const parent = new Parent(embedOrigins, {
    get hasBegun() { return page.hasBegun; },
    target: parseGivenTarget,
    start: (request) => void page.vacantTab().start(request),
  });
  // Tab of the first session. The parent starts none after it.
  let first: Tab | undefined;
  page.onChange = (changed) => {
    const { phase, name, ending } = changed;
    first ??= phase === "form" ? undefined : changed;
    if (changed === first) {
      parent.report(phase, phase === "live" ? name : "", ending);
    }
  };
}
