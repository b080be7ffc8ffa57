/**
 * Storage that forgets everything with its process: for tests, and for state that may be lost as a whole. Nothing in it
 * is durable, so a node on it must never come back under its old name after a crash.
 *
 * @module
 */
import {
  type Configuration,
  type EntryId,
  type HardState,
  isSameEntry,
  type LogIndex,
  type SnapshotMeta,
  zeroEntryId,
} from "../core/types.ts";
import { invariant } from "../core/invariant.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { crc32 } from "../encoding/crc32.ts";
import { writeEntry } from "../encoding/entry_codec.ts";
import { LogSizes } from "./log_sizes.ts";
import type {
  ChunkOutcome,
  LatencyFigures,
  SnapshotChunk,
  Storage,
  StorageStatus,
  StoredState,
  WriteBatch,
} from "./storage.ts";
import { StorageError } from "./storage_error.ts";
import { hardStateBytes } from "./wal_format.ts";

/** A snapshot and its bytes. */
interface KeptSnapshot {
  readonly snapshot: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/** A snapshot that a leader is sending. */
interface Receiving {
  readonly snapshot: SnapshotMeta;
  readonly transfer: string;
  readonly parts: Uint8Array[];
  received: number;
}

const noLatency: LatencyFigures = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

/** Storage in memory. It counts what it is given and keeps only the newest two snapshots. */
export class MemoryStorage implements Storage {
  #initial: StoredState | null;
  #hardState: HardState = { currentTerm: 0, votedFor: null };
  #lastIndex = 0;
  /** Newest first; at most two. */
  #kept: KeptSnapshot[] = [];
  #receiving: Receiving | null = null;
  #closed = false;
  readonly #sizes = new LogSizes(0);
  readonly #cbor = new CborWriter();

  private constructor(initialConfiguration: Configuration) {
    const snapshot = { last: zeroEntryId, configuration: initialConfiguration };
    this.#initial = { hardState: this.#hardState, snapshot, entries: [] };
  }

  /** Storage of a node that starts in `initialConfiguration`. */
  static create(options: { readonly initialConfiguration: Configuration }): MemoryStorage {
    return new MemoryStorage(options.initialConfiguration);
  }

  /** A new node's state; gone with the first {@link write}, as in every storage. */
  get initial(): StoredState {
    invariant(this.#initial !== null, "Storage.initial must be read before the first write");
    return this.#initial;
  }

  /** Takes a batch. */
  write(batch: WriteBatch): Promise<void> {
    try {
      this.#take(batch);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Keeps a snapshot. */
  async saveSnapshot(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#throwIfClosed();
    if (this.#covers(snapshot.last)) return;
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk.slice());
    this.#adopt({ snapshot, bytes: concatenate(parts) });
  }

  /** The newest snapshot's bytes. */
  async *readSnapshot(): AsyncGenerator<Uint8Array> {
    this.#throwIfClosed();
    const newest = this.#kept[0];
    if (newest !== undefined && newest.bytes.length > 0) yield newest.bytes;
  }

  /** A part of a kept snapshot, or null. */
  readSnapshotChunk(snapshot: EntryId, offset: number, maxBytes: number): Promise<SnapshotChunk | null> {
    const kept = this.#kept.find((one) => isSameEntry(one.snapshot.last, snapshot));
    if (kept === undefined) return Promise.resolve(null);
    const data = kept.bytes.slice(offset, offset + maxBytes);
    return Promise.resolve({ data, checksum: crc32(data), done: offset + data.length >= kept.bytes.length });
  }

  /** Takes a chunk from a leader. */
  receiveSnapshotChunk(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer = "",
  ): Promise<ChunkOutcome> {
    return Promise.resolve(this.#receive(snapshot, offset, data, checksum, done, transfer));
  }

  /** Figures for `status`; nothing is ever synced. */
  status(): StorageStatus {
    const logBytes = hardStateBytes(this.#hardState) + this.#sizes.bytes;
    return { logBytes, snapshotBytes: this.#kept[0]?.bytes.length ?? 0, syncMs: 0, sync: noLatency };
  }

  /** Of the log's bytes, those of the entries up to `index`. */
  logBytesThrough(index: LogIndex): number {
    return this.#sizes.bytesThrough(index);
  }

  /** Forgets everything. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#kept = [];
    this.#receiving = null;
    return Promise.resolve();
  }

  #take(batch: WriteBatch): void {
    this.#throwIfClosed();
    const first = batch.entries[0];
    const before = batch.logStart?.last.index ?? this.#lastIndex;
    if (first !== undefined) {
      invariant(first.index <= before + 1, `entry ${first.index} would leave a gap behind entry ${before}`);
      invariant(
        batch.logStart === null || first.index === before + 1,
        `entry ${first.index} is before the log's start`,
      );
    }
    if (batch.hardState === null && batch.logStart === null && first === undefined) return;
    this.#initial = null;
    if (batch.hardState !== null) this.#hardState = batch.hardState;
    if (batch.logStart !== null) {
      this.#sizes.restart(before);
      this.#lastIndex = before;
    }
    for (const entry of batch.entries) {
      this.#cbor.reset();
      writeEntry(this.#cbor, entry);
      this.#sizes.append(entry.index, this.#cbor.length);
      this.#lastIndex = entry.index;
    }
  }

  #receive(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer: string,
  ): ChunkOutcome {
    this.#throwIfClosed();
    const newest = this.#kept[0];
    if (newest !== undefined && isSameEntry(newest.snapshot.last, snapshot.last)) return { kind: "complete" };
    if (this.#covers(snapshot.last)) return { kind: "partial", nextOffset: 0 };
    let receiving = this.#receiving;
    if (
      receiving === null || receiving.transfer !== transfer || !isSameEntry(receiving.snapshot.last, snapshot.last)
    ) {
      receiving = { snapshot, transfer, parts: [], received: 0 };
      this.#receiving = receiving;
    }
    if (offset !== receiving.received || crc32(data) !== checksum) {
      return { kind: "partial", nextOffset: receiving.received };
    }
    receiving.parts.push(data.slice());
    receiving.received += data.length;
    if (!done) return { kind: "partial", nextOffset: receiving.received };
    this.#receiving = null;
    this.#adopt({ snapshot, bytes: concatenate(receiving.parts) });
    return { kind: "complete" };
  }

  #covers(last: EntryId): boolean {
    const newest = this.#kept[0];
    return newest !== undefined && newest.snapshot.last.index >= last.index;
  }

  #adopt(kept: KeptSnapshot): void {
    if (this.#covers(kept.snapshot.last)) return;
    this.#kept = [kept, ...this.#kept].slice(0, 2);
    this.#sizes.dropThrough(kept.snapshot.last.index);
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new StorageError("io", "Cannot use the storage in memory: it has been closed");
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
