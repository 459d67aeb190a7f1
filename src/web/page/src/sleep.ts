// Sleep of the page: prevented as far as a page can, and detected where it happened.

/** Gap between two checks that means that the page or the machine slept, in milliseconds; a hidden page's timers run at
 * least once a minute. */
const SLEEP_GAP = 150_000;
const CHECK_INTERVAL = 20_000;

let lastCheck = Date.now();
let lastSleep = -Infinity;

function check(): void {
  const now = Date.now();
  if (now - lastCheck > SLEEP_GAP) {
    lastSleep = now;
  }
  lastCheck = now;
}

setInterval(check, CHECK_INTERVAL);
document.addEventListener("visibilitychange", check);
// Of Chromium, when it freezes a page.
for (const type of ["freeze", "resume"]) {
  document.addEventListener(type, () => { lastSleep = Date.now(); });
}

/** Returns whether the page slept within the last `ms` milliseconds. */
export function slept(ms: number): boolean {
  check();
  return Date.now() - lastSleep < ms;
}

/**
 * Asks the browser to let the page run until the returned function is called. Chromium does not freeze a hidden page that
 * holds a Web Lock; elsewhere, and over plain http, nothing happens.
 */
export function holdAwakeLock(): () => void {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => { release = resolve; });
  void navigator.locks?.request("sshard-session", { mode: "shared" }, () => released).catch(() => undefined);
  return release;
}
