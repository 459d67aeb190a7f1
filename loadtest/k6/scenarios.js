// Scenarios: the VUs, and the times at which each opens its sessions. A VU runs one iteration with
// many sockets. All VUs share one schedule: of N VUs, each has every N-th of its times.
'use strict';

const exec = require('k6/execution');
const { setTimeout } = require('./runtime.js');
const settings = require('./settings.js');
const roles = require('./roles.js');
const { Session, notBegun } = require('./terminal.js');

// Time from the start of the bulk output to the typing beside it.
const PAUSE_MS = 1000;

/** @typedef {import('./types').Role} Role */

/**
 * Calls `open(intended)` for k from 0 while `more(k, after)`, `perSecond` times a second over all
 * `vus`; `after` counts from the first.
 *
 * @param {number} perSecond
 * @param {number} vus
 * @param {(k: number, after: number) => boolean} more
 * @param {(intended: number) => void} open
 */
function pace(perSecond, vus, more, open) {
  const gap = 1000 / perSecond;
  const start = Date.now() + exec.scenario.iterationInTest * gap;
  let k = 0;
  const openDue = () => {
    for (;;) {
      const intended = start + k * gap * vus;
      if (!more(k, intended - start)) {
        return;
      }
      if (intended > Date.now()) {
        setTimeout(openDue, Math.max(1, intended - Date.now()));
        return;
      }
      open(intended);
      k += 1;
    }
  };
  openDue();
}

/**
 * @param {number} sockets
 * @param {number} vus
 * @param {() => Role} role
 */
function openAll(sockets, vus, role) {
  pace(settings.openRate, vus, (k) => k < sockets, (intended) => new Session(role(), intended));
}

// SOCKETS of each VU at RATE, held until the VU's own are all ready or have failed.
function connectStorm() {
  /** @type {import('./types').Session[]} */
  const sessions = [];
  let settled = 0;
  const oneSettled = () => {
    settled += 1;
    if (settled === settings.sockets) {
      sessions.forEach((session) => session.ended || session.close());
    }
  };
  const open = (/** @type {number} */ intended) => {
    sessions.push(new Session(roles.visitor(), intended, oneSettled));
  };
  pace(settings.rate, settings.vus, (k) => k < settings.sockets, open);
}

// At RATE for DURATION, each closed HOLD after it was ready; at most SOCKETS of a VU at a time.
function churn() {
  let live = 0;
  const open = (/** @type {number} */ intended) => {
    if (live >= settings.sockets) {
      notBegun('overrun');
      return;
    }
    live += 1;
    const role = roles.visitor(settings.hold);
    const ready = role.ready;
    role.ready = (session) => {
      session.onEnd = () => {
        live -= 1;
      };
      ready(session);
    };
    // A session that never was ready frees its slot, too.
    new Session(role, intended, (session) => {
      live -= session.up ? 0 : 1;
    });
  };
  pace(settings.rate, settings.vus, (_, after) => after < settings.duration, open);
}

const opening = ((settings.vus * settings.sockets) / settings.openRate) * 1000;
// Typing sessions, from the first open to the last close.
const wholePhase = opening + settings.duration + roles.GRACE_MS;

const all = (/** @type {() => Role} */ role) => () => openAll(settings.sockets, settings.vus, role);
/** @type {Record<string, () => void>} */
const RUNS = {
  'connect-storm': connectStorm,
  churn: churn,
  'idle-hold': all(() => roles.holder(settings.duration)),
  typing: all(() => roles.typist('', false)),
  resize: all(() => roles.typist('', true)),
  'bulk-output': all(() => roles.bulkReader()),
  paste: all(() => roles.paster()),
  'slow-reader': all(() => roles.slowReader()),
};

// Functions that VUs execute, by name.
const entries = {
  default: () => {
    const run = RUNS[settings.scenario];
    if (!run) {
      throw new Error(`${settings.scenario} runs by other names`);
    }
    run();
  },
  quiet: all(() => roles.typist('quiet', false)),
  beside: all(() => roles.typist('beside', false)),
  // One VU reads the bulk output, so that the VUs of the typing sessions do not.
  flood: () => openAll(settings.flooders, 1, () => roles.flooder(wholePhase + PAUSE_MS)),
};

/** @param {number} ms */
function seconds(ms) {
  return `${Math.ceil(ms / 1000)}s`;
}

/**
 * @param {number} vus
 * @param {number} startMs
 * @param {keyof typeof entries} fn
 * @returns {import('k6/options').Scenario}
 */
function once(vus, startMs, fn) {
  // Each step of a session has its own deadline; this one ends a generator that hangs.
  const longest = opening + 3 * settings.duration + settings.readyDeadline + 6 * roles.GRACE_MS;
  const storm = ((settings.vus * settings.sockets) / settings.rate) * 1000;
  return {
    executor: 'per-vu-iterations',
    vus: vus,
    iterations: 1,
    startTime: seconds(startMs),
    maxDuration: seconds(longest + (settings.scenario === 'connect-storm' ? storm : 0)),
    gracefulStop: '10s',
    exec: fn,
  };
}

/** @returns {import('k6/options').Options} */
function options() {
  /** @type {NonNullable<import('k6/options').Options['thresholds']>} */
  const thresholds = {
    session_failed: ['rate<0.01'],
    session_ready: [`p(99)<${settings.readyMs}`],
  };
  if (['typing', 'resize', 'idle-hold'].indexOf(settings.scenario) >= 0) {
    thresholds.key_echo = [`p(99)<${settings.echoMs}`];
  }
  /** @type {NonNullable<import('k6/options').Options['scenarios']>} */
  const scenarios = {};
  if (settings.scenario === 'noisy-neighbour') {
    scenarios.quiet = once(settings.vus, 0, 'quiet');
    scenarios.flood = once(1, wholePhase, 'flood');
    scenarios.beside = once(settings.vus, wholePhase + PAUSE_MS, 'beside');
    // Thresholds also make k6 list the two separately.
    thresholds['key_echo{phase:quiet}'] = [`p(99)<${settings.echoMs}`];
    thresholds['key_echo{phase:beside}'] = [`p(99)<${settings.echoMs}`];
  } else {
    scenarios[settings.scenario] = once(settings.vus, 0, 'default');
  }
  return {
    scenarios: scenarios,
    thresholds: thresholds,
    summaryTrendStats: ['count', 'avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
  };
}

module.exports = { entries, options };
