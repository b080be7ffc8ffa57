/**
 * Counts that can be added up over a range quickly.
 *
 * @module
 */

/** A list of counts with sums over ranges, as a binary indexed tree (Fenwick 1994): both take time in the logarithm of its length. */
export class Tally {
  readonly #counts: Int32Array;
  /** Node n, from 1, holds the sum of the last lowbit(n) counts up to n. */
  readonly #nodes: Int32Array;

  constructor(length: number) {
    this.#counts = new Int32Array(length);
    this.#nodes = new Int32Array(length + 1);
  }

  /** The count at `index`. */
  at(index: number): number {
    return this.#counts[index] ?? 0;
  }

  /** Changes the count at `index`. */
  add(index: number, change: number): void {
    this.#counts[index] = this.at(index) + change;
    for (let node = index + 1; node < this.#nodes.length; node += node & -node) {
      this.#nodes[node] = (this.#nodes[node] ?? 0) + change;
    }
  }

  /** The sum of the counts from `low` up to but not including `high`. */
  sum(low: number, high: number): number {
    return this.#sumBefore(high) - this.#sumBefore(low);
  }

  #sumBefore(end: number): number {
    let sum = 0;
    for (let node = end; node > 0; node -= node & -node) sum += this.#nodes[node] ?? 0;
    return sum;
  }
}
