/**
 * The snapshots of a data directory: the newest two are kept, so that damage to the newest does not cost the state while
 * the log still reaches back to the older one.
 *
 * A snapshot is written to `snapshot-saving.tmp` (the own state machine's) or `snapshot-receiving.tmp` (a leader's), made
 * durable, read back and verified as a whole, then renamed to `snapshot-INDEX-TERM.snap`, and the directory is made
 * durable. The rename is the moment at which it exists. Then the third newest is deleted.
 *
 * What a crash leaves: before the rename a temporary file, deleted at the next opening, so that a transfer starts over;
 * after it the new snapshot, and perhaps three of them, of which the oldest is deleted at the next opening.
 *
 * @module
 */
import { type EntryId, isSameEntry, type SnapshotMeta } from "../core/types.ts";
import { crc32 } from "../encoding/crc32.ts";
import type { FileSystem } from "./file_system.ts";
import { parseSnapshotName, SnapshotFile, SnapshotFileWriter, snapshotName } from "./snapshot_file.ts";
import { type ChunkOutcome, DiskFullError, type SnapshotChunk } from "./storage.ts";
import { StorageError } from "./storage_error.ts";

const savingName = "snapshot-saving.tmp";
const receivingName = "snapshot-receiving.tmp";
const kept = 2;

/** A kept snapshot, with those who read it. */
interface Held {
  readonly file: SnapshotFile;
  /** Reads under way: >= 0. The file is closed and deleted when it is retired and this is 0. */
  readers: number;
  retired: boolean;
}

/** A snapshot that a leader is sending. */
interface Receiving {
  readonly snapshot: SnapshotMeta;
  readonly transfer: string;
  readonly writer: SnapshotFileWriter;
}

/** A snapshot that could not be used on opening. */
export interface DamagedSnapshot {
  /** Its file. */
  readonly name: string;
  /** What is wrong with it. */
  readonly error: StorageError;
}

/** What {@link openSnapshots} found. */
export interface FoundSnapshots {
  /** Intact ones, newest first. */
  readonly intact: readonly SnapshotFile[];
  /** Damaged ones. */
  readonly damaged: readonly DamagedSnapshot[];
}

/** Opens and verifies the newest two snapshots of a directory. Changes nothing. */
export async function openSnapshots(
  fileSystem: FileSystem,
  names: readonly string[],
  directoryId: string,
): Promise<FoundSnapshots> {
  const intact: SnapshotFile[] = [];
  const damaged: DamagedSnapshot[] = [];
  for (const name of snapshotNames(names)) {
    const last = parseSnapshotName(name);
    if (last === null || intact.length === kept) continue;
    try {
      const file = await SnapshotFile.open(fileSystem, name, directoryId, last);
      intact.push(file);
      await file.verify();
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "corrupt") {
        for (const file of intact) file.close();
        throw error;
      }
      if (intact[intact.length - 1]?.name === name) intact.pop()?.close();
      damaged.push({ name, error });
    }
  }
  return { intact, damaged };
}

/** Names of the snapshots among `names`, newest first. */
export function snapshotNames(names: readonly string[]): string[] {
  return names.filter((name) => parseSnapshotName(name) !== null).sort().reverse();
}

/** The kept snapshots of an open storage. Saving and receiving may overlap. */
export class SnapshotStore {
  readonly #fileSystem: FileSystem;
  readonly #directoryId: string;
  /** Newest first; at most two. */
  #held: Held[];
  #receiving: Receiving | null = null;
  /** Chunks are stored one after another, as are the renames of both kinds. */
  #receiveQueue: Promise<unknown> = Promise.resolve();
  #adoptQueue: Promise<unknown> = Promise.resolve();
  #saveQueue: Promise<unknown> = Promise.resolve();

  /** `intact` are the snapshots to keep, newest first. */
  constructor(fileSystem: FileSystem, directoryId: string, intact: readonly SnapshotFile[]) {
    this.#fileSystem = fileSystem;
    this.#directoryId = directoryId;
    this.#held = intact.slice(0, kept).map((file) => ({ file, readers: 0, retired: false }));
  }

  /** The newest snapshot, or null. */
  get newest(): SnapshotFile | null {
    return this.#held[0]?.file ?? null;
  }

  /** Index up to which the log is not needed even if the newest snapshot is lost: the older one's, or 0. */
  get coveredIndex(): number {
    return this.#held.length < kept ? 0 : (this.#held[kept - 1]?.file.snapshot.last.index ?? 0);
  }

  /** Writes a snapshot, after those being saved. Resolves without effect when one as new is already there. */
  save(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const saved = this.#saveQueue.then(() => this.#save(snapshot, chunks));
    this.#saveQueue = saved.catch(() => {});
    return saved;
  }

  /** Stores a chunk of the transfer named `transfer`. See `Storage.receiveSnapshotChunk`. */
  receive(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer: string,
  ): Promise<ChunkOutcome> {
    const outcome = this.#receiveQueue.then(() => this.#receive(snapshot, offset, data, checksum, done, transfer));
    this.#receiveQueue = outcome.catch(() => {});
    return outcome;
  }

