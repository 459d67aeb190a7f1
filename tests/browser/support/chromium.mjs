// Chromium, as the tests and `measure.mjs` start it.
import { chromium } from "playwright-core";

const ARGS = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-default-apps", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
];
/** Arguments by which Playwright keeps hidden pages as fast as seen ones. */
const UNTHROTTLED = [
  "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
];

/** Starts Chromium. @param {string[]} more arguments @param {boolean} throttled hidden pages are slowed down */
export function launchChromium(more = [], throttled = false) {
  return chromium.launch({
    executablePath: process.env.SSHARD_TEST_CHROMIUM ?? "/usr/bin/chromium", args: [...ARGS, ...more],
    ...(throttled ? { ignoreDefaultArgs: UNTHROTTLED } : {}),
  });
}

/** Stores settings of the page. Runs in the page. @param {Record<string, unknown>} settings */
export function storePreferences(settings) {
  // The empty page, before the first, has no storage.
  if (location.protocol !== "about:") localStorage.setItem("sshard.settings", JSON.stringify({ version: 1, settings }));
}
