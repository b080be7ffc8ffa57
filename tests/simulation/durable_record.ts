/**
 * What the disk of a node holds for certain, as told by the writes that have ended: kept beside the core's own account, which
 * may be wrong.
 *
 * @module
 */
import type { EntryId, LogIndex, Term } from "../../raft/core/types.ts";
import type { WriteBatch } from "../../raft/storage/storage.ts";

/** The durable log in one life of a node. */
export class DurableRecord {
  /** Everything up to here is in a snapshot or was overwritten with one. */
  #start: LogIndex;
  #last: LogIndex;
  readonly #terms = new Map<LogIndex, Term>();

  /** What was found at the start of the life: a snapshot up to `start`, and entries. */
  constructor(start: LogIndex, entries: readonly EntryId[]) {
    this.#start = this.#last = start;
    this.#append(entries);
  }

  /** A batch has become durable. */
  written({ logStart, entries }: WriteBatch): void {
    if (logStart !== null) {
      this.#terms.clear();
      this.#start = this.#last = logStart.last.index;
    }
    this.#append(entries);
  }

  /** Whether this entry would survive a power cut now. */
  holds({ index, term }: EntryId): boolean {
    return index <= this.#start || this.#terms.get(index) === term;
  }

  #append(entries: readonly EntryId[]): void {
    const first = entries[0];
    if (first === undefined) return;
    for (let index = first.index; index <= this.#last; index++) this.#terms.delete(index);
    for (const { index, term } of entries) this.#terms.set(index, term);
    this.#last = entries.at(-1)?.index ?? this.#last;
  }
}
