// Samples of the last 15 minutes, kept in this page only, and the rates between them.

import type { Stats } from "./types.js";

/** Length of the time axis, in milliseconds. */
export const SPAN = 15 * 60 * 1000;

/** Distance of two samples above which there is a gap: the page was hidden, or the bridge did not answer. */
const GAP = 12_000;

/** Distance of two samples below which the later one is left out: one event would be many per second. */
const LEAST = 1_000;

/** Values of the charts at one time; rates are per second since the previous sample. */
export interface Point {
  readonly at: number;
  /** Seconds since the previous sample; undefined after a gap, over which there are counts but no rates. */
  readonly since: number | undefined;
  readonly sessions: number;
  readonly unauthenticated: number;
  readonly started: number;
  readonly failed: number;
  readonly input: number;
  readonly output: number;
  /** Share of a CPU per shard. */
  readonly cpu: readonly number[];
  readonly shardInput: readonly number[];
  readonly shardOutput: readonly number[];
  /** Durations since the previous sample, by cell. */
  readonly setup: readonly number[];
  readonly echo: readonly number[];
  /** Failures since the previous sample, by `stage/cause`. */
  readonly failures: ReadonlyMap<string, number>;
}

export function failureKey(stage: string, cause: string): string {
  return `${stage}/${cause}`;
}

export class History {
  #points: Point[] = [];
  #last: { at: number; stats: Stats } | undefined;

  get points(): readonly Point[] {
    return this.#points;
  }

  get latest(): Point | undefined {
    return this.#points.at(-1);
  }

  /** Adds a sample. Returns true if the bridge was restarted since the previous one. */
  add(at: number, stats: Stats): boolean {
    const last = this.#last;
    const restarted = last !== undefined && stats.instance !== last.stats.instance;
    if (last !== undefined && !restarted && at >= last.at && at - last.at < LEAST) {
      return false;
    }
    this.#points.push(point(at, stats, restarted || last === undefined || at - last.at > SPAN ? undefined : last));
    this.#last = { at, stats };
    const oldest = at - SPAN;
    const first = this.#points.findIndex((one) => one.at >= oldest);
    if (first > 0) {
      this.#points.splice(0, first);
    }
    return restarted;
  }

  /** Counts of failures in the history, by `stage/cause`. */
  failures(): Map<string, number> {
    const sum = new Map<string, number>();
    for (const one of this.#points) {
      for (const [key, more] of one.failures) {
        sum.set(key, (sum.get(key) ?? 0) + more);
      }
    }
    return sum;
  }
}

function point(at: number, stats: Stats, before: { at: number; stats: Stats } | undefined): Point {
  const since = before === undefined || at - before.at > GAP ? undefined : Math.max(0.001, (at - before.at) / 1000);
  const old = before?.stats;
  const perSecond = (now: number, then: number | undefined): number =>
    since === undefined || then === undefined ? 0 : Math.max(0, now - then) / since;
  const more = (now: readonly number[], then: readonly number[] | undefined): number[] =>
    now.map((value, index) => Math.max(0, value - (then?.[index] ?? value)));
  return {
    at,
    since,
    sessions: stats.active_sessions,
    unauthenticated: stats.unauthenticated,
    started: perSecond(stats.total_sessions, old?.total_sessions),
    failed: perSecond(stats.failed_sessions, old?.failed_sessions),
    input: perSecond(stats.input_bytes, old?.input_bytes),
    output: perSecond(stats.output_bytes, old?.output_bytes),
    cpu: stats.shards.map((shard, n) => perSecond(shard.cpu_seconds, old?.shards[n]?.cpu_seconds)),
    shardInput: stats.shards.map((shard, n) => perSecond(shard.input_bytes, old?.shards[n]?.input_bytes)),
    shardOutput: stats.shards.map((shard, n) => perSecond(shard.output_bytes, old?.shards[n]?.output_bytes)),
    setup: more(stats.latencies.setup.counts, old?.latencies.setup.counts),
    echo: more(stats.latencies.echo.counts, old?.latencies.echo.counts),
    failures: newFailures(stats, old),
  };
}

function newFailures(stats: Stats, old: Stats | undefined): Map<string, number> {
  const failures = new Map<string, number>();
  if (old === undefined) {
    return failures;
  }
  const known = new Map(old.failures.map((one) => [failureKey(one.stage, one.cause), one.count]));
  for (const { stage, cause, count } of stats.failures) {
    const key = failureKey(stage, cause);
    const more = count - (known.get(key) ?? 0);
    if (more > 0) {
      failures.set(key, more);
    }
  }
  return failures;
}
