// A stand-in for k6, for Node 18 or later and the package `ws`: the modules, options and summary
// that the scripts of loadtest/k6 use, as k6's documentation describes them. It shows the effect of the
// scripts on a bridge; it does not show that k6 runs them.
//
//   NODE_PATH=/usr/share/nodejs node stand-in.js SCRIPT      settings: the environment
//
// STAND_IN_WITHOUT=NAME leaves a module out, like a release that throws for it; with `NAME:empty` like
// one with an empty module. Exit status as k6's: 0, 99 for a threshold, 107 for a script's
// error; 108 when a scenario exceeded its time.
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const ws = require('ws');

const env = process.env;

const metrics = {};

function fail(text, status) {
  process.stderr.write(`stand-in: ${text}\n`);
  process.exit(status);
}

function metric(type) {
  return class {
    constructor(name, isTime) {
      // Every VU constructs its metrics; those of one name are shared.
      const known = metrics[name] || { type, contains: isTime ? 'time' : 'default', samples: [] };
      if (known.type !== type) {
        throw new Error(`metric ${name} is a ${known.type}`);
      }
      metrics[name] = known;
      this.known = known;
    }

    add(value, tags) {
      if (!Number.isFinite(Number(value))) {
        throw new Error(`not a number: ${value}`);
      }
      this.known.samples.push({ value: Number(value), tags: tags || {} });
    }
  };
}

// k6's WebSocket: no message once it is closing, `error` as text, only these ways to send.
class WebSocket {
  constructor(url, protocols) {
    const socket = new ws(url, protocols === undefined ? [] : protocols);
    this.socket = socket;
    this.binaryType = 'blob';
    socket.on('open', () => this.call('onopen', {}));
    socket.on('error', (error) => this.call('onerror', { error: error.message }));
    socket.on('close', (code, reason) => {
      this.call('onclose', { code: code, reason: reason.toString() });
    });
    socket.on('message', (data, isBinary) => {
      if (this.readyState !== ws.OPEN) {
        return;
      }
      if (isBinary && this.binaryType !== 'arraybuffer') {
        fail('a Blob is not what the scripts work with', 107);
      }
      const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
      this.call('onmessage', { data: isBinary ? bytes : data.toString() });
    });
  }

  call(name, event) {
    if (this[name]) {
      this[name](event);
    }
  }

  get readyState() {
    return this.socket.readyState;
  }

  send(data) {
    if (this.readyState !== ws.OPEN) {
      throw new Error('InvalidStateError');
    }
    if (typeof data !== 'string' && !(data instanceof ArrayBuffer)) {
      throw new Error('the stand-in sends text and ArrayBuffers');
    }
    this.socket.send(data, { binary: typeof data !== 'string' });
  }

  close(code, reason) {
    if (this.readyState === ws.CONNECTING) {
      fail('close() of a socket that connects would block k6', 107);
    }
    this.socket.close(code === undefined ? 1000 : code, reason);
  }
}

const MODULES = {
  'k6/metrics': { Counter: metric('counter'), Rate: metric('rate'), Trend: metric('trend') },
  'k6/websockets': { WebSocket },
  'k6/experimental/websockets': { WebSocket },
};

// What `require('k6/execution')` gives a VU while its script is loaded and run.
let execution = {};
const load = Module._load;
Module._load = function (request, parent, isMain) {
  if (!request.startsWith('k6')) {
    return load.call(this, request, parent, isMain);
  }
  const [without, how] = (env.STAND_IN_WITHOUT || '').split(':');
  if (request === without && how === 'empty') {
    return {};
  }
  const found = request === 'k6/execution' ? execution : MODULES[request];
  if (!found || request === without) {
    throw new Error(`unknown module: ${request}`);
  }
  return found;
};

// A script of its own for each VU, as in k6: no VU sees another's variables.
function freshScript(script, context) {
  const folder = path.dirname(script);
  for (const name of Object.keys(require.cache)) {
    if (name.startsWith(folder)) {
      delete require.cache[name];
    }
  }
  execution = context;
  return require(script);
}

function milliseconds(text) {
  const match = /^(\d+)s$/.exec(text || '0s');
  return match ? Number(match[1]) * 1000 : fail(`a duration the stand-in does not know: ${text}`, 107);
}

