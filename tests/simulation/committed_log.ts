/**
 * The log that the whole cluster has agreed on, as far as any node has ever said that it is committed.
 *
 * @module
 */
import type { EntryId, LogIndex, Term } from "../../raft/core/types.ts";

/** A committed slot. */
export interface CommittedSlot {
  /** Term of the entry in it. */
  readonly term: Term;
  /** currentTerm of the node that was first to call it committed. */
  readonly committedInTerm: Term;
}

/** Every slot that was ever committed. */
export class CommittedLog {
  readonly #slots = new Map<LogIndex, CommittedSlot>();
  #lastIndex: LogIndex = 0;

  /** The highest index that was ever committed. */
  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  /** What is in a slot; undefined when nobody has called it committed. */
  at(index: LogIndex): CommittedSlot | undefined {
    return this.#slots.get(index);
  }

  /** Notes that a node whose term is `inTerm` calls this entry committed; only the first one counts. */
  add(entry: EntryId, inTerm: Term): void {
    if (this.#slots.has(entry.index)) return;
    this.#slots.set(entry.index, { term: entry.term, committedInTerm: inTerm });
    if (entry.index > this.#lastIndex) this.#lastIndex = entry.index;
  }
}
