/**
 * What really happened to watched keys, seen at the replicas: which log entry has changed which keys, and how.
 *
 * @module
 */
import type { KvStateMachine } from "../../../kv/state_machine.ts";

/** A key as a log entry has left it; version 0 if it is gone. */
export interface TrueChange {
  /** The key. */
  readonly key: string;
  /** Its value; "" if it is gone. */
  readonly value: string;
  /** Its version; 0 if it is gone. */
  readonly version: number;
}

/** See the module. Each entry is looked at where it is executed first. */
export class WatchTruth {
  readonly #prefix: string;
  /** By index, ascending; only entries that have changed something. */
  readonly #changes = new Map<number, readonly TrueChange[]>();
  #state = new Map<string, TrueChange>();
  #lastIndex = 0;

  /** Looks at keys that begin with this. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The last entry that has changed something; 0 if none has. */
  lastChange(isMeant: (key: string) => boolean): number {
    return [...this.#changes].findLast(([, changes]) => changes.some(({ key }) => isMeant(key)))?.[0] ?? 0;
  }

  /** A machine has just executed the entry `index`. */
  executed(machine: KvStateMachine, index: number): void {
    if (index <= this.#lastIndex) return;
    this.#lastIndex = index;
    const page = machine.query({
      ...{ kind: "range", prefix: this.#prefix, from: "", to: null, cursor: null, limit: 1_000, reverse: false },
      keysOnly: false,
    });
    if (!("kind" in page) || page.kind !== "range") return;
    const state = new Map(page.entries.map(({ key, value, version }) => [key, { key, value: String(value), version }]));
    const changes: TrueChange[] = [];
    for (const [key, entry] of state) {
      const former = this.#state.get(key);
      if (former?.version !== entry.version || former.value !== entry.value) changes.push(entry);
    }
    for (const key of this.#state.keys()) {
      if (!state.has(key)) changes.push({ key, value: "", version: 0 });
    }
    this.#state = state;
    if (changes.length > 0) this.#changes.set(index, changes);
  }

  /** What an entry has done to keys that are meant; nothing, for most entries. */
  at(index: number, isMeant: (key: string) => boolean): readonly TrueChange[] {
    return this.#changes.get(index)?.filter(({ key }) => isMeant(key)) ?? [];
  }

  /** The first entry from `from` on that has changed a key that is meant; Infinity if there is none. */
  next(from: number, isMeant: (key: string) => boolean): number {
    for (const [index, changes] of this.#changes) {
      if (index >= from && changes.some(({ key }) => isMeant(key))) return index;
    }
    return Infinity;
  }

  /** The keys that are meant, behind an entry. */
  stateAfter(index: number, isMeant: (key: string) => boolean): readonly TrueChange[] {
    const state = new Map<string, TrueChange>();
    for (const [at, changes] of this.#changes) {
      if (at > index) break;
      for (const change of changes) {
        if (change.version === 0) state.delete(change.key);
        else state.set(change.key, change);
      }
    }
    return [...state.values()].filter(({ key }) => isMeant(key)).sort((left, right) => left.key < right.key ? -1 : 1);
  }
}