function schedule(script, options) {
  let last = 0;
  for (const [name, scenario] of Object.entries(options.scenarios)) {
    if (scenario.executor !== 'per-vu-iterations' || scenario.iterations !== 1) {
      fail(`an executor the stand-in does not know: ${scenario.executor}`, 107);
    }
    const start = milliseconds(scenario.startTime);
    last = Math.max(last, start + milliseconds(scenario.maxDuration) + milliseconds(scenario.gracefulStop));
    for (let index = 0; index < scenario.vus; index++) {
      const vu = freshScript(script, { scenario: { name, iterationInTest: index } });
      setTimeout(vu[scenario.exec || 'default'], start);
    }
  }
  // Iterations end by themselves: with the last socket and timer, Node has nothing left to do.
  setTimeout(() => fail('a scenario is not done after its maxDuration', 108), last).unref();
}

// Between the two nearest samples, as k6 has it.
function percentile(sorted, percent) {
  const at = (percent / 100) * Math.max(0, sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] || 0, sorted[Math.ceil(at)] || 0];
  return low + (high - low) * (at - Math.floor(at));
}

function stat(sorted, name) {
  const match = /^p\(([\d.]+)\)$/.exec(name);
  const sum = sorted.reduce((total, value) => total + value, 0);
  const known = {
    count: sorted.length,
    avg: sorted.length ? sum / sorted.length : 0,
    min: sorted[0] || 0,
    med: percentile(sorted, 50),
    max: sorted[sorted.length - 1] || 0,
  };
  if (match) {
    return percentile(sorted, Number(match[1]));
  }
  return name in known ? known[name] : fail(`no such statistic of a trend: ${name}`, 107);
}

function valuesOf(type, samples, options, seconds) {
  const values = samples.map((sample) => sample.value);
  const sum = values.reduce((total, value) => total + value, 0);
  if (type === 'counter') {
    return { count: sum, rate: sum / seconds };
  }
  if (type === 'rate') {
    const passes = values.filter((value) => value !== 0).length;
    const rate = values.length ? passes / values.length : 0;
    return { rate, passes, fails: values.length - passes };
  }
  const sorted = Float64Array.from(values).sort();
  return Object.fromEntries(options.summaryTrendStats.map((name) => [name, stat(sorted, name)]));
}

function summarise(options, seconds) {
  const summary = {};
  for (const [name, known] of Object.entries(metrics)) {
    const values = valuesOf(known.type, known.samples, options, seconds);
    summary[name] = { type: known.type, contains: known.contains, values };
  }
  for (const [name, limits] of Object.entries(options.thresholds)) {
    const [, base, tag, wanted] = /^(\w+)(?:\{(\w+):(\w+)\})?$/.exec(name);
    const known = metrics[base] || fail(`a threshold of no metric: ${name}`, 107);
    const samples = known.samples.filter((sample) => !tag || sample.tags[tag] === wanted);
    const values = valuesOf(known.type, samples, options, seconds);
    const thresholds = {};
    for (const limit of limits) {
      // The one comparison of the scripts.
      const [, what, bound] = /^(.+?)<([\d.]+)$/.exec(limit);
      if (!(what in values)) {
        fail(`a ${known.type} has no ${what}: ${name} ${limit}`, 107);
      }
      thresholds[limit] = { ok: values[what] < Number(bound) };
    }
    summary[name] = { type: known.type, contains: known.contains, values, thresholds };
  }
  return summary;
}

function main() {
  process.on('uncaughtException', (error) => fail(error.stack, 107));
  const script = path.resolve(process.argv[2]);
  globalThis.__ENV = Object.assign({}, env);
  const first = freshScript(script, {});
  const began = Date.now();
  schedule(script, first.options);
  process.on('beforeExit', () => {
    const ms = Date.now() - began;
    const summary = summarise(first.options, ms / 1000);
    const files = first.handleSummary({ metrics: summary, state: { testRunDurationMs: ms }, options: {} });
    for (const [name, text] of Object.entries(files)) {
      if (name === 'stdout') {
        process.stdout.write(text);
      } else {
        fs.writeFileSync(name, text);
      }
    }
    const limits = Object.values(summary).flatMap((one) => Object.values(one.thresholds || {}));
    process.exitCode = limits.every((limit) => limit.ok) ? 0 : 99;
  });
}

main();
