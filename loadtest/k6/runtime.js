// Which of its modules this k6 has. Releases before 1.6 know `k6/websockets` as
// `k6/experimental/websockets`, and old ones have no global timers. An import cannot be tried, and
// one of a module that is not there ends the run; so these files are CommonJS throughout, and the
// names stand in a list, where k6 does not look for them before it runs.
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
      // The next one, or the error below.
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
