/**
 * Stable storage in the files of one data directory; `open_directory.ts` lists them, and each format stands where it is
 * written: `record.ts`, `wal_format.ts`, `witness.ts`, `snapshot_file.ts`, `meta.ts`.
 *
 * A batch costs one write and one fsync on the log, and one write to the witness, which nobody waits for. What a crash
 * leaves at each step of a batch:
 *
 * 1. before or during the write, before the fsync has returned: the batch is absent, whole, or torn and then dropped;
 * 2. after the fsync, before the note in the witness: the batch is whole, and the witness is one behind;
 * 3. after the note: the batch is whole, and its loss would be noticed.
 *
 * After a failed write or fsync everything is refused: the kernel may have dropped what it could not write and would call
 * the next fsync a success. Only a write that found no room is taken back and may be repeated; see `disk_room.ts`.
 *
 * @module
 */
import type { EntryId, LogIndex, SnapshotMeta } from "../core/types.ts";
import { invariant, InvariantError } from "../core/invariant.ts";
import type { DirectoryCard } from "./directory_card.ts";
import type { DirectoryLock } from "./file_system.ts";
import { LogSizes } from "./log_sizes.ts";
import { openDirectory, type OpenedDirectory, type OpenOptions, type Recovery } from "./open_directory.ts";
import { setAside } from "./set_aside.ts";
import type { SnapshotStore } from "./snapshot_store.ts";
import { DiskFullError } from "./storage.ts";
import type { ChunkOutcome, SnapshotChunk, Storage, StorageStatus, StoredState, WriteBatch } from "./storage.ts";
import type { StorageClock } from "./storage_clock.ts";
import { messageOf, StorageError } from "./storage_error.ts";
import { SyncLatency } from "./sync_latency.ts";
import type { Wal } from "./wal.ts";
import { hardStateBytes } from "./wal_format.ts";
import type { Witness } from "./witness.ts";

export type { OpenOptions, Recovery } from "./open_directory.ts";

/** Storage of one node in the files of a {@link FileSystem}. */
export class FileStorage implements Storage {
  readonly #directory: string;
  readonly #clock: StorageClock;
  readonly #lock: DirectoryLock;
  readonly #wal: Wal;
  readonly #witness: Witness;
  readonly #snapshots: SnapshotStore;
  /** Whose directory it is, and whom it knows. */
  readonly card: DirectoryCard;
  /** What opening had to put right. */
  readonly recovery: Recovery;
  readonly #sizes: LogSizes;
  #initial: StoredState | null;
  #hardStateBytes: number;
  /** Smoothed duration of a write with its fsync, in milliseconds; 0 before the first. */
  #syncMs = 0;
  readonly #latency = new SyncLatency();
  /** When the write under way began. */
  #writeStartedMs = 0;
  #writing: Promise<void> | null = null;
  #failed: StorageError | null = null;
  #closed = false;

  private constructor(options: OpenOptions, lock: DirectoryLock, parts: OpenedDirectory) {
    this.#directory = options.fileSystem.directory;
    this.#clock = options.clock;
    this.#lock = lock;
    this.#wal = parts.wal;
    this.#witness = parts.witness;
    this.#snapshots = parts.snapshots;
    this.card = parts.card;
    this.recovery = parts.recovery;
    this.#initial = parts.initial;
    this.#hardStateBytes = hardStateBytes(parts.initial.hardState);
    this.#sizes = new LogSizes(parts.initial.snapshot.last.index);
    for (const { entry, bytes } of parts.sized) this.#sizes.append(entry.index, bytes);
  }

  /**
   * Opens a node's data directory, and creates it when there is none. Throws a {@link StorageError} when it is held by
   * another process, belongs to another node or cluster, is damaged, was written by a newer version, or cannot be written.
   */
  static open(options: OpenOptions): Promise<FileStorage> {
    return FileStorage.#open(options, null);
  }

  /**
   * Puts whatever is in the directory out of the way and begins anew beside it, under another incarnation of the node:
   * one that was never used. Nothing is deleted; see `set_aside.ts`.
   */
  static openAnew(options: OpenOptions & { readonly incarnation: number }): Promise<FileStorage> {
    invariant(options.incarnation > 0, "a directory that begins anew needs an incarnation of its own");
    return FileStorage.#open(options, String(options.incarnation));
  }

