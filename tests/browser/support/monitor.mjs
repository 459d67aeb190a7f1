// What must not happen in any test: violations of the page's policy, errors on the console, requests to others.
// Also what tests need of the terminal: its instances, taken as xterm.js makes them, since the page exports none.
import assert from "node:assert/strict";

/** @typedef {import("playwright-core").BrowserContext} BrowserContext */
/** @typedef {import("playwright-core").Page} Page */

/** Messages of xterm.js and of the software rasteriser on a busy machine. */
const BUSY = /task queue exceeded|GPU stall|GL Driver/;

/** Defines the global `probe`. Runs in the page before its first statement. */
function installProbe() {
  /** @type {typeof probe} */
  const installed = {
    violations: [], longTasks: [], terminals: [],
    current() {
      const visible = this.terminals.filter((term) => term.element?.checkVisibility());
      return visible.find((term) => term.element.contains(document.activeElement)) ?? visible[0];
    },
  };
  Object.defineProperty(globalThis, "probe", { value: installed });
  document.addEventListener("securitypolicyviolation", (event) => {
    installed.violations.push(`${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
  });
  new PerformanceObserver((list) => installed.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask", buffered: true });
  // The public Terminal of xterm.js sets this property in its constructor.
  Object.defineProperty(Object.prototype, "_core", {
    configurable: true,
    set(value) {
      Object.defineProperty(this, "_core", { value, writable: true, configurable: true, enumerable: true });
      if (typeof this.loadAddon === "function") installed.terminals.push(this);
    },
  });
}

export class PageMonitor {
  /** @type {string[]} */
  console = [];
  /** @type {string[]} */
  foreign = [];
  /** @type {Set<Page>} */
  #pages = new Set();
  #origins;
  #expected;

  /**
   * @param {string[]} origins of the bridge; requests to others are foreign
   * @param {RegExp[]} expected errors on the console that the test provokes
   */
  constructor(origins, expected) {
    this.#origins = origins.map((origin) => origin.replace(/^http/, ""));
    this.#expected = [BUSY, ...expected];
  }

  /** @param {BrowserContext} context */
  async attach(context) {
    await context.addInitScript(installProbe);
    context.on("request", (request) => this.#request(request.url()));
    context.on("weberror", (error) => this.console.push(`uncaught: ${error.error().stack}`));
    context.on("console", (message) => {
      const text = `${message.type()}: ${message.text()} (${message.location().url})`;
      if (message.type() === "error" && !this.#expected.some((pattern) => pattern.test(text))) this.console.push(text);
    });
    context.on("page", (page) => {
      this.#pages.add(page);
      page.on("websocket", (socket) => this.#request(socket.url()));
    });
  }

  /** Fails if anything has happened that must not. */
  async assertClean() {
    const open = [...this.#pages].filter((page) => !page.isClosed());
    const violations = await Promise.all(open.map((page) => page.evaluate(() => globalThis.probe?.violations ?? []).catch(() => [])));
    assert.deepEqual(violations.flat(), [], "violations of the policy");
    assert.deepEqual(this.console, [], "errors on the console");
    assert.deepEqual(this.foreign, [], "requests to others than the bridge");
  }

  /** @param {string} url */
  #request(url) {
    const own = /^(data|blob|about):/.test(url) || this.#origins.some((origin) => url.replace(/^(http|ws)/, "").startsWith(origin));
    if (!own) this.foreign.push(url);
  }
}
