/**
 * The port to stable storage, as the driver sees it. Implementations: `file_storage.ts` (on a {@link FileSystem}) and
 * `memory_storage.ts`; one contract suite runs on both.
 *
 * Failure is final: after any rejected write the storage refuses everything else and the node stops (an fsync is never
 * retried, since the kernel may have dropped the dirty pages and reported it only once). There is one exception, a
 * {@link DiskFullError}: the write found no room, everything is as it was before, and it may be repeated.
 *
 * @module
 */
import type { Entry, EntryId, HardState, LogIndex, SnapshotMeta } from "../core/types.ts";
import type { LatencyFigures } from "./sync_latency.ts";

export type { LatencyFigures } from "./sync_latency.ts";

/** There is no room on the disk. Nothing has changed, and what was asked may be asked again once there is. */
export class DiskFullError extends Error {
  /** The class name, for logs. */
  override readonly name = "DiskFullError";

  /** `cause` is the operating system's error. */
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** What a node finds when it opens its storage. */
export interface StoredState {
  /** The hard state last written; `{ currentTerm: 0, votedFor: null }` on a new directory. */
  readonly hardState: HardState;
  /** The newest intact snapshot; at index 0, without bytes, when none was ever taken. */
  readonly snapshot: SnapshotMeta;
  /** The entries right behind the snapshot, consecutive. */
  readonly entries: readonly Entry[];
}

/** One write: see `PersistBatch` in the core, whose durable half this is. */
export interface WriteBatch {
  /** The new hard state, or null when it has not changed. */
  readonly hardState: HardState | null;
  /** When set, the log is to begin after this stored snapshot, with nothing before or after. */
  readonly logStart: SnapshotMeta | null;
  /** Entries to append; a first index within the log replaces the suffix from there on. */
  readonly entries: readonly Entry[];
}

/** Part of a stored snapshot. */
export interface SnapshotChunk {
  /** The bytes at the offset asked for. */
  readonly data: Uint8Array;
  /** CRC-32 of `data`. */
  readonly checksum: number;
  /** Whether these are the last bytes. */
  readonly done: boolean;
}

/** What became of a chunk that the leader sent. */
export type ChunkOutcome =
  /** Bytes up to `nextOffset` are here without a gap; a repeated, early or damaged chunk changes nothing. */
  | { readonly kind: "partial"; readonly nextOffset: number }
  /** The snapshot is whole, verified and durable: it is now the newest one. */
  | { readonly kind: "complete" };

/** Figures for `status`. */
export interface StorageStatus {
  /** Bytes that the log needs: hard state and the entries behind the newest snapshot, encoded. */
  readonly logBytes: number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: number;
  /** Smoothed time that one write with its fsync took lately, in milliseconds. */
  readonly syncMs: number;
  /** Times of all writes with their fsyncs of the last minute; one that is under way counts for the longest. */
  readonly sync: LatencyFigures;
}

/** Stable storage of one node. Calls may overlap except {@link write}, of which one may be in flight at a time. */
export interface Storage extends AsyncDisposable {
  /**
   * What was found on opening; to be read before the first {@link write}, which lets go of it. The caller must not keep
   * the entries of it longer than it needs.
   */
  readonly initial: StoredState;

  /**
   * Makes a batch durable, in one write and one fsync; resolves when it would survive power loss. After a
   * {@link DiskFullError} the next write must be the same batch.
   */
  write(batch: WriteBatch): Promise<void>;

  /**
   * Writes a snapshot of the own state machine: to a temporary file, checksummed, fsynced, renamed, directory fsynced.
   * When it resolves the log up to `snapshot.last` may be forgotten. Two snapshots are kept. After a {@link DiskFullError}
   * there is one snapshot less, and nothing else has changed.
   */
  saveSnapshot(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;

  /** Streams the bytes of the newest snapshot, verified, as they were given to {@link saveSnapshot}. */
  readSnapshot(): AsyncIterable<Uint8Array>;

  /** Reads at most `maxBytes` of a stored snapshot; null when that snapshot is not kept any more. */
  readSnapshotChunk(snapshot: EntryId, offset: number, maxBytes: number): Promise<SnapshotChunk | null>;

  /**
   * Stores a chunk sent by a leader. A chunk of another snapshot than the one being received starts over; a gap, a
   * repeat or a wrong checksum leaves things as they are.
   *
   * `transfer` names whose bytes these are, such as sender and term. Two nodes may hold different bytes for the snapshot
   * of the same last entry (a map iterated in another order, say), and halves of both would make a state that never was:
   * so a chunk of another transfer starts over as well. After a {@link DiskFullError} the transfer starts over, too.
   */
  receiveSnapshotChunk(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer?: string,
  ): Promise<ChunkOutcome>;

  /** Figures for `status`. */
  status(): StorageStatus;

  /** Of the log's bytes, those of the entries up to `index`. */
  logBytesThrough(index: LogIndex): number;

  /** Waits for what is in flight, then releases files and the directory's lock. */
  [Symbol.asyncDispose](): Promise<void>;
}
