/**
 * The log: entries behind a snapshot, and how far each of them has got.
 *
 *     base.index <= snapshot.last.index <= lastApplied <= handedOut <= min(commitIndex, persistedIndex)
 *     commitIndex <= last.index,  persistedIndex < nextToPersist <= last.index + 1
 *
 * Some entries that the snapshot covers stay in memory, so that a follower a little behind does not need the snapshot.
 *
 * `lastApplied` may lag behind the snapshot only while a received snapshot is being restored. An entry is handed out for
 * application only when it is durable *here* too: the state machine never knows more than a restart would find.
 *
 * @module
 */
import { ConfigurationHistory } from "./configuration.ts";
import { invariant } from "./invariant.ts";
import type { Configuration, Entry, EntryId, LogIndex, SnapshotMeta, Term } from "./types.ts";

/** Bytes an entry counts in limits. */
export function entryBytes(entry: Entry): number {
  return entry.kind === "command" ? entry.data.length : 0;
}

/** What an entry costs to keep in memory besides its data; more than its encoding on disk adds. */
export const entryOverheadBytes = 64;

/** Log of one node. Knows nothing of roles or messages. */
export class RaftLog {
  /** What the snapshot replaces. */
  #snapshot: SnapshotMeta;
  /** The entry right before the first one that is still here. */
  #base: EntryId;
  /** `#entries[i].index === #base.index + 1 + i`; terms never descend. */
  #entries: Entry[];
  readonly #configurations: ConfigurationHistory;
  /** Only grows. */
  #commitIndex: LogIndex;
  /** Last index given out by {@link takeCommitted}; only grows. */
  #handedOut: LogIndex;
  /** Last index the state machine has reported; only grows. */
  #lastApplied: LogIndex;
  /** Last index known to be on stable storage as it stands here; falls when a suffix is truncated. */
  #persistedIndex: LogIndex;
  /** First index not yet given to a write. */
  #nextToPersist: LogIndex;

  /** Takes over what was found on stable storage; everything in the snapshot counts as applied. */
  constructor(snapshot: SnapshotMeta, entries: readonly Entry[]) {
    const base = snapshot.last.index;
    this.#snapshot = snapshot;
    this.#base = snapshot.last;
    this.#entries = [];
    this.#configurations = new ConfigurationHistory(base, snapshot.configuration);
    this.#commitIndex = base;
    this.#handedOut = base;
    this.#lastApplied = base;
    this.#persistedIndex = base;
    this.#nextToPersist = base + 1;
    for (const entry of entries) this.append(entry);
    this.#persistedIndex = this.last.index;
    this.#nextToPersist = this.last.index + 1;
  }

  /** The newest snapshot: what a follower gets that needs more than the log still has. */
  get snapshot(): SnapshotMeta {
    return this.#snapshot;
  }

  /** Index of the first entry that is still there, or would be. */
  get firstIndex(): LogIndex {
    return this.#base.index + 1;
  }

  /** The last entry, or the one right before the log when there is none. */
  get last(): EntryId {
    return this.#entries.at(-1) ?? this.#base;
  }

  /** Highest index known to be committed. */
  get commitIndex(): LogIndex {
    return this.#commitIndex;
  }

  /** Highest index the state machine has applied. */
  get lastApplied(): LogIndex {
    return this.#lastApplied;
  }

  /** Highest index that is durable here. */
  get persistedIndex(): LogIndex {
    return this.#persistedIndex;
  }

  /** The active configuration: the last one in the log, committed or not. */
  get configuration(): Configuration {
    return this.#configurations.active;
  }

  /** Index of the entry that brought the active configuration. */
  get configurationIndex(): LogIndex {
    return this.#configurations.activeIndex;
  }

  /** The configuration that held at `index`, for a snapshot taken there. */
  configurationAt(index: LogIndex): Configuration {
    return this.#configurations.at(index);
  }

  /** Term of the entry at `index`; undefined when it is compacted away or not there yet. */
  termAt(index: LogIndex): Term | undefined {
    const base = this.#base.index;
    return index === base ? this.#base.term : this.#entries[index - base - 1]?.term;
  }

  /** Whether the log contains this very entry. What lies before its beginning is committed and so equal everywhere. */
  contains(id: EntryId): boolean {
    return id.index < this.#base.index || this.termAt(id.index) === id.term;
  }

  /** Election restriction (paper section 5.4.1): whether a log ending in `candidate` is at least as up to date. */
  isUpToDate(candidate: EntryId): boolean {
    const last = this.last;
    return candidate.term > last.term || (candidate.term === last.term && candidate.index >= last.index);
  }

  /**
   * The last entry at or before `id.index` whose term is at most `id.term`: the furthest point where another log, known to
   * hold `id` there, can still agree with this one. Both sides of a failed consistency check use it, so that one round
   * trip skips a whole term of conflict (paper section 5.3, end).
   */
  conflictHint(id: EntryId): EntryId {
    let index = Math.min(id.index, this.last.index);
    for (; index > this.#base.index; index--) {
      const term = this.termAt(index);
      if (term !== undefined && term <= id.term) return { index, term };
    }
    const base = this.#base;
    if (index === base.index && base.term <= id.term) return base;
    return { index: Math.max(0, index - 1), term: 0 };
  }

