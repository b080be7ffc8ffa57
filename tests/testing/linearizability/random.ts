/**
 * Random numbers for histories.
 *
 * @module
 */

/** A seeded source of numbers in [0, 1) (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number from 0 up to but not including `count`. */
export function below(random: () => number, count: number): number {
  return Math.floor(random() * count);
}

/** One of `values`. */
export function pick<Value>(random: () => number, values: readonly Value[]): Value {
  const place = below(random, values.length);
  for (const value of values.slice(place)) return value;
  throw new RangeError("Cannot pick from an empty list");
}
