// Modules of the running k6. Releases before 1.6 have `k6/websockets` as
// `k6/experimental/websockets`, and old ones have no global timers. A failed
// import ends the run and cannot be caught, so these files are CommonJS, and the names are in a list,
// where k6 does not resolve them before it runs.
'use strict';

/**
 * The first of these modules that has what is wanted. Some releases throw for a module they do not
 * know, others give an empty one.
 *
 * @param {string} wanted
 * @param {string[]} names
 */
function firstWith(wanted, names) {
  for (const name of names) {
    try {
      const module = require(name);
      if (module && module[wanted]) {
        return module;
      }
    } catch {
      // Try the next one; the error is below.
    }
  }
  throw new Error(`this k6 has none of ${names.join(', ')}`);
}

/** @type {{ WebSocket: import('./types').SocketClass }} */
const { WebSocket } = firstWith('WebSocket', ['k6/websockets', 'k6/experimental/websockets']);
/** @typedef {typeof import('k6/timers')} Timers */
const own = /** @type {Partial<Timers>} */ (/** @type {unknown} */ (globalThis));
/** @type {Timers} */
const timers =
  typeof own.setTimeout === 'function'
    ? /** @type {Timers} */ (own)
    : firstWith('setTimeout', ['k6/timers', 'k6/experimental/timers']);

module.exports = { WebSocket, setTimeout: timers.setTimeout, clearTimeout: timers.clearTimeout };
