// One session with the bridge, from upgrade to close, in both dialects, with its metrics.
'use strict';

const { Counter, Rate, Trend } = require('k6/metrics');
const { WebSocket, setTimeout, clearTimeout } = require('./runtime.js');
const settings = require('./settings.js');

const failed = new Rate('session_failed');
const ready = new Trend('session_ready', true);
const output = new Counter('output_bytes');
const ends = new Counter('session_ends');

// Input that a compatible client sends to detect the shell by its echo.
const PROBE = '.';
// Longest wait for the bridge's close frame.
const CLOSING_MS = 5000;
// Failures that each VU prints; the others are counted.
let toPrint = 3;

/** @param {string} text */
function bytesOf(text) {
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    array[i] = text.charCodeAt(i);
  }
  return array;
}

// Session that was not started, and is not counted.
/** @param {string} why */
function notBegun(why) {
  failed.add(true);
  ends.add(1, { reason: why });
}

// `role` has the login and the behaviour:
//   user, command   the latter only in sshard.v1; empty for a login shell
//   flowWindow      output is acknowledged, by session.ack (sshard.v1)
//   echoes          input is echoed, and there is no other output
//   endsItself      the session succeeds when the remote process exits with status 0
//   ready(session)  the session is ready; may set session.onOutput (Uint8Array), .onAck (total), .onEnd (good)
class Session {
  /**
   * @param {import('./types').Role} role
   * @param {number} intended when it was due, ms since 1970
   * @param {(session: Session) => void} [onSettled] called once, when it is ready or has failed before
   */
  constructor(role, intended, onSettled) {
    this.role = role;
    this.intended = intended;
    this.onSettled = onSettled || (() => {});
    /** @type {(bytes: Uint8Array) => void} */
    this.onOutput = () => {};
    /** @type {(total: number) => void} */
    this.onAck = () => {};
    /** @type {(good: boolean) => void} */
    this.onEnd = () => {};
    this.inputWindow = Infinity;
    this.up = false;
    this.good = false;
    this.ended = false;
    this.why = '';
    /** @type {Set<number>} */
    this.timers = new Set();
    const v1 = settings.dialect === 'v1';
    this.socket = new WebSocket(settings.url, v1 ? 'sshard.v1' : undefined);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => this.message(event.data);
    this.socket.onerror = (event) => this.noteCause(`socket: ${event?.error}`);
    this.socket.onclose = (event) => this.closed(event || {});
    this.after(settings.readyDeadline, () => this.up || this.fail('never ready'));
  }

  opened() {
    if (this.ended) {
      this.socket.close();
    } else if (settings.dialect === 'compatible') {
      this.send(JSON.stringify(this.login()) + (this.role.echoes ? PROBE : ''));
    }
  }

  login() {
    /** @type {Record<string, string | number>} */
    const login = { username: this.role.user, password: settings.password };
    if (settings.dialect === 'v1') {
      login.type = 'auth';
      if (this.role.command) {
        login.command = this.role.command;
      }
      if (this.role.flowWindow) {
        login.flow_window = this.role.flowWindow;
      }
    }
    return login;
  }

  /** @param {string | ArrayBuffer} data */
  message(data) {
    if (this.ended) {
      return;
    }
    if (typeof data !== 'string') {
      output.add(data.byteLength);
      const first = !this.up;
      if (first) {
        this.isReady();
      }
      // The echo of the probe is no answer to a key.
      if (!first || !this.role.echoes) {
        this.onOutput(new Uint8Array(data));
      }
      return;
    }
    /** @type {import('./types').BridgeMessage} */
    const message = JSON.parse(data);
    if (message.type === 'hello') {
      this.send(JSON.stringify(this.login()));
    } else if (message.type === 'ready') {
      this.inputWindow = message.input_window || Infinity;
      this.isReady();
    } else if (message.type === 'input_ack') {
      this.onAck(message.bytes);
    } else if (message.type === 'exit') {
      this.good = this.up && Boolean(this.role.endsItself) && message.status === 0;
      this.noteCause(`exit status ${message.status}`);
    } else if (message.type === 'error') {
      this.noteCause(message.code);
    } else if (message.type === 'prompt' || message.type === 'host_key') {
      this.fail(`asked: ${message.type}`);
    }
  }

  isReady() {
    this.up = true;
    ready.add(Date.now() - this.intended);
    this.settle();
    this.role.ready(this);
  }

  settle() {
    const settled = this.onSettled;
    this.onSettled = () => {};
    settled(this);
  }

  /**
   * Runs `todo` later, unless the session has ended by then.
   *
   * @param {number} ms
   * @param {() => void} todo
   */
  after(ms, todo) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      todo();
    }, Math.max(1, ms));
    this.timers.add(timer);
  }

  /** @param {string | Uint8Array<ArrayBuffer>} input bytes, or text whose characters are bytes */
  type(input) {
    this.send(typeof input === 'string' ? bytesOf(input) : input);
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  send(data) {
    // Between a close and its answer k6 throws on send.
    if (this.socket.readyState === 1) {
      this.socket.send(typeof data === 'string' ? data : data.buffer);
    }
  }

  /**
   * @param {number} cols
   * @param {number} rows
   */
  resize(cols, rows) {
    const word = settings.dialect === 'v1' ? 'type' : 'action';
    this.send(JSON.stringify({ [word]: 'resize', cols: cols, rows: rows }));
  }

  /** @param {number} total */
  ack(total) {
    this.send(JSON.stringify({ type: 'ack', bytes: total }));
  }

  // The client ends the session successfully.
  close() {
    this.good = true;
    this.hangUp();
  }

  /** @param {string} why */
  fail(why) {
    this.good = false;
    this.noteCause(why);
    this.hangUp();
  }

  /** @param {string} why */
  noteCause(why) {
    this.why = this.why || why;
  }

  hangUp() {
    this.clear();
    if (this.socket.readyState === 0) {
      // k6's close() would wait for a connection that may never open.
      this.closed({ reason: 'never open' });
      return;
    }
    this.after(CLOSING_MS, () => {
      this.good = false;
      this.closed({ reason: 'was not answered' });
    });
    this.socket.close();
  }

  clear() {
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
  }

  /** @param {import('./types').CloseEvent} event */
  closed(event) {
    if (this.ended) {
      return;
    }
    this.ended = true;
    this.clear();
    if (this.role.endsItself && settings.dialect === 'compatible' && this.up) {
      // Releases that do not report the reason report an abnormal close as an error.
      this.good = event.reason === undefined ? !this.why : event.reason === 'exit=0';
    }
    // The bridge's `error` says more than the close that follows it.
    this.noteCause(`close ${event.code || ''} ${event.reason || ''}`.trim());
    this.onEnd(this.good);
    failed.add(!this.good);
    ends.add(1, { reason: this.good ? 'done' : this.why });
    if (!this.good && toPrint > 0) {
      toPrint -= 1;
      console.warn(`a session failed: ${this.why}`);
    }
    this.settle();
  }
}

module.exports = { Session, notBegun };
