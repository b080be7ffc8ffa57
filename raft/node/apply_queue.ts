/**
 * From "committed" to "applied": hands committed entries to the state machine in order, in slices short enough that a
 * long backlog does not keep the event loop from sending heartbeats, and restores snapshots between them.
 *
 * @module
 */
import { invariant } from "../core/invariant.ts";
import type { Configuration, Entry, EntryId, LogIndex, SnapshotMeta } from "../core/types.ts";
import type { Clock } from "./clock.ts";

/** Whatever stands behind the log; in Balsa the replicated state machine of `raft/rsm`. */
export interface Applier {
  /** Applies committed entries, of every kind, in order. What it throws stops the node. */
  apply(entries: readonly Entry[]): void;
  /** Replaces the whole state by a snapshot. Nothing is applied meanwhile. A rejection stops the node. */
  restore(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** What an {@link ApplyQueue} works with. */
export interface ApplyQueueOptions {
  /** Where entries go. */
  readonly applier: Applier;
  /** What the applier stands at. */
  readonly start: SnapshotMeta;
  /** Streams the newest stored snapshot. */
  readonly readSnapshot: () => AsyncIterable<Uint8Array>;
  /** Measures how long a slice took. */
  readonly clock: Clock;
  /** A restore has ended: another turn is wanted. */
  readonly onRestored: () => void;
  /** A restore has failed. */
  readonly onFailed: (error: unknown) => void;
}

/** Entries applied between two looks at the clock, at most; fewer when the state machine turns out to be slow. */
const maxSliceEntries = 256;
/** A slice that takes longer than this makes the next one half as long, otherwise it grows again. */
const slowSliceMs = 1;

/** Committed entries and snapshots that the state machine has yet to take. */
export class ApplyQueue {
  readonly #options: ApplyQueueOptions;
  /** Batches of entries; the first is begun at {@link #offset}. */
  #batches: (readonly Entry[])[] = [];
  #offset = 0;
  /** Entries in the next slice; 1 <= #sliceEntries <= maxSliceEntries. */
  #sliceEntries = 16;
  /** To be restored before any batch. */
  #snapshot: SnapshotMeta | null = null;
  #restoring: Promise<void> | null = null;
  #last: EntryId;
  #configuration: Configuration;

  /** Makes an empty queue. */
  constructor(options: ApplyQueueOptions) {
    this.#options = options;
    this.#last = options.start.last;
    this.#configuration = options.start.configuration;
  }

  /** The last entry applied, and the configuration as of it. While the applier applies a slice: of the slice's end. */
  get applied(): SnapshotMeta {
    return { last: this.#last, configuration: this.#configuration };
  }

  /** Index of the last entry applied. */
  get appliedIndex(): LogIndex {
    return this.#last.index;
  }

  /** Whether a snapshot is being restored or is about to be: the state machine must not be read. */
  get isRestoring(): boolean {
    return this.#restoring !== null || this.#snapshot !== null;
  }

  /** Whether {@link run} would find something to do. */
  get hasWork(): boolean {
    return this.#restoring === null && (this.#snapshot !== null || this.#batches.length > 0);
  }

  /** Queues what a Ready has committed. A snapshot makes all that was queued before it superfluous. */
  add(snapshot: SnapshotMeta | null, entries: readonly Entry[]): void {
    if (snapshot !== null) {
      this.#snapshot = snapshot;
      this.#batches = [];
      this.#offset = 0;
    }
    if (entries.length > 0) this.#batches.push(entries);
  }

  /** Applies until the queue is empty, a restore begins or `deadlineMs` has passed; at least one slice. */
  run(deadlineMs: number): void {
    const { clock } = this.#options;
    let startedMs = clock.monotonicMs();
    while (this.#restoring === null) {
      if (this.#snapshot !== null) return this.#beginRestore(this.#snapshot);
      const batch = this.#batches[0];
      if (batch === undefined) return;
      const end = Math.min(this.#offset + this.#sliceEntries, batch.length);
      this.#applySlice(this.#offset === 0 && end === batch.length ? batch : batch.slice(this.#offset, end));
      this.#offset = end;
      if (end === batch.length) {
        this.#batches.shift();
        this.#offset = 0;
      }
      const nowMs = clock.monotonicMs();
      const isSlow = nowMs - startedMs > slowSliceMs;
      this.#sliceEntries = isSlow
        ? Math.ceil(this.#sliceEntries / 2)
        : Math.min(2 * this.#sliceEntries, maxSliceEntries);
      if (nowMs >= deadlineMs) return;
      startedMs = nowMs;
    }
  }

  /** Resolves when no restore is under way. */
  async idle(): Promise<void> {
    await this.#restoring;
  }

  #applySlice(entries: readonly Entry[]): void {
    let { index, term } = this.#last;
    for (const entry of entries) {
      const previous = index;
      ({ index, term } = entry);
      invariant(index === previous + 1, () => `committed entries must follow each other: ${index} after ${previous}`);
      if (entry.kind === "configuration") this.#configuration = entry.configuration;
    }
    // A fresh object, so that the entry's command does not live as long as its name.
    this.#last = { index, term };
    this.#options.applier.apply(entries);
  }

  #beginRestore(snapshot: SnapshotMeta): void {
    this.#snapshot = null;
    const { applier, readSnapshot, onRestored, onFailed } = this.#options;
    this.#restoring = applier.restore(snapshot, readSnapshot()).then(
      () => {
        this.#restoring = null;
        this.#last = snapshot.last;
        this.#configuration = snapshot.configuration;
        onRestored();
      },
      (error) => {
        this.#restoring = null;
        onFailed(error);
      },
    );
  }
}
