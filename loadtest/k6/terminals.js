// Terminals through the bridge, for k6, which whoever runs this brings along; no test here runs
// it. One of five scenarios, chosen by SCENARIO; settings come from the environment:
//
//   SSHARD_URL=ws://127.0.0.1:8022/ws/127.0.0.1/2222 SSHARD_USER=me SSHARD_PASSWORD=... \
//       SCENARIO=typing VUS=10 SOCKETS=50 DURATION=30 k6 run loadtest/k6/terminals.js
//
//   connect-storm  log in and close, as fast as VUS allow
//   churn          RATE sets of SOCKETS a second: log in, `exit`, wait for the end
//   idle-hold      log in, stay, close
//   typing         log in, type a key every 1/KEYS seconds, time its echo
//   bulk           run COMMAND, count its output until it ends
//
//   VUS (1)  SOCKETS per VU (10)  DURATION in seconds (10)  RATE (5)  KEYS (4)
//   COMMAND (head -c 16777216 /dev/zero)  READY_MS, ECHO_MS: thresholds of p99 (2000, 500)
//   SUMMARY: a file for the result as JSON
//
// A keystroke's time counts from when it should have been typed, not from when it was: a
// generator or bridge that falls behind shows in the figures. A VU starts its sockets together.
//
// CommonJS throughout: the module's name differs between releases, and an import cannot be tried.
'use strict';

const { Counter, Rate, Trend } = require('k6/metrics');

