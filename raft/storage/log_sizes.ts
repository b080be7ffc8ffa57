/**
 * How many bytes the entries of the log take, without holding the entries.
 *
 * @module
 */
import type { LogIndex } from "../core/types.ts";
import { invariant } from "../core/invariant.ts";

/** Encoded sizes of the entries behind the newest snapshot. */
export class LogSizes {
  /** Index of the last entry that is not counted: the snapshot's. */
  #baseIndex: LogIndex;
  /** Running totals: `#totals[i]` is the size of the entries from #baseIndex + 1 to #baseIndex + 1 + i, plus #dropped. */
  #totals: number[] = [];
  /** What the entries counted before, and dropped since, contributed to the totals. */
  #dropped = 0;

  /** Counts entries behind `baseIndex`. */
  constructor(baseIndex: LogIndex) {
    this.#baseIndex = baseIndex;
  }

  /** Index of the last entry counted, or the base. */
  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#totals.length;
  }

  /** Sum of all sizes, in bytes. */
  get bytes(): number {
    return (this.#totals[this.#totals.length - 1] ?? this.#dropped) - this.#dropped;
  }

  /** Sum of the sizes up to `index`, in bytes. */
  bytesThrough(index: LogIndex): number {
    return (this.#totals[Math.min(index, this.lastIndex) - this.#baseIndex - 1] ?? this.#dropped) - this.#dropped;
  }

  /** Counts the entry at `index`, and no more those that it replaces. Entries up to the base are not counted. */
  append(index: LogIndex, bytes: number): void {
    if (index <= this.#baseIndex) return this.restart(this.#baseIndex);
    const slot = index - this.#baseIndex - 1;
    invariant(slot <= this.#totals.length, () => `entry ${index} would leave a gap behind entry ${this.lastIndex}`);
    // Asked first, for setting a length costs even where it changes nothing.
    if (slot < this.#totals.length) this.#totals.length = slot;
    this.#totals.push((this.#totals[slot - 1] ?? this.#dropped) + bytes);
  }

  /** Forgets the entries up to `index`. */
  dropThrough(index: LogIndex): void {
    if (index <= this.#baseIndex) return;
    const count = index - this.#baseIndex;
    if (count >= this.#totals.length) return this.restart(index);
    this.#dropped = this.#totals[count - 1] ?? this.#dropped;
    this.#totals.splice(0, count);
    this.#baseIndex = index;
  }

  /** Forgets everything; counting goes on behind `baseIndex`. */
  restart(baseIndex: LogIndex): void {
    this.#baseIndex = baseIndex;
    this.#totals = [];
    this.#dropped = 0;
  }
}
