// Sleep of the page: kept away as far as a page can, and noticed where it came all the same.

/** A timer that is late by more than this, in milliseconds, says that the page or the machine slept; a hidden page's
 * timers run once a minute at the least. */
const LATE = 150_000;
const LOOK = 20_000;

let lastLook = Date.now();
let lastSleep = -Infinity;

function look(): void {
  const now = Date.now();
  if (now - lastLook > LATE) {
    lastSleep = now;
  }
  lastLook = now;
}

setInterval(look, LOOK);
document.addEventListener("visibilitychange", look);
// Chromium tells when it freezes a page.
document.addEventListener("freeze", () => { lastSleep = Date.now(); });
document.addEventListener("resume", () => { lastSleep = Date.now(); });

/** Returns whether the page slept within the last `ms` milliseconds. */
export function slept(ms: number): boolean {
  look();
  return Date.now() - lastSleep < ms;
}

/**
 * Asks the browser to let the page run until the returned function is called. Chromium does not freeze a hidden page that
 * holds a Web Lock; elsewhere, and over plain http, nothing happens.
 */
export function stayAwake(): () => void {
  let release: () => void = () => undefined;
  const over = new Promise<void>((resolve) => { release = resolve; });
  void navigator.locks?.request("sshard-session", { mode: "shared" }, () => over).catch(() => undefined);
  return release;
}
