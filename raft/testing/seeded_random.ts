/**
 * Random numbers from a seed, split into named streams: each consumer draws from its own, so that a new consumer, or one
 * that draws more often, shifts nobody else's numbers and an old seed still shows its old bug.
 *
 * The generator is sfc32 ("small fast counting", Chris Doty-Humphrey, PractRand): 128 bits of state, 32-bit operations only,
 * hence the same numbers on every machine.
 *
 * @module
 */
import type { Random } from "../node/random.ts";

/** A seeded source of random numbers. */
export class SeededRandom implements Random {
  readonly #path: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Equal seeds give equal numbers; neighbouring seeds give unrelated ones. */
  constructor(seed: number | string) {
    this.#path = String(seed);
    this.#a = hashText(this.#path, 0x243f6a88);
    this.#b = hashText(this.#path, 0x85a308d3);
    this.#c = hashText(this.#path, 0x13198a2e);
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** An independent generator, determined by this one's seed and `name` alone, not by what was drawn so far. */
  stream(name: string): SeededRandom {
    return new SeededRandom(`${this.#path}/${name}`);
  }

  /** Uniform in the integers [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** Uniform in the integers [0, bound); 0 when the bound is 1 or less. */
  integer(bound: number): number {
    return bound <= 1 ? 0 : Math.floor(this.next() * bound);
  }

  /** Uniform in [minimum, maximum); the minimum when both are equal. */
  between(minimum: number, maximum: number): number {
    return minimum + this.next() * (maximum - minimum);
  }

  /** True with the given probability. Draws nothing for 0 and 1. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    if (probability >= 1) return true;
    return this.next() < probability;
  }

  /** One of the items, each equally likely; throws when there are none. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick from an empty list");
    return item;
  }

  /** The items in random order (Fisher and Yates), as a new array. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const [left, right] = [shuffled[last], shuffled[other]];
      if (left === undefined || right === undefined) continue;
      shuffled[last] = right;
      shuffled[other] = left;
    }
    return shuffled;
  }
}

/** FNV-1a with a final avalanche (murmur3), started from `basis`. */
function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let position = 0; position < text.length; position++) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
