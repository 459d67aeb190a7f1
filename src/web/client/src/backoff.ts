/** Bounds of {@link backoff}, in ms. */
export interface BackoffOptions {
  /** Maximum of the first wait; default 500. */
  base?: number;
  /** Maximum of all; default 30 s. */
  max?: number;
  random?: () => number;
}

/** Wait before attempt number `attempt` (from 0), in ms: exponential, with jitter of up to half of it, so
 * that many clients do not reconnect at once. */
export function backoff(attempt: number, { base = 500, max = 30_000, random = Math.random }: BackoffOptions = {}): number {
  const ceiling = Math.min(max, base * 2 ** Math.max(0, attempt || 0));
  return Math.round((ceiling / 2) * (1 + random()));
}
