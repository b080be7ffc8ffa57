/**
 * How an observed value of a register must have come about, read off its text: the last append that made "abc" wrote some end
 * of it, and so on backwards, down to a put. As long as only one operation fits, that operation is certain.
 *
 * @module
 */
import type { ObservedValues } from "./observed_values.ts";

/** An operation that writes a register. */
export interface RegisterWrite {
  /** Its number. */
  readonly operation: number;
  /** Whether it adds to the value; otherwise it replaces it, by "" if it deletes. */
  readonly isAppend: boolean;
  /** What it adds or puts. */
  readonly text: string;
}

/** What {@linkcode deriveValues} found. */
export interface Derivation {
  /**
   * For each operation, the index of a value that cannot come about without it, the longest known; -1 for none. To take the
   * operation in such a way that the value does not come about then loses the value for good.
   */
  readonly neededBy: Int32Array;
  /** Whether some value cannot come about at all. */
  readonly isImpossible: boolean;
}

/** Derives every observed value from the writes. */
export function deriveValues(
  observed: ObservedValues,
  writes: readonly RegisterWrite[],
  operationCount: number,
): Derivation {
  const table = new WriteTable(writes);
  const neededBy = new Int32Array(operationCount).fill(-1);
  let isImpossible = false;
  // Lengths at which the derivation of the value before, which is longer, was sure of the whole text up to there.
  let passed = new Set<number>();
  for (let index = observed.values.length - 1; index >= 0; index--) {
    const value = observed.values[index] ?? "";
    const longer = observed.values[index + 1];
    if (longer === undefined || !longer.startsWith(value)) passed = new Set();
    let length = value.length;
    const used = new Set<RegisterWrite>();
    while (length > 0 && !passed.has(length)) {
      passed.add(length);
      const found = table.lastWrites(value, length);
      const only = found[0];
      // Nobody wrote this beginning of the value, or only an operation that has already written what follows.
      if (only === undefined || (found.length === 1 && used.has(only))) isImpossible = true;
      if (only === undefined || found.length > 1) break;
      used.add(only);
      if ((neededBy[only.operation] ?? -1) < 0) neededBy[only.operation] = index;
      if (!only.isAppend) break;
      length -= only.text.length;
    }
  }
  return { neededBy, isImpossible };
}

/** Finds writes by their text. */
class WriteTable {
  readonly #appends = new Map<string, RegisterWrite[]>();
  readonly #puts = new Map<string, RegisterWrite[]>();
  readonly #appendLengths: readonly number[];
  readonly #putLengths: ReadonlySet<number>;

  constructor(writes: readonly RegisterWrite[]) {
    for (const write of writes) {
      // An empty append changes nothing, so no value needs it.
      if (write.text === "") continue;
      const table = write.isAppend ? this.#appends : this.#puts;
      const same = table.get(write.text);
      if (same === undefined) table.set(write.text, [write]);
      else same.push(write);
    }
    this.#appendLengths = [...new Set([...this.#appends.keys()].map((text) => text.length))];
    this.#putLengths = new Set([...this.#puts.keys()].map((text) => text.length));
  }

  /** The writes that may have been the last to make the first `length` (> 0) characters of `value`. */
  lastWrites(value: string, length: number): readonly RegisterWrite[] {
    const found: RegisterWrite[] = [];
    if (this.#putLengths.has(length)) found.push(...this.#puts.get(value.slice(0, length)) ?? []);
    for (const appendLength of this.#appendLengths) {
      if (appendLength > length) continue;
      found.push(...this.#appends.get(value.slice(length - appendLength, length)) ?? []);
    }
    return found;
  }
}
