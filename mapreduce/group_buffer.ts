/**
 * The pairs that a map task has made and not yet written, grouped by key. With a combine function the values of a key are
 * replaced by one whenever they have become many, so that a common word takes no more room than a rare one.
 *
 * @module
 */
import { JobError } from "./errors.ts";
import type { CombineFunction, JobContext, PartitionFunction } from "./job.ts";
import type { Group } from "./run_file.ts";

/** Values of a key after which they are combined. */
const combineAt = 64;
/** What a key costs beside its characters, in bytes: entry of the map and a string's header. A guess on the safe side. */
const keyBytes = 120;
/** What a value costs beside its characters: a place in an array and a string's header. */
const valueBytes = 24;

/** See the module. */
export class GroupBuffer {
  /** Bytes, roughly. */
  bytes = 0;
  /** The only value of a key stands alone: most keys are rare, and an array for each would cost more than all the rest. */
  readonly #groups = new Map<string, string | string[]>();
  readonly #combine: ((key: string, values: readonly string[]) => string) | null;

  constructor(combine: CombineFunction | null, context: JobContext) {
    this.#combine = combine === null ? null : (key, values) => combineChecked(combine, key, values, context);
  }

  /** Adds a pair. */
  add(key: string, value: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, value);
      this.bytes += keyBytes + valueBytes + 2 * (key.length + value.length);
      return;
    }
    this.bytes += valueBytes + 2 * value.length;
    if (typeof group === "string") {
      this.#groups.set(key, [group, value]);
      return;
    }
    group.push(value);
    if (this.#combine !== null && group.length >= combineAt) this.#combineGroup(key, group, this.#combine);
  }

  /** Combines the values of every key; without a combine function nothing changes. */
  combineAll(): void {
    const combine = this.#combine;
    if (combine === null) return;
    for (const [key, group] of this.#groups) {
      if (typeof group !== "string") this.#combineGroup(key, group, combine);
    }
  }

  /** Takes everything out: for each partition its groups, keys ascending. */
  drain(partition: PartitionFunction, reduces: number): Group[][] {
    this.combineAll();
    const partitions: Group[][] = Array.from({ length: reduces }, () => []);
    for (const [key, group] of this.#groups) {
      partitions[partition(key, reduces)]?.push({ key, values: typeof group === "string" ? [group] : group });
    }
    this.#groups.clear();
    this.bytes = 0;
    for (const groups of partitions) groups.sort((a, b) => a.key < b.key ? -1 : 1); // Keys differ.
    return partitions;
  }

  #combineGroup(key: string, group: string[], combine: (key: string, values: readonly string[]) => string): void {
    const before = charactersOf(group);
    const value = combine(key, group);
    this.bytes += 2 * (value.length - before) - valueBytes * (group.length - 1);
    this.#groups.set(key, value);
  }
}

/** Calls a combine function and checks what it gives. */
export function combineChecked(
  combine: CombineFunction,
  key: string,
  values: readonly string[],
  context: JobContext,
): string {
  const value: unknown = combine(key, values, context);
  if (typeof value === "string") return value;
  throw new JobError(
    `Cannot combine the values of ${JSON.stringify(key.slice(0, 40))}: combine returned something of type ` +
      `${typeof value}; it must return a string`,
  );
}

function charactersOf(texts: readonly string[]): number {
  let characters = 0;
  for (const text of texts) characters += text.length;
  return characters;
}
