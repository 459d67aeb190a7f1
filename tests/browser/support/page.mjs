// A test over the page in a real browser: what it needs is started, watched, and given back; a failure leaves a
// screenshot, and says what the browser's console and the bridge's log had.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startBridge, startSshd } from "../../../src/web/client/test/support/bridge.mjs";
import { account, releaseAccount } from "./account.mjs";
import { Driver } from "./driver.mjs";
import { Watch } from "./watch.mjs";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Awaited<ReturnType<typeof startBridge>>} Bridge */
/** @typedef {Awaited<ReturnType<typeof startSshd>>} Sshd */
/**
 * @typedef {object} Wish
 * @property {string[]} [sshd] lines of sshd_config
 * @property {string[]} [settings] of the bridge
 * @property {(right: string) => string} [knownHosts] makes the bridge's known hosts from what is right
 * @property {string[]} [args] of `sshard serve`
 * @property {string[]} [browser] more arguments of Chromium
 * @property {boolean} [throttled] hidden pages are slowed down, as users' browsers do
 * @property {import("playwright-core").BrowserContextOptions} [context]
 * @property {Record<string, unknown>} [preferences] settings of the page
 * @property {RegExp[]} [expectConsole] errors on the console that the test provokes
 * @property {string[]} [origins] places besides the bridge that the page may ask
 * @property {number} [timeout]
 */
/**
 * @typedef {object} Scene
 * @property {Page} page
 * @property {Driver} driver
 * @property {Watch} watch
 * @property {Sshd} sshd
 * @property {Bridge} bridge
 * @property {string} knownHosts path of the bridge's file
 * @property {string} url of the page
 * @property {{ server: string, user: string, password: string }} login one that works
 * @property {(name: string) => Promise<string>} screenshot keeps a picture, and returns its path
 */

const ARTEFACTS = fileURLToPath(new URL("../../../target/browser/", import.meta.url));
const ARGS = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-default-apps", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
];
const TEST_TIMEOUT = 120_000;

/** @type {Map<string, Promise<Browser>>} */
const browsers = new Map();
/** @type {Map<string, Promise<Sshd>>} */
const servers = new Map();

after(async () => {
  for (const browser of browsers.values()) await (await browser).close();
  for (const sshd of servers.values()) await (await sshd).stop();
  await releaseAccount();
});

/** Arguments by which Playwright keeps hidden pages as fast as seen ones. */
const UNTHROTTLED = [
  "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
];

/** @param {string[]} more @param {boolean} throttled */
function chromiumWith(more, throttled) {
  const key = `${throttled} ${more.join(" ")}`;
  const browser = browsers.get(key) ?? chromium.launch({
    executablePath: process.env.SSHARD_TEST_CHROMIUM ?? "/usr/bin/chromium", args: [...ARGS, ...more],
    ...(throttled ? { ignoreDefaultArgs: UNTHROTTLED } : {}),
  });
  browsers.set(key, browser);
  return browser;
}

/** @param {string[]} lines */
function sshdWith(lines) {
  const key = lines.join("\n");
  const sshd = servers.get(key) ?? startSshd(["PasswordAuthentication yes", ...lines]);
  servers.set(key, sshd);
  return sshd;
}

/** @param {Sshd} sshd @param {(right: string) => string} change */
function otherKnownHosts(sshd, change) {
  const path = `${mkdtempSync(join(sshd.dir, "bridge-"))}/known_hosts`;
  writeFileSync(path, change(readFileSync(sshd.knownHosts, "utf8")));
  return path;
}

/**
 * A test over one page, at a bridge of its own, with an sshd that the tests of a file share.
 * @param {string} name
 * @param {Wish} wish
 * @param {(scene: Scene) => Promise<void>} body
 */
export function pageTest(name, wish, body) {
  test(name, { timeout: wish.timeout ?? TEST_TIMEOUT }, async () => {
    const sshd = await sshdWith(wish.sshd ?? []);
    const knownHosts = wish.knownHosts === undefined ? sshd.knownHosts : otherKnownHosts(sshd, wish.knownHosts);
    const bridge = await startBridge({ port: sshd.port, knownHosts }, wish.settings, wish.args);
    const watch = new Watch([`http://${bridge.address}/`, ...(wish.origins ?? [])], wish.expectConsole ?? []);
    const browser = await chromiumWith(wish.browser ?? [], wish.throttled ?? false);
    const context = await browser.newContext({ viewport: { width: 1000, height: 640 }, colorScheme: "dark", ...wish.context });
    try {
      await watch.attach(context);
      if (wish.preferences !== undefined) await context.addInitScript(storePreferences, wish.preferences);
      const page = await context.newPage();
      const url = `http://${bridge.address}/`;
      const login = { server: `127.0.0.1:${sshd.port}`, ...(await account()) };
      const screenshot = (/** @type {string} */ title) => keep(page, title);
      try {
        await body({ page, driver: new Driver(page), watch, sshd, bridge, knownHosts, url, login, screenshot });
        await watch.assertClean();
      } catch (error) {
        throw await explained(error, name, page, watch, bridge);
      }
    } finally {
      await context.close();
      await bridge.stop();
    }
  });
}

/** @param {Record<string, unknown>} settings */
function storePreferences(settings) {
  // The empty page, before the first, has no storage.
  if (location.protocol !== "about:") localStorage.setItem("sshard.settings", JSON.stringify({ version: 1, settings }));
}

/** @param {Page} page @param {string} title */
async function keep(page, title) {
  mkdirSync(ARTEFACTS, { recursive: true });
  const path = `${ARTEFACTS}${title.replace(/\W+/g, "-")}.png`;
  await page.screenshot({ path });
  return path;
}

/** @param {unknown} error @param {string} name @param {Page} page @param {Watch} watch @param {Bridge} bridge */
async function explained(error, name, page, watch, bridge) {
  const path = await keep(page, `failed ${name}`).catch((reason) => `none: ${reason}`);
  const parts = [
    error instanceof Error ? error.stack : String(error), `screenshot: ${path}`,
    `console:\n${watch.console.join("\n")}`, `log of the bridge:\n${bridge.log().slice(-4000)}`,
  ];
  return new Error(parts.join("\n\n"), { cause: error });
}
