// A test over the page in a real browser: starts what it needs, monitors it, and stops it; a failure leaves a
// screenshot, and reports the browser's console and the bridge's log.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startBridge, startSshd } from "../../../src/web/client/test/support/bridge.mjs";
import { account, releaseAccount } from "./account.mjs";
import { launchChromium, storePreferences } from "./chromium.mjs";
import { Driver } from "./driver.mjs";
import { PageMonitor } from "./monitor.mjs";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Awaited<ReturnType<typeof startBridge>>} Bridge */
/** @typedef {Awaited<ReturnType<typeof startSshd>>} Sshd */
/**
 * @typedef {object} TestOptions
 * @property {string[]} [sshd] lines of sshd_config
 * @property {string[]} [settings] of the bridge
 * @property {(right: string) => string} [knownHosts] makes the bridge's known hosts from what is right
 * @property {string[]} [args] of `sshard serve`
 * @property {string[]} [browser] more arguments of Chromium
 * @property {boolean} [throttled] hidden pages are slowed down, as users' browsers do
 * @property {import("playwright-core").BrowserContextOptions} [context]
 * @property {Record<string, unknown>} [preferences] settings of the page
 * @property {RegExp[]} [expectConsole] errors on the console that the test provokes
 * @property {string[]} [origins] origins besides the bridge that the page may request
 * @property {number} [timeout]
 */
/**
 * @typedef {object} Fixtures
 * @property {Page} page
 * @property {Driver} driver
 * @property {Sshd} sshd
 * @property {Bridge} bridge
 * @property {string} knownHosts path of the bridge's file
 * @property {string} url of the page
 * @property {{ server: string, user: string, password: string }} login one that works
 * @property {(name: string) => Promise<string>} screenshot keeps a picture, and returns its path
 */

const ARTEFACTS = fileURLToPath(new URL("../../../target/browser/", import.meta.url));
const TEST_TIMEOUT = 120_000;

/** Options of a test whose page may use the clipboard. */
export const CLIPBOARD = { context: { permissions: ["clipboard-read", "clipboard-write"] } };

/** @type {Map<string, Promise<Browser>>} */
const browsers = new Map();
/** @type {Map<string, Promise<Sshd>>} */
const servers = new Map();

after(async () => {
  for (const browser of browsers.values()) await (await browser).close();
  for (const sshd of servers.values()) await (await sshd).stop();
  await releaseAccount();
});

/** Browser that the tests of a file share. @param {string[]} more @param {boolean} throttled */
function chromiumWith(more, throttled) {
  const key = `${throttled} ${more.join(" ")}`;
  const browser = browsers.get(key) ?? launchChromium(more, throttled);
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
 * Adds a test over one page, at a bridge of its own, with an sshd that the tests of a file share.
 * @param {string} name
 * @param {TestOptions} options
 * @param {(fixtures: Fixtures) => Promise<void>} body
 */
export function pageTest(name, options, body) {
  test(name, { timeout: options.timeout ?? TEST_TIMEOUT }, async () => {
    const sshd = await sshdWith(options.sshd ?? []);
    const knownHosts = options.knownHosts === undefined ? sshd.knownHosts : otherKnownHosts(sshd, options.knownHosts);
    const bridge = await startBridge({ port: sshd.port, knownHosts }, options.settings, options.args);
    const url = `http://${bridge.address}/`;
    const monitor = new PageMonitor([url, ...(options.origins ?? [])], options.expectConsole ?? []);
    const browser = await chromiumWith(options.browser ?? [], options.throttled ?? false);
    const context = await browser.newContext({ viewport: { width: 1000, height: 640 }, colorScheme: "dark", ...options.context });
    try {
      await monitor.attach(context);
      if (options.preferences !== undefined) await context.addInitScript(storePreferences, options.preferences);
      const page = await context.newPage();
      const login = { server: `127.0.0.1:${sshd.port}`, ...(await account()) };
      const screenshot = (/** @type {string} */ title) => keepScreenshot(page, title);
      try {
        await body({ page, driver: new Driver(page), sshd, bridge, knownHosts, url, login, screenshot });
        await monitor.assertClean();
      } catch (error) {
        throw await withEvidence(error, name, page, monitor, bridge);
      }
    } finally {
      await context.close();
      await bridge.stop();
    }
  });
}

/**
 * Adds a test like {@link pageTest} whose page has a shell before `body` is called.
 * @param {string} name
 * @param {TestOptions} options
 * @param {(fixtures: Fixtures) => Promise<void>} body
 */
export function shellTest(name, options, body) {
  pageTest(name, options, async (fixtures) => {
    await openShell(fixtures);
    await body(fixtures);
  });
}

/** Logs in on the page, and waits for the prompt. @param {Pick<Fixtures, "page" | "driver" | "url" | "login">} fixtures */
export async function openShell({ page, driver, url, login }) {
  await page.goto(url);
  await driver.login(login);
  await driver.ready();
}

/** @param {Page} page @param {string} title */
async function keepScreenshot(page, title) {
  mkdirSync(ARTEFACTS, { recursive: true });
  const path = `${ARTEFACTS}${title.replace(/\W+/g, "-")}.png`;
  await page.screenshot({ path });
  return path;
}

/** Adds to an error what was seen until then. @param {unknown} error @param {string} name @param {Page} page @param {PageMonitor} monitor @param {Bridge} bridge */
async function withEvidence(error, name, page, monitor, bridge) {
  const path = await keepScreenshot(page, `failed ${name}`).catch((reason) => `none: ${reason}`);
  const parts = [
    error instanceof Error ? error.stack : String(error), `screenshot: ${path}`,
    `console:\n${monitor.console.join("\n")}`, `log of the bridge:\n${bridge.log().slice(-4000)}`,
  ];
  return new Error(parts.join("\n\n"), { cause: error });
}
