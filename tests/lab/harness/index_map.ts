/**
 * The course counts commands: the first is 1, whatever else the log holds. Balsa's log also holds a no-op for each term
 * (thesis section 6.4), so this maps slots of a node's log to the course's indexes.
 *
 * @module
 */
import type { Entry, EntryId, LogIndex, Term } from "../../../raft/core/types.ts";
import type { Storage, WriteBatch } from "../../../raft/storage/storage.ts";

/** The course's index of a command: its place among the commands. */
export type CommandIndex = number;

/** What is known of one slot. */
interface Slot {
  readonly term: Term;
  readonly isCommand: boolean;
}

/** One node's log, as far as numbering its commands needs it. */
export class IndexMap {
  /** What the node has written, by slot; slots before its first snapshot are missing. */
  readonly #slots: Slot[] = [];
  /** Commands up to each slot that was applied or restored. */
  readonly #applied = new Map<LogIndex, CommandIndex>([[0, 0]]);

  /** Begins with what the node found on its disk. */
  constructor(entries: readonly Entry[]) {
    this.#add(entries);
  }

  /** Follows a write. */
  wrote(batch: WriteBatch): void {
    // What stood before a snapshot of somebody else says nothing about it: the count goes on when it is restored.
    if (batch.logStart !== null) this.#slots.length = 0;
    this.#add(batch.entries);
  }

  /** The node has applied `index`, and so many commands up to there. */
  applied(index: LogIndex, commands: CommandIndex): void {
    this.#applied.set(index, commands);
  }

  /** The number of a command that this node took as leader; null while that is not known. */
  commandIndex(entry: EntryId): CommandIndex | null {
    // Behind the no-op a leader begins with there are only commands, so those not written yet can be counted.
    const written = Math.min(entry.index, this.#slots.length - 1);
    if (written < entry.index && this.#slots[written]?.term !== entry.term) return null;
    let commands = entry.index - written;
    for (let index = written; index >= 0; index--) {
      const known = this.#applied.get(index);
      if (known !== undefined) return known + commands;
      const slot = this.#slots[index];
      if (slot === undefined) return null;
      if (slot.isCommand) commands++;
    }
    return null;
  }

  #add(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#slots.length = first.index;
    for (const entry of entries) this.#slots.push({ term: entry.term, isCommand: entry.kind === "command" });
  }
}

/** A storage whose writes an {@link IndexMap} follows. */
export function watchStorage(storage: Storage, map: IndexMap): Storage {
  return {
    get initial() {
      return storage.initial;
    },
    write(batch) {
      map.wrote(batch);
      return storage.write(batch);
    },
    saveSnapshot: (snapshot, chunks) => storage.saveSnapshot(snapshot, chunks),
    readSnapshot: () => storage.readSnapshot(),
    readSnapshotChunk: (snapshot, offset, maxBytes) => storage.readSnapshotChunk(snapshot, offset, maxBytes),
    receiveSnapshotChunk: (snapshot, offset, data, checksum, done, transfer) =>
      storage.receiveSnapshotChunk(snapshot, offset, data, checksum, done, transfer),
    status: () => storage.status(),
    logBytesThrough: (index) => storage.logBytesThrough(index),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