  /** Entries from `from` on, within the limits but at least one; empty at the end of the log. */
  slice(from: LogIndex, maxEntries: number, maxBytes: number, to: LogIndex = this.last.index): readonly Entry[] {
    const start = from - this.firstIndex;
    invariant(start >= 0, `entries from ${from} are asked for: the log begins at ${this.firstIndex}`);
    const limit = Math.min(to - this.firstIndex + 1, start + maxEntries);
    let end = start;
    for (let bytes = 0; end < limit; end++) {
      const entry = this.#entries[end];
      if (entry === undefined) break;
      bytes += entryBytes(entry);
      if (bytes > maxBytes && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  /** Bytes of the entries in (from, to]. */
  bytesBetween(from: LogIndex, to: LogIndex): number {
    let bytes = 0;
    for (let index = Math.max(from + 1, this.firstIndex); index <= to; index++) {
      const entry = this.#entries[index - this.firstIndex];
      if (entry !== undefined) bytes += entryBytes(entry);
    }
    return bytes;
  }

  /** Appends one entry right behind the last. */
  append(entry: Entry): void {
    const last = this.last;
    invariant(entry.index === last.index + 1, () => `entry ${entry.index} cannot follow ${last.index}`);
    invariant(entry.term >= last.term, () => `term ${entry.term} at ${entry.index} cannot follow term ${last.term}`);
    this.#entries.push(entry);
    if (entry.kind === "configuration") this.#configurations.append(entry.index, entry.configuration);
  }

  /**
   * A follower's append (Figure 2, AppendEntries, receiver 3 and 4): entries already here are left alone, so that a
   * delayed message cannot delete what a later one brought; only a real conflict of terms truncates.
   */
  reconcile(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.contains(entry)) continue;
      if (entry.index <= this.last.index) this.#truncateFrom(entry.index);
      this.append(entry);
    }
  }

  #truncateFrom(index: LogIndex): void {
    invariant(
      index > this.#commitIndex,
      `a committed entry conflicts with a leader's: index ${index}, commitIndex ${this.#commitIndex}`,
    );
    this.#entries.length = index - this.firstIndex;
    this.#configurations.truncateFrom(index);
    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);
    this.#nextToPersist = Math.min(this.#nextToPersist, index);
  }

  /** Raises commitIndex; never lowers it. */
  commitTo(index: LogIndex): void {
    invariant(index <= this.last.index, `commitIndex ${index} would pass the last entry ${this.last.index}`);
    this.#commitIndex = Math.max(this.#commitIndex, index);
  }

  /** Whether committed and durable entries wait to be handed out. */
  get hasCommitted(): boolean {
    return this.#handedOut < Math.min(this.#commitIndex, this.#persistedIndex);
  }

  /** Hands out the next committed entries, at most `maxBytes` of them (but at least one, if any). */
  takeCommitted(maxBytes: number): readonly Entry[] {
    const to = Math.min(this.#commitIndex, this.#persistedIndex);
    if (this.#handedOut >= to) return [];
    const entries = this.slice(this.#handedOut + 1, Infinity, maxBytes, to);
    this.#handedOut += entries.length;
    return entries;
  }

  /** Notes that the state machine has applied everything up to `index`. */
  applied(index: LogIndex): void {
    invariant(index <= this.#handedOut, `applied ${index}: only ${this.#handedOut} was handed out`);
    this.#lastApplied = Math.max(this.#lastApplied, index);
  }

  /** Whether entries wait to be written. */
  get hasUnpersisted(): boolean {
    return this.#nextToPersist <= this.last.index;
  }

  /** Bytes of the entries that no write has taken yet, and no less than they will take on disk. */
  get unpersistedBytes(): number {
    const last = this.last.index;
    return this.bytesBetween(this.#nextToPersist - 1, last) + entryOverheadBytes * (last + 1 - this.#nextToPersist);
  }

  /** Hands out all entries that no write has taken yet. */
  takeUnpersisted(): readonly Entry[] {
    const entries = this.#entries.slice(this.#nextToPersist - this.firstIndex);
    this.#nextToPersist = this.last.index + 1;
    return entries;
  }

  /**
   * Notes that everything up to `last` is durable. Ignored if that slot now holds another term: the write covered entries
   * that a newer leader has replaced meanwhile, and says nothing about their successors.
   */
  persisted(last: EntryId): void {
    if (this.termAt(last.index) === last.term) this.#persistedIndex = Math.max(this.#persistedIndex, last.index);
  }

  /** Forgets what an own snapshot covers, except the last `maxRetainedBytes` of it. */
  compactTo(snapshot: SnapshotMeta, maxRetainedBytes: number): void {
    const { index } = snapshot.last;
    if (index <= this.#snapshot.last.index) return;
    invariant(index <= this.#lastApplied, `snapshot at ${index} is ahead of lastApplied ${this.#lastApplied}`);
    invariant(this.contains(snapshot.last), `snapshot at ${index} has term ${snapshot.last.term}: not the log's`);
    this.#snapshot = snapshot;
    // How many entries go: all up to the snapshot, less those that fit the allowance.
    let count = index - this.#base.index;
    for (let bytes = 0; count > 0; count--) {
      const entry = this.#entries[count - 1];
      bytes += entryOverheadBytes + (entry === undefined ? 0 : entryBytes(entry));
      if (bytes > maxRetainedBytes) break;
    }
    const last = this.#entries[count - 1];
    if (last === undefined) return;
    this.#base = { index: last.index, term: last.term };
    this.#entries.splice(0, count);
    this.#configurations.compactTo(last.index);
  }

  /** Replaces the whole log by a received snapshot, which is durable already. */
  restore(snapshot: SnapshotMeta): void {
    const index = snapshot.last.index;
    invariant(index > this.#commitIndex, `snapshot at ${index} is behind commitIndex ${this.#commitIndex}`);
    this.#configurations.truncateFrom(0);
    this.#configurations.append(index, snapshot.configuration);
    this.#configurations.compactTo(index);
    this.#snapshot = snapshot;
    this.#base = snapshot.last;
    this.#entries = [];
    this.#commitIndex = index;
    this.#handedOut = index;
    this.#persistedIndex = index;
    this.#nextToPersist = index + 1;
  }
}