function firstOf(names) {
  let last;
  for (const name of names) {
    try {
      return require(name);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

const { WebSocket } = firstOf(['k6/websockets', 'k6/experimental/websockets']);
const { setTimeout } =
  typeof globalThis.setTimeout === 'function'
    ? globalThis
    : firstOf(['k6/timers', 'k6/experimental/timers']);

function number(name, fallback) {
  const value = Number(__ENV[name] || fallback);
  if (!(value > 0)) {
    throw new Error(`${name} is to be a number above 0`);
  }
  return value;
}

const URL = __ENV.SSHARD_URL;
const SCENARIO = __ENV.SCENARIO || 'connect-storm';
const VUS = number('VUS', 1);
const SOCKETS = number('SOCKETS', 10);
const DURATION = number('DURATION', 10);
const RATE = number('RATE', 5);
const KEY_MS = 1000 / number('KEYS', 4);
const COMMAND = __ENV.COMMAND || 'head -c 16777216 /dev/zero';
// For logins and ends beside DURATION.
const GRACE = 30;

if (!URL || !__ENV.SSHARD_USER) {
  throw new Error('set SSHARD_URL, SSHARD_USER and SSHARD_PASSWORD');
}

const failed = new Rate('session_failed');
const ready = new Trend('session_ready', true);
const echo = new Trend('key_echo', true);
const keys = new Counter('keys');
const output = new Counter('output_bytes');
const ends = new Counter('session_ends');

// Each gets a live session: what to do when it is ready, and with every chunk of output.
const SCENARIOS = {
  'connect-storm': {
    executor: { executor: 'constant-vus', vus: VUS, duration: `${DURATION}s` },
    ready: (session) => session.close(),
  },
  churn: {
    executor: {
      executor: 'constant-arrival-rate',
      rate: RATE,
      timeUnit: '1s',
      duration: `${DURATION}s`,
      preAllocatedVUs: VUS,
      maxVUs: VUS * 10,
    },
    ready: (session) => session.type('exit\r'),
  },
  'idle-hold': {
    executor: { executor: 'per-vu-iterations', vus: VUS, iterations: 1 },
    ready: (session) => setTimeout(() => session.close(), DURATION * 1000),
  },
  typing: {
    executor: { executor: 'per-vu-iterations', vus: VUS, iterations: 1 },
    ready: typist,
  },
  bulk: {
    executor: { executor: 'per-vu-iterations', vus: VUS, iterations: 1 },
    command: COMMAND,
    ready: () => {},
  },
};

const scenario = SCENARIOS[SCENARIO];
if (!scenario) {
  throw new Error(`SCENARIO is one of ${Object.keys(SCENARIOS).join(', ')}`);
}

exports.options = {
  scenarios: {
    [SCENARIO]: Object.assign({}, scenario.executor, {
      gracefulStop: `${GRACE}s`,
    }, scenario.executor.executor === 'per-vu-iterations'
      ? { maxDuration: `${DURATION + GRACE}s` }
      : {}),
  },
  thresholds: {
    session_failed: ['rate<0.01'],
    session_ready: [`p(99)<${number('READY_MS', 2000)}`],
    key_echo: [`p(99)<${number('ECHO_MS', 500)}`],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
};

function bytes(text) {
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    array[i] = text.charCodeAt(i);
  }
  return array.buffer;
}

// Types until DURATION is over. One key is on its way at a time: an echo that is late delays the
// next key, whose time counts from when it was due.
function typist(session) {
  const first = Date.now() + KEY_MS * Math.random();
  let count = 0;
  let waiting = null;
  const next = () => {
    const due = first + count * KEY_MS;
    if (due - first >= DURATION * 1000) {
      session.close();
      return;
    }
    count += 1;
    setTimeout(() => {
      waiting = due;
      keys.add(1);
      session.type('x');
    }, Math.max(0, due - Date.now()));
  };
  session.onOutput = (data) => {
    // The prompt and its like come before the first key.
    if (waiting !== null && new Uint8Array(data).includes(0x78)) {
      echo.add(Date.now() - waiting);
      waiting = null;
      next();
    }
  };
  next();
}

// One session from upgrade to close.
function open() {
  const started = Date.now();
  const socket = new WebSocket(URL, 'sshard.v1');
  socket.binaryType = 'arraybuffer';
  let up = false;
  let good = false;
  let over = false;
  const session = {
    onOutput: null,
    type: (text) => socket.send(bytes(text)),
    close: () => {
      good = true;
      socket.send(JSON.stringify({ type: 'close' }));
    },
  };
  const end = (why) => {
    if (!over) {
      over = true;
      failed.add(!good);
      ends.add(1, { reason: why });
    }
  };
  const auth = { type: 'auth', username: __ENV.SSHARD_USER, password: __ENV.SSHARD_PASSWORD };
  if (scenario.command) {
    auth.command = scenario.command;
  }
  socket.onmessage = (event) => {
    if (typeof event.data !== 'string') {
      output.add(event.data.byteLength);
      if (session.onOutput) {
        session.onOutput(event.data);
      }
      return;
    }
    const message = JSON.parse(event.data);
    if (message.type === 'hello') {
      socket.send(JSON.stringify(auth));
    } else if (message.type === 'ready') {
      up = true;
      ready.add(Date.now() - started);
      scenario.ready(session);
    } else if (message.type === 'exit') {
      good = up && message.status === 0;
    } else if (message.type === 'error') {
      end(message.code);
    }
  };
  socket.onclose = () => end(good ? 'done' : 'lost');
  socket.onerror = () => end('socket');
}

exports.default = function () {
  for (let i = 0; i < SOCKETS; i++) {
    open();
  }
};

// Rows of name, count or rate, percentiles.
function table(data) {
  const value = (name, what) => {
    const metric = data.metrics[name];
    const found = metric && metric.values[what];
    return found === undefined ? null : found;
  };
  const shown = (found, unit, digits) => (found === null ? '-' : found.toFixed(digits) + unit);
  const lines = [`scenario            ${SCENARIO}, ${VUS} VUs of ${SOCKETS} sockets`];
  const line = (name, text) => lines.push(name.padEnd(20) + text);
  line('sessions', shown(value('session_ends', 'count'), '', 0));
  line('failed', shown(value('session_failed', 'rate') === null ? null : value('session_failed', 'rate') * 100, ' %', 2));
  for (const [name, metric] of [['ready', 'session_ready'], ['echo', 'key_echo']]) {
    if (value(metric, 'med') !== null) {
      const parts = ['med', 'p(95)', 'p(99)', 'max'].map((p) => `${p} ${shown(value(metric, p), ' ms', 1)}`);
      line(name, parts.join('  '));
    }
  }
  line('keys', shown(value('keys', 'count'), '', 0));
  const rate = value('output_bytes', 'rate');
  line('output', `${shown(rate === null ? null : rate / 1048576, ' MiB/s', 2)}`);
  for (const name of Object.keys(data.metrics)) {
    const thresholds = data.metrics[name].thresholds || {};
    for (const limit of Object.keys(thresholds)) {
      line(thresholds[limit].ok ? 'passed' : 'FAILED', `${name} ${limit}`);
    }
  }
  return lines.join('\n') + '\n';
}

exports.handleSummary = function (data) {
  const files = { stdout: table(data) };
  if (__ENV.SUMMARY) {
    files[__ENV.SUMMARY] = JSON.stringify({ scenario: SCENARIO, metrics: data.metrics }, null, 2);
  }
  return files;
};
