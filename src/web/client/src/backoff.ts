/** Bounds of {@link backoff}, in ms. */
export interface BackoffOptions {
  /** Ceiling of the first wait; default 500. */
  base?: number;
  /** Ceiling of all; default 30 s. */
  max?: number;
  random?: () => number;
}

/** Wait before try number `attempt` (from 0), in ms: half of a ceiling that doubles, and up to as
 * much again by chance, so that many clients do not come back at once. */
export function backoff(attempt: number, { base = 500, max = 30_000, random = Math.random }: BackoffOptions = {}): number {
  const ceiling = Math.min(max, base * 2 ** Math.max(0, attempt || 0));
  return Math.round((ceiling / 2) * (1 + random()));
}
