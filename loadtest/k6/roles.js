// Behaviour of one session, by role. Times count from the intended time, not from the actual send.
'use strict';

const { Counter, Trend } = require('k6/metrics');
const settings = require('./settings.js');

const echo = new Trend('key_echo', true);
const paste = new Trend('paste_back', true);
const bulk = new Trend('bulk_done', true);
const interrupted = new Trend('ctrl_c_seen', true);
const silent = new Trend('ctrl_c_silence', true);
const keys = new Counter('keys');
const pastes = new Counter('pastes');

/** @typedef {import('./types').Role} Role */

const MIB = 1024 * 1024;
const KEY = 'x';
const CTRL_C = '\x03';
// Size of one message of a paste.
const CHUNK = 8192;
// Longest wait for outstanding answers after the last send.
const GRACE_MS = 5000;
// Interval between the reads of a slow reader.
const READ_MS = 50;
// Time without output after which it counts as ended.
const SILENCE_MS = 500;
// Marker that the sink prints before the time of the interrupt, in nanoseconds since 1970.
const MARK = /\^C at (\d+)\n/;
const CARET = '^'.charCodeAt(0);
// More bytes than the marker and its time have.
const MARK_BYTES = 64;

/**
 * @param {Role['ready']} ready
 * @returns {Role}
 */
function echoing(ready) {
  return { user: settings.user || 'echo', command: '', echoes: true, ready: ready };
}

/**
 * @param {Role['ready']} ready
 * @returns {Role}
 */
function flooding(ready) {
  const user = settings.user || 'flood';
  return { user: user, command: settings.command, echoes: false, ready: ready };
}

/**
 * Calls `send()` RATE times a second for DURATION from now on, and closes the session when all are
 * answered, or lets it fail after `graceMs`. A timer that fires late makes up for what was due.
 *
 * @param {import('./types').Session} session
 * @param {() => void} send
 * @param {string} missing what sends without an answer are, for the failure
 * @param {number} graceMs
 * @returns {(trend: Trend, tags?: Record<string, string>) => boolean} adds the time of the oldest send
 *   without an answer; false if there is none
 */
function exchange(session, send, missing, graceMs) {
  const gap = 1000 / settings.rate;
  const count = Math.max(1, Math.floor(settings.duration / gap));
  const first = Date.now() + gap * Math.random();
  /** @type {number[]} when each was due */
  const waiting = [];
  let done = 0;
  const check = () => done === count && waiting.length === 0 && session.close();
  const sendDue = () => {
    while (done < count && first + done * gap <= Date.now()) {
      waiting.push(first + done * gap);
      done += 1;
      send();
    }
    if (done < count) {
      session.after(first + done * gap - Date.now(), sendDue);
    } else {
      session.after(graceMs, () => session.fail(`${waiting.length} ${missing}`));
      check();
    }
  };
  sendDue();
  return (trend, tags) => {
    const due = waiting.shift();
    if (due === undefined) {
      return false;
    }
    trend.add(Date.now() - due, tags || {});
    check();
    return true;
  };
}

/**
 * Types for DURATION without waiting for echoes, then waits for those that are missing.
 *
 * @param {string} phase
 * @param {boolean} resizes
 */
function typist(phase, resizes) {
  return echoing((session) => {
    let wider = 0;
    const type = () => {
      if (resizes) {
        wider = 1 - wider;
        session.resize(80 + wider, 24);
      }
      keys.add(1);
      session.type(KEY);
    };
    const answered = exchange(session, type, 'keys without an echo', GRACE_MS);
    session.onOutput = (bytes) => {
      for (const byte of bytes) {
        if (byte === KEY.charCodeAt(0)) {
          answered(echo, phase ? { phase: phase } : {});
        }
      }
    };
  });
}

// Sends pastes with at most the session's input window unacknowledged, and waits until each is
// echoed whole.
function paster() {
  return echoing((session) => {
    let left = 0;
    let sent = 0;
    let acked = 0;
    let came = 0;
    const pump = () => {
      while (left > 0 && sent - acked < session.inputWindow) {
        const room = session.inputWindow - (sent - acked);
        const count = Math.min(CHUNK, left, room);
        session.type(new Uint8Array(count).fill(112));
        sent += count;
        left -= count;
      }
    };
    session.onAck = (total) => {
      acked = total;
      pump();
    };
    const send = () => {
      pastes.add(1);
      left += settings.pasteBytes;
      pump();
    };
    const answered = exchange(session, send, 'pastes not back', GRACE_MS + settings.duration);
    session.onOutput = (bytes) => {
      came += bytes.length;
      while (came >= settings.pasteBytes && answered(paste)) {
        came -= settings.pasteBytes;
      }
    };
  });
}

