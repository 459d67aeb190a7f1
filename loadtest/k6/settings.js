// Settings, from the environment; the comment at the top of terminals.js lists them.
'use strict';

/**
 * @param {string} name
 * @param {number} fallback
 * @param {number} least
 */
function number(name, fallback, least) {
  const text = __ENV[name];
  const value = text === undefined || text === '' ? fallback : Number(text);
  if (!(value >= least)) {
    throw new Error(`${name} is to be a number, at least ${least}`);
  }
  return value;
}

/**
 * @param {string} name
 * @param {[string, ...string[]]} words
 */
function oneOf(name, words) {
  const word = __ENV[name] || words[0];
  if (words.indexOf(word) < 0) {
    throw new Error(`${name} is one of ${words.join(', ')}`);
  }
  return word;
}

const settings = {
  url: __ENV.SSHARD_URL || '',
  // By default, the user that selects the mode of the sink that the scenario needs.
  user: __ENV.SSHARD_USER || '',
  password: __ENV.SSHARD_PASSWORD || 'load',
  scenario: oneOf('SCENARIO', [
    'typing',
    'connect-storm',
    'churn',
    'idle-hold',
    'resize',
    'bulk-output',
    'paste',
    'slow-reader',
    'noisy-neighbour',
  ]),
  dialect: oneOf('DIALECT', ['v1', 'compatible']),
  vus: number('VUS', 1, 1),
  sockets: number('SOCKETS', 10, 1),
  rate: number('RATE', 4, 0.001),
  openRate: number('OPEN_RATE', 200, 0.001),
  duration: number('DURATION', 10, 0.1) * 1000,
  hold: number('HOLD', 0, 0) * 1000,
  mib: number('MIB', 16, 0),
  pasteBytes: number('PASTE_BYTES', 65536, 1),
  bytesPerSecond: number('BYTES_PER_SECOND', 125000, 0),
  window: number('WINDOW', 65536, 1),
  flooders: number('FLOODERS', 10, 1),
  command: __ENV.COMMAND || '',
  readyDeadline: number('READY_DEADLINE', 30, 0.1) * 1000,
  // Thresholds, ms.
  readyMs: number('READY_MS', 2000, 0),
  echoMs: number('ECHO_MS', 500, 0),
};

if (!/^wss?:\/\/.+\/ws\/.+/.test(settings.url)) {
  throw new Error('set SSHARD_URL to ws://ADDRESS:PORT/ws/HOST/PORT');
}
if (settings.scenario === 'slow-reader' && settings.dialect !== 'v1') {
  // k6 always reads its sockets; only acknowledgements can be withheld.
  throw new Error('slow-reader needs DIALECT=v1');
}

module.exports = settings;