  static async #open(options: OpenOptions, setAsideLabel: string | null): Promise<FileStorage> {
    const { fileSystem } = options;
    const { directory } = fileSystem;
    const lock = await lockDirectory(options);
    let storage: FileStorage | null = null;
    let early: StorageError | null = null;
    const onWitnessFailure = (error: unknown): void => {
      const failure = ioError(directory, "write the witness", error);
      if (storage === null) early = failure;
      else storage.#failed ??= failure;
    };
    try {
      if (setAsideLabel !== null) await setAside(fileSystem, setAsideLabel);
      const parts = await openDirectory(options, onWitnessFailure);
      storage = new FileStorage(options, lock, parts);
      storage.#failed = early;
      return storage;
    } catch (error) {
      lock[Symbol.dispose]();
      if (error instanceof StorageError || error instanceof InvariantError) throw error;
      throw new StorageError("io", `Cannot open data directory ${directory}: ${messageOf(error)}`, error);
    }
  }

  /** What was found on opening; gone with the first {@link write}, so that the entries are not held twice. */
  get initial(): StoredState {
    invariant(this.#initial !== null, "Storage.initial must be read before the first write");
    return this.#initial;
  }

  /** Whether nothing was ever promised from here: no term, no vote, no entry, no snapshot. */
  get isNew(): boolean {
    if (this.#initial === null) return false;
    const { hardState, snapshot, entries } = this.#initial;
    return hardState.currentTerm === 0 && snapshot.last.index === 0 && entries.length === 0;
  }

  /** Makes a batch durable. */
  write(batch: WriteBatch): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    if (batch.hardState === null && batch.logStart === null && batch.entries.length === 0) return Promise.resolve();
    if (this.#writing !== null) {
      return Promise.reject(new InvariantError("Invariant broken: a write began while another was in flight"));
    }
    this.#initial = null;
    this.#writing = this.#write(batch);
    return this.#writing;
  }

  /** Saves a snapshot of the own state machine, and lets go of log that neither kept snapshot needs. */
  async saveSnapshot(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#throwIfRefused();
    const source = new Source(chunks);
    try {
      await this.#snapshots.save(snapshot, source);
      await this.#afterSnapshot();
    } catch (error) {
      // What the caller's own iterator threw says nothing about the disk.
      throw source.failed && error === source.error ? error : this.#fail("save a snapshot", error);
    }
  }

  /** The newest snapshot's bytes, verified. */
  async *readSnapshot(): AsyncGenerator<Uint8Array> {
    this.#throwIfRefused();
    yield* this.#snapshots.read();
  }

  /** A part of a kept snapshot, or null. */
  readSnapshotChunk(snapshot: EntryId, offset: number, maxBytes: number): Promise<SnapshotChunk | null> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    return this.#snapshots.readChunk(snapshot, offset, maxBytes);
  }

  /** Stores a chunk from a leader. */
  async receiveSnapshotChunk(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer = "",
  ): Promise<ChunkOutcome> {
    this.#throwIfRefused();
    try {
      const outcome = await this.#snapshots.receive(snapshot, offset, data, checksum, done, transfer);
      if (outcome.kind === "complete") await this.#afterSnapshot();
      return outcome;
    } catch (error) {
      throw this.#fail("store a snapshot from the leader", error);
    }
  }

  /** Figures for `status`. */
  status(): StorageStatus {
    const nowMs = this.#clock.monotonicMs();
    const underWayMs = this.#writing === null ? 0 : nowMs - this.#writeStartedMs;
    const latency = this.#latency;
    return {
      logBytes: this.#hardStateBytes + this.#sizes.bytes,
      snapshotBytes: this.#snapshots.newest?.bytes ?? 0,
      syncMs: this.#syncMs,
      // Worked out when somebody looks: the size of the log is asked for after every command, percentiles are not.
      get sync() {
        return latency.figures(nowMs, underWayMs);
      },
    };
  }

  /** Of the log's bytes, those of the entries up to `index`. */
  logBytesThrough(index: LogIndex): number {
    return this.#sizes.bytesThrough(index);
  }

  /** Waits for what is in flight, flushes the witness, and releases files and lock. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#writing?.catch(() => {});
      await this.#snapshots.close();
      await this.card.close();
      await this.#witness.close(this.#failed === null);
    } finally {
      this.#wal.close();
      this.#lock[Symbol.dispose]();
    }
  }

  async #write(batch: WriteBatch): Promise<void> {
    this.#writeStartedMs = this.#clock.monotonicMs();
    try {
      if (batch.logStart !== null) this.#sizes.restart(batch.logStart.last.index);
      const rolled = await this.#wal.write(batch, this.#onSize);
      if (batch.hardState !== null) this.#hardStateBytes = hardStateBytes(batch.hardState);
      this.#witness.note(this.#wal.note());
      // Segments may be deleted from now on: the witness must not lag behind the oldest.
      if (rolled) await this.#witness.flush();
    } catch (error) {
      throw this.#fail("write the log", error);
    } finally {
      this.#writing = null;
    }
    const nowMs = this.#clock.monotonicMs();
    const took = nowMs - this.#writeStartedMs;
    this.#latency.record(nowMs, took);
    this.#syncMs = this.#syncMs === 0 ? took : this.#syncMs + (took - this.#syncMs) / 8;
  }

  readonly #onSize = (index: number, bytes: number): void => this.#sizes.append(index, bytes);

  async #afterSnapshot(): Promise<void> {
    this.#sizes.dropThrough(this.#snapshots.newest?.snapshot.last.index ?? 0);
    this.#wal.requestRoll();
    await this.#wal.removeThrough(this.#snapshots.coveredIndex);
  }

  #fail(attempt: string, error: unknown): unknown {
    if (error === this.#failed || error instanceof DiskFullError) return error;
    const failure = error instanceof StorageError ? error : ioError(this.#directory, attempt, error);
    this.#failed ??= failure;
    return error instanceof InvariantError ? error : failure;
  }

  #refusal(): StorageError | null {
    if (this.#closed) {
      return new StorageError("io", `Cannot use data directory ${this.#directory}: the storage has been closed`);
    }
    return this.#failed;
  }

  #throwIfRefused(): void {
    const refusal = this.#refusal();
    if (refusal !== null) throw refusal;
  }
}

/** Chunks, and whether producing them failed. */
class Source implements AsyncIterable<Uint8Array> {
  failed = false;
  error: unknown = undefined;
  readonly #chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#chunks;
    } catch (error) {
      this.failed = true;
      this.error = error;
      throw error;
    }
  }
}

function ioError(directory: string, attempt: string, error: unknown): StorageError {
  return new StorageError(
    "io",
    `Cannot ${attempt} in data directory ${directory}: ${
      messageOf(error)
    }. The storage refuses everything else until ` +
      `it is opened anew: a failed write or fsync cannot be retried.`,
    error,
  );
}

async function lockDirectory(options: OpenOptions): Promise<DirectoryLock> {
  const { fileSystem } = options;
  try {
    await fileSystem.prepare();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError("io", `Cannot write to data directory ${fileSystem.directory}: ${messageOf(error)}`, error);
  }
  try {
    return await fileSystem.lock();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError("locked", messageOf(error), error);
  }
}
