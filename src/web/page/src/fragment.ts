// The fragment of the address, removed from the address bar before anything else of the page runs: it may hold a
// one-time login (`sshard demo` prints such a link). This module must be the first import of the entry.

/** Login of a link, used once. */
export interface LinkLogin {
  readonly target: string;
  readonly username: string;
  readonly password: string;
}

const MAX_LENGTH = 4096;

/** Parses `#login=BASE64URL(JSON)`; anything else is ignored. */
function parse(fragment: string): LinkLogin | undefined {
  const match = /^#login=([A-Za-z0-9_-]+)$/.exec(fragment);
  if (match?.[1] === undefined || fragment.length > MAX_LENGTH) {
    return undefined;
  }
  try {
    const bytes = Uint8Array.from(atob(match[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const { target, username, password } = (value ?? {}) as Record<string, unknown>;
    if (typeof target === "string" && typeof username === "string" && typeof password === "string") {
      return { target, username, password };
    }
  } catch {
    // Not a login: the form is shown.
  }
  return undefined;
}

/** Returns the login of the address, if it has one, and removes it from the address bar and the history. */
function takeLogin(): LinkLogin | undefined {
  const fragment = location.hash;
  if (fragment !== "") {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return parse(fragment);
}

let waiting = takeLogin();
let use: ((login: LinkLogin) => void) | undefined;

function passOn(): void {
  const login = waiting;
  if (use !== undefined && login !== undefined) {
    waiting = undefined;
    use(login);
  }
}

// A link that is opened where the page is already loads nothing.
addEventListener("hashchange", () => {
  waiting = takeLogin() ?? waiting;
  passOn();
});

/** Calls `handler` with the login of each link, that of the page's own address included. */
export function onLinkLogin(handler: (login: LinkLogin) => void): void {
  use = handler;
  passOn();
}