// Reads output until the remote process ends; that of the sink is counted to the byte.
function bulkReader() {
  /** @type {Role['ready']} */
  const ready = (session) => {
    let came = 0;
    session.onOutput = (bytes) => {
      came += bytes.length;
    };
    session.onEnd = (good) => {
      if (good && !settings.user && came !== settings.mib * MIB) {
        session.good = false;
        session.why = `${came} of ${settings.mib * MIB} bytes came`;
      } else if (good) {
        bulk.add(Date.now() - session.intended);
      }
    };
  };
  const user = settings.user || `bulk-${settings.mib}`;
  return { user: user, command: settings.command, endsItself: true, ready: ready };
}

// With endless output: acknowledges BYTES_PER_SECOND for DURATION, then types Ctrl-C, reads on at full
// speed and notes when the remote side saw it and when the output stopped. A pause before it was seen is
// TCP's, between a full buffer and its next window probe.
function slowReader() {
  const role = flooding((session) => {
    const began = Date.now();
    let came = 0;
    let told = 0;
    let last = 0;
    let typed = 0;
    let tail = '';
    let seen = false;
    const tell = (/** @type {number} */ total) => {
      if (total > told) {
        told = total;
        session.ack(total);
      }
    };
    const read = () => {
      const now = Date.now();
      if (now - began < settings.duration) {
        tell(Math.min(came, Math.floor(((now - began) * settings.bytesPerSecond) / 1000)));
        session.after(READ_MS, read);
        return;
      }
      typed = now;
      last = now;
      session.type(CTRL_C);
      tell(came);
      listen();
    };
    const listen = () => {
      if (seen && Date.now() - last >= SILENCE_MS) {
        silent.add(last - typed);
        session.close();
      } else if (Date.now() - typed > GRACE_MS + settings.duration) {
        session.fail(seen ? 'output goes on after Ctrl-C' : 'Ctrl-C was not seen');
      } else {
        session.after(READ_MS, listen);
      }
    };
    session.onOutput = (bytes) => {
      came += bytes.length;
      if (typed) {
        last = Date.now();
        tell(came);
        // The marker may span two messages, and output that was queued before may follow it in the same one.
        const caret = bytes.lastIndexOf(CARET);
        const from = Math.max(0, caret);
        const text = String.fromCharCode(...bytes.slice(from, from + MARK_BYTES));
        tail = ((caret < 0 ? tail : '') + text).slice(0, MARK_BYTES);
        const mark = seen ? null : MARK.exec(tail);
        if (mark) {
          interrupted.add(Math.max(0, Number(String(mark[1]).slice(0, -6)) - typed));
        }
        seen = seen || mark !== null || !marks;
      }
    };
    read();
  });
  // Mode of the sink that prints the marker; from anything else, the first output after the key is taken for a sign of it.
  const marks = (role.command || role.user) === 'flood';
  role.flowWindow = settings.window;
  return role;
}

/**
 * Takes a flood for so long.
 *
 * @param {number} ms
 */
function flooder(ms) {
  return flooding((session) => session.after(ms, () => session.close()));
}

/**
 * Stays for so long, then types a key to show that it is alive.
 *
 * @param {number} ms
 */
function holder(ms) {
  return echoing((session) => {
    session.after(ms, () => {
      const due = Date.now();
      keys.add(1);
      session.onOutput = () => {
        echo.add(Date.now() - due);
        session.close();
      };
      session.after(GRACE_MS, () => session.fail('no echo after the hold'));
      session.type(KEY);
    });
  });
}

/**
 * Is there until somebody closes it, or for so long.
 *
 * @param {number} [ms]
 */
function visitor(ms) {
  return echoing((session) => {
    if (ms !== undefined) {
      session.after(ms, () => session.close());
    }
  });
}

module.exports = { GRACE_MS, typist, paster, bulkReader, slowReader, flooder, holder, visitor };