  /** The newest snapshot's bytes; nothing when there is none. */
  async *read(): AsyncGenerator<Uint8Array> {
    const held = this.#held[0];
    if (held === undefined) return;
    held.readers++;
    try {
      yield* held.file.chunks();
    } finally {
      await this.#release(held);
    }
  }

  /** A part of a kept snapshot; null when it is not kept. */
  async readChunk(last: EntryId, offset: number, maxBytes: number): Promise<SnapshotChunk | null> {
    const held = this.#held.find(({ file }) => isSameEntry(file.snapshot.last, last));
    if (held === undefined) return null;
    held.readers++;
    try {
      return await held.file.chunk(offset, maxBytes);
    } finally {
      await this.#release(held);
    }
  }

  /** Waits for what is being stored and closes all files. */
  async close(): Promise<void> {
    await this.#saveQueue;
    await this.#receiveQueue;
    await this.#adoptQueue;
    this.#receiving?.writer.abort();
    this.#receiving = null;
    for (const { file } of this.#held) file.close();
    this.#held = [];
  }

  async #save(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#covers(snapshot.last)) return;
    const writer = await SnapshotFileWriter.create(this.#fileSystem, savingName, this.#directoryId, snapshot);
    try {
      for await (const chunk of chunks) await writer.write(chunk);
    } catch (error) {
      writer.abort();
      await this.#fileSystem.remove(savingName);
      throw error;
    }
    await this.#finish(writer, savingName);
    await this.#adopt(savingName, snapshot);
  }

  async #receive(
    snapshot: SnapshotMeta,
    offset: number,
    data: Uint8Array,
    checksum: number,
    done: boolean,
    transfer: string,
  ): Promise<ChunkOutcome> {
    const newest = this.newest;
    if (newest !== null && isSameEntry(newest.snapshot.last, snapshot.last)) return { kind: "complete" };
    if (this.#covers(snapshot.last)) return { kind: "partial", nextOffset: 0 };
    let receiving = this.#receiving;
    if (
      receiving !== null && (receiving.transfer !== transfer || !isSameEntry(receiving.snapshot.last, snapshot.last))
    ) {
      await this.#dropReceiving();
      receiving = null;
    }
    const nextOffset = receiving?.writer.received ?? 0;
    if (offset !== nextOffset || crc32(data) !== checksum || (data.length === 0 && !done)) {
      return { kind: "partial", nextOffset };
    }
    if (receiving === null) {
      const writer = await SnapshotFileWriter.create(this.#fileSystem, receivingName, this.#directoryId, snapshot);
      receiving = { snapshot, transfer, writer };
      this.#receiving = receiving;
    }
    try {
      await receiving.writer.write(data);
    } catch (error) {
      if (error instanceof DiskFullError) await this.#dropReceiving();
      throw error;
    }
    if (!done) return { kind: "partial", nextOffset: receiving.writer.received };
    this.#receiving = null;
    await this.#finish(receiving.writer, receivingName);
    await this.#adopt(receivingName, snapshot);
    return { kind: "complete" };
  }

  async #finish(writer: SnapshotFileWriter, name: string): Promise<void> {
    try {
      await writer.finish();
    } catch (error) {
      if (error instanceof DiskFullError) await this.#fileSystem.remove(name);
      throw error;
    }
  }

  async #dropReceiving(): Promise<void> {
    this.#receiving?.writer.abort();
    this.#receiving = null;
    await this.#fileSystem.remove(receivingName);
  }

  #covers(last: EntryId): boolean {
    return this.newest !== null && this.newest.snapshot.last.index >= last.index;
  }

  /** Verifies a finished temporary file, gives it its name and makes it the newest. */
  #adopt(temporary: string, snapshot: SnapshotMeta): Promise<void> {
    const adopted = this.#adoptQueue.then(() => this.#adoptNow(temporary, snapshot));
    this.#adoptQueue = adopted.catch(() => {});
    return adopted;
  }

  async #adoptNow(temporary: string, snapshot: SnapshotMeta): Promise<void> {
    const { last } = snapshot;
    if (this.#covers(last)) return await this.#fileSystem.remove(temporary);
    const written = await SnapshotFile.open(this.#fileSystem, temporary, this.#directoryId, last);
    try {
      await written.verify();
    } finally {
      written.close();
    }
    await this.#fileSystem.rename(temporary, snapshotName(last));
    await this.#fileSystem.syncDirectory();
    const file = await SnapshotFile.open(this.#fileSystem, snapshotName(last), this.#directoryId, last);
    this.#held.unshift({ file, readers: 0, retired: false });
    for (const held of this.#held.splice(kept)) {
      held.retired = true;
      held.readers++;
      await this.#release(held);
    }
  }

  async #release(held: Held): Promise<void> {
    held.readers--;
    if (!held.retired || held.readers > 0) return;
    held.file.close();
    await this.#fileSystem.remove(held.file.name);
  }
}
