/**
 * The values that reads of a register have seen, in order, so that "those that begin with this text" are a range.
 *
 * @module
 */

/** Indexes from `low` up to but not including `high` into {@linkcode ObservedValues.values}. */
export interface ValueRange {
  /** The first index. */
  readonly low: number;
  /** The index after the last; >= low. */
  readonly high: number;
}

/** A set of strings, sorted by code units, without duplicates. */
export class ObservedValues {
  /** The strings. */
  readonly values: readonly string[];
  /** Those that no other string begins with: whatever occurs in any of the strings occurs in one of these. */
  readonly longest: readonly string[];
  readonly #indexes: ReadonlyMap<string, number>;

  constructor(values: Iterable<string>) {
    const sorted = [...new Set(values)].sort((left, right) => left < right ? -1 : left > right ? 1 : 0);
    this.values = sorted;
    this.longest = sorted.filter((value, index) => !(sorted[index + 1]?.startsWith(value) ?? false));
    this.#indexes = new Map(sorted.map((value, index) => [value, index]));
  }

  /** Where the string stands; -1 if it is not there. */
  indexOf(value: string): number {
    return this.#indexes.get(value) ?? -1;
  }

  /** The strings that begin with `prefix`. */
  rangeOf(prefix: string): ValueRange {
    return this.narrow({ low: 0, high: this.values.length }, 0, prefix);
  }

  /** Of a range whose strings agree in their first `length` characters, those that go on with `text`. */
  narrow(range: ValueRange, length: number, text: string): ValueRange {
    const { low, high } = range;
    const end = length + text.length;
    const first = this.#search(low, high, (value) => value.slice(length, end) < text);
    return { low: first, high: this.#search(first, high, (value) => value.slice(length, end) <= text) };
  }

  /** The first index in [low, high) of which `isBefore` is false; it must be true up to some index and false from there. */
  #search(low: number, high: number, isBefore: (value: string) => boolean): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.values[middle] ?? "")) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
