// Histograms: sums over time, and quantiles estimated from them.

/** Adds the counts of several histograms cell by cell. */
export function sum(histograms: Iterable<readonly number[]>, cells: number): number[] {
  const sums = new Array<number>(cells).fill(0);
  for (const one of histograms) {
    sums.forEach((before, cell) => { sums[cell] = before + (one[cell] ?? 0); });
  }
  return sums;
}

export function total(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/**
 * Estimates a quantile, by linear interpolation within its cell. The last cell has no upper bound: its quantiles are its
 * lower bound, with `above` set.
 */
export function quantile(
  counts: readonly number[], bounds: readonly number[], share: number,
): { value: number; above: boolean } | undefined {
  const all = total(counts);
  if (all === 0) {
    return undefined;
  }
  let left = share * all;
  for (const [cell, count] of counts.entries()) {
    if (count > 0 && left <= count) {
      const lower = cell === 0 ? 0 : bounds[cell - 1] ?? 0;
      const upper = bounds[cell];
      return upper === undefined
        ? { value: lower, above: true }
        : { value: lower + (upper - lower) * (left / count), above: false };
    }
    left -= count;
  }
  return undefined;
}
