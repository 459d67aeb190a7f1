// Parts of the operator's page that need no browser: the history, and quantiles of histograms.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parts } from "./support/parts.mjs";

const { History, SPAN, age, latency, notices, quantile, rate } = await parts("operator", ["format", "header", "history", "quantiles"]);

/** @param {Record<string, unknown>} some */
function stats(some) {
  return {
    instance: "first", uptime_seconds: 100, active_sessions: 1, unauthenticated: 0, total_sessions: 10, failed_sessions: 0,
    input_bytes: 0, output_bytes: 0, failures: [], shards: [{ cpu_seconds: 1, input_bytes: 0, output_bytes: 0 }],
    latencies: { bounds_seconds: [1, 2], setup: { counts: [0, 0, 0] }, echo: { counts: [0, 0, 0] } }, ...some,
  };
}

test("rates are differences over time, with none over a gap or a restart; counts go on over a gap", () => {
  const history = new History();
  assert.equal(history.add(0, stats({})), false);
  assert.equal(history.latest.since, undefined);
  const failures = [{ stage: "login", cause: "login-failed", count: 3 }];
  history.add(2000, stats({
    uptime_seconds: 102, total_sessions: 14, failures, shards: [{ cpu_seconds: 2, input_bytes: 10, output_bytes: 0 }],
    latencies: { setup: { counts: [1, 0, 2] }, echo: { counts: [0, 0, 0] } },
  }));
  const { started, cpu, shardInput, setup, since } = history.latest;
  assert.deepEqual({ started, cpu, shardInput, setup, since }, { started: 2, cpu: [0.5], shardInput: [5], setup: [1, 0, 2], since: 2 });
  assert.deepEqual([...history.failures()], [["login/login-failed", 3]]);
  history.add(60_000, stats({ uptime_seconds: 160, total_sessions: 90, failures: [{ ...failures[0], count: 50 }] }));
  assert.deepEqual([history.latest.started, history.latest.since, history.failures().get("login/login-failed")], [0, undefined, 50]);
  assert.equal(history.add(62_000, stats({ instance: "second", total_sessions: 2 })), true, "it was restarted");
  assert.deepEqual([history.latest.started, history.latest.since], [0, undefined]);
  // Longer ago than the axis shows: it is not known when.
  history.add(62_000 + SPAN + 1, stats({ instance: "second", failures: [{ ...failures[0], count: 60 }] }));
  assert.deepEqual([...history.failures()], []);
});

test("a sample right after another is left out: its rates would be spikes", () => {
  const history = new History();
  history.add(0, stats({}));
  history.add(2000, stats({ total_sessions: 12 }));
  assert.equal(history.add(2050, stats({ total_sessions: 13 })), false);
  assert.deepEqual([history.points.length, history.latest.started], [2, 1]);
  history.add(4000, stats({ total_sessions: 16 }));
  assert.deepEqual([history.points.length, history.latest.started], [3, 2]);
  assert.equal(history.add(4050, stats({ instance: "second" })), true, "a restart is seen at once");
});

test("samples older than the axis are dropped", () => {
  const history = new History();
  for (let at = 0; at <= 2 * SPAN; at += 2000) history.add(at, stats({ uptime_seconds: at }));
  assert.equal(history.points.length, SPAN / 2000 + 1);
  assert.equal(history.points[0].at, SPAN);
});

test("quantiles are within their cell, and marked above the last bound", () => {
  const bounds = [1, 2, 4];
  assert.equal(quantile([0, 0, 0, 0], bounds, 0.5), undefined);
  assert.deepEqual(quantile([0, 4, 0, 0], bounds, 0.5), { value: 1.5, above: false });
  assert.deepEqual(quantile([1, 0, 1, 0], bounds, 1), { value: 4, above: false });
  assert.deepEqual(quantile([1, 0, 0, 9], bounds, 0.95), { value: 4, above: true });
});

test("numbers are rounded by their size", () => {
  assert.deepEqual([0, 0.004, 0.5, 5.04, 12.3, 1234].map(rate), ["0", "< 0.01", "0.50", "5.0", "12", "1,234"]);
  assert.deepEqual([0.0004, 0.012, 1.26, 31].map(latency), ["0.4 ms", "12 ms", "1.3 s", "31 s"]);
  assert.deepEqual([0, 59.9, 61, 3_700, 90_000].map(age), ["0s", "59s", "1m 1s", "1h 1m", "1d 1h"]);
});

test("what an operator has to act on is a notice, and nothing else is", () => {
  const day = 86_400;
  const well = {
    active_sessions: 2, audit_lost_lines: 0, health: "ready", shards: [{ shard: 0, heartbeat_age_seconds: 0.9 }], tls_expires_at: null,
  };
  /** @param {Record<string, unknown>} some @param {Record<string, unknown>} state */
  const keys = (some, state = {}) => notices({ stats: { ...well, ...some }, ...state }, 0).map((/** @type {{ key: string }} */ one) => one.key);
  assert.deepEqual(keys({}), []);
  assert.deepEqual(keys({ health: "full" }), ["full"]);
  assert.deepEqual(keys({ health: "starting" }), ["starting"]);
  assert.deepEqual(keys({ shards: [...well.shards, { shard: 1, heartbeat_age_seconds: 60 }] }), ["stuck-1"]);
  assert.deepEqual(keys({ audit_lost_lines: 1 }), ["audit"]);
  assert.deepEqual(keys({ tls_expires_at: 15 * day }), []);
  assert.deepEqual(keys({ tls_expires_at: 13 * day }), ["tls"]);
  assert.match(notices({ stats: { ...well, tls_expires_at: -day } }, 0)[0].text, /expired 1d/);
  assert.deepEqual(keys({}, { restartedAt: -59_000 }), ["restart"]);
  assert.deepEqual(keys({}, { restartedAt: -61_000 }), []);
  assert.deepEqual(keys({ health: "full", audit_lost_lines: 1 }, { drainEnds: 5000 }), ["drain", "audit"]);
  const outage = { since: -5000, reason: "No answer.", wasDraining: false };
  assert.deepEqual(keys({ audit_lost_lines: 1 }, { outage, drainEnds: 5000 }), ["outage"]);
});
