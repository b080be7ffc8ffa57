/**
 * Random choices for histories.
 *
 * @module
 */

/** A whole number from 0 up to but not including `count`; `random` gives numbers in [0, 1). */
export function below(random: () => number, count: number): number {
  return Math.floor(random() * count);
}

/** One of `values`. */
export function pick<Value>(random: () => number, values: readonly Value[]): Value {
  const place = below(random, values.length);
  for (const value of values.slice(place)) return value;
  throw new RangeError("Cannot pick from an empty list");
}
