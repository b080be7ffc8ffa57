/**
 * Appends to the write-ahead log; its format, and what a crash leaves, stand in `wal_format.ts`.
 *
 * @module
 */
import type { Entry, EntryId, HardState } from "../core/types.ts";
import { invariant } from "../core/invariant.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { writeEntry } from "../encoding/entry_codec.ts";
import { createFile, writeFailure } from "./disk_room.ts";
import type { FileSystem, StorageFile } from "./file_system.ts";
import { encodePreamble, magics, preambleBytes, recordTypes, RecordWriter } from "./record.ts";
import { DiskFullError, type WriteBatch } from "./storage.ts";
import {
  type Commit,
  entriesRecordBytes,
  minimumSegmentBytes,
  segmentBytes,
  segmentFileId,
  type SegmentHeader,
  segmentName,
  writeCommit,
  writeHardState,
  writeSegmentHeader,
} from "./wal_format.ts";
import type { LogTail, RecoveredLog, SegmentInfo } from "./wal_recovery.ts";
import type { WitnessNote } from "./witness.ts";

/** What a {@link Wal} goes on from. */
interface WalStart {
  readonly segments: readonly SegmentInfo[];
  readonly last: EntryId;
  readonly hardState: HardState;
  readonly tail: LogTail;
}

/** When segments end, in bytes. */
export interface WalLimits {
  /** A segment is closed once it has this many bytes. */
  readonly segmentBytes: number;
  /** After a snapshot a new segment is begun if the current one has at least this many bytes. */
  readonly minimumSegmentBytes: number;
}

/** Told the index and the encoded size of each entry written. */
export type SizeListener = (index: number, bytes: number) => void;

/** The open log. One {@link write} at a time. */
export class Wal {
  readonly #fileSystem: FileSystem;
  readonly #directoryId: string;
  readonly #limits: WalLimits;
  /** Kept segments, oldest first; the last one is being written. Numbers are consecutive. */
  readonly #segments: SegmentInfo[];
  readonly #cbor = new CborWriter(4096);
  #records: RecordWriter;
  #file: StorageFile;
  /** Where the next batch goes: #offset >= preambleBytes. */
  #offset: number;
  /** Checksum of the last commit record. */
  #checksum: number;
  /** Number of the last batch: >= 1. */
  #batch: number;
  #fileId: Uint8Array;
  /** The last entry of the log. */
  #last: EntryId;
  #hardState: HardState;
  #rollWanted = false;
  /** Whether the file was cut without having been made durable since. */
  #isCut = false;

  private constructor(
    fileSystem: FileSystem,
    directoryId: string,
    start: WalStart,
    file: StorageFile,
    limits: Partial<WalLimits>,
  ) {
    this.#fileSystem = fileSystem;
    this.#directoryId = directoryId;
    this.#limits = { segmentBytes, minimumSegmentBytes, ...limits };
    this.#segments = [...start.segments];
    this.#file = file;
    this.#fileId = start.tail.fileId;
    this.#records = new RecordWriter(this.#fileId);
    this.#offset = start.tail.offset;
    this.#checksum = start.tail.checksum;
    this.#batch = start.tail.batch;
    this.#last = start.last;
    this.#hardState = start.hardState;
  }

  /** Creates the first segment of a new directory: term 0, no vote, no entries. Durable when it resolves. */
  static create(fileSystem: FileSystem, directoryId: string): Promise<void> {
    const log = { hardState: { currentTerm: 0, votedFor: null }, base: { index: 0, term: 0 }, entries: [] };
    return writeLog(fileSystem, directoryId, { number: 1, batch: 1 }, log);
  }

  /** Goes on with a log that {@link recoverLog} has read and {@link settleTail} has settled. */
  static async open(
    fileSystem: FileSystem,
    directoryId: string,
    log: RecoveredLog,
    limits: Partial<WalLimits> = {},
  ): Promise<Wal> {
    const newest = log.segments[log.segments.length - 1];
    invariant(newest !== undefined, "a log has a segment");
    const file = await fileSystem.open(segmentName(newest.number), { isUrgent: true });
    return new Wal(fileSystem, directoryId, log, file, limits);
  }

  /** The last entry of the log. */
  get last(): EntryId {
    return this.#last;
  }

  /** Number of segments kept: >= 1. */
  get segmentCount(): number {
    return this.#segments.length;
  }

  /** The note for the witness about the batch written last. */
  note(): WitnessNote {
    const { currentTerm, votedFor } = this.#hardState;
    const hardState = { currentTerm, votedFor };
    return { batch: this.#batch, fileId: this.#fileId, checksum: this.#checksum, last: this.#last, hardState };
  }

  /**
   * Writes a batch and makes it durable. Resolves to whether a new segment was begun for it. `onSize` is told of every
   * entry before the write, so that sizes are right as soon as it resolves. After a DiskFullError the log is as it was, and
   * the next batch must be the same.
   */
  async write(batch: WriteBatch, onSize: SizeListener): Promise<boolean> {
    this.#check(batch);
    const hardState = batch.hardState ?? this.#hardState;
    if (batch.logStart !== null || this.#rollWanted || this.#offset >= this.#limits.segmentBytes) {
      await this.#begin(batch, onSize);
      return true;
    }
    const number = this.#batch + 1;
    const lastWritten = batch.entries[batch.entries.length - 1];
    const last = lastWritten === undefined ? this.#last : { index: lastWritten.index, term: lastWritten.term };
    this.#records.start(this.#offset, this.#checksum);
    const result = { last, hardState };
    appendBatch(this.#records, this.#cbor, this.#offset, number, null, batch, result, onSize);
    try {
      await this.#file.write(this.#offset, this.#records.view());
    } catch (error) {
      throw await this.#takeBack(error);
    }
    await this.#file.sync();
    this.#isCut = false;
    this.#offset += this.#records.length;
    this.#checksum = this.#records.checksum;
    this.#batch = number;
    this.#last = last;
    this.#hardState = hardState;
    return false;
  }

  /** A write that found no room is taken back whole; see `disk_room.ts`. Returns what to throw. */
  async #takeBack(error: unknown): Promise<unknown> {
    const failure = writeFailure(this.#fileSystem.directory, error);
    if (!(failure instanceof DiskFullError)) return failure;
    await this.#file.truncate(this.#offset);
    this.#isCut = true;
    return failure;
  }

  /** Begins a new segment with the next batch, if the current one is worth it, so that old ones can be deleted. */
  requestRoll(): void {
    if (this.#offset >= this.#limits.minimumSegmentBytes) this.#rollWanted = true;
  }

  /** Deletes segments that hold nothing behind `index`. Each crash in between leaves a log that can be read. */
  async removeThrough(index: number): Promise<void> {
    let covered = 0;
    while (covered + 1 < this.#segments.length && (this.#segments[covered + 1]?.base.index ?? Infinity) <= index) {
      covered++;
    }
    await this.#removeOldest(covered);
  }

  /** Releases the file. */
  close(): void {
    this.#file.close();
  }

  async #removeOldest(count: number): Promise<void> {
    if (count === 0) return;
    for (const segment of this.#segments.splice(0, count)) {
      await this.#fileSystem.remove(segmentName(segment.number));
    }
    await this.#fileSystem.syncDirectory();
  }

  #check(batch: WriteBatch): void {
    const before = batch.logStart === null ? this.#last.index : batch.logStart.last.index;
    const first = batch.entries[0];
    if (first === undefined) return;
    invariant(first.index <= before + 1, `entry ${first.index} would leave a gap behind entry ${before}`);
    invariant(batch.logStart === null || first.index === before + 1, `entry ${first.index} is before the log's start`);
    let expected = first.index;
    for (const { index } of batch.entries) {
      const slot = expected++;
      invariant(index === slot, () => `entry ${index} stands where ${slot} belongs`);
    }
  }

  /** Begins a segment whose opening batch is `batch`, after a new start of the log when it asks for one. */
  async #begin(batch: WriteBatch, onSize: SizeListener): Promise<void> {
    const restart = batch.logStart !== null;
    const base = batch.logStart === null ? this.#last : batch.logStart.last;
    const number = (this.#segments[this.#segments.length - 1]?.number ?? 0) + 1;
    const header: SegmentHeader = { directoryId: this.#directoryId, number, base, restart };
    const fileId = segmentFileId(this.#directoryId, number, this.#checksum);
    const records = new RecordWriter(fileId);
    const lastWritten = batch.entries[batch.entries.length - 1];
    const last = lastWritten === undefined ? base : { index: lastWritten.index, term: lastWritten.term };
    const hardState = batch.hardState ?? this.#hardState;
    const opening: WriteBatch = { hardState, logStart: null, entries: batch.entries };
    // Only the newest segment may end in a torn batch: what was cut off must not be there again once this one is old.
    if (this.#isCut) await this.#file.sync();
    this.#isCut = false;
    records.start(preambleBytes, this.#checksum);
    const result = { last, hardState };
    appendBatch(records, this.#cbor, preambleBytes, this.#batch + 1, header, opening, result, onSize);
    await writeSegment(this.#fileSystem, number, records.view());

    const file = await this.#fileSystem.open(segmentName(number), { isUrgent: true });
    this.#file.close();
    this.#file = file;
    this.#segments.push({ number, base });
    this.#records = records;
    this.#fileId = fileId;
    this.#offset = preambleBytes + records.length;
    this.#checksum = records.checksum;
    this.#batch++;
    this.#last = last;
    this.#hardState = hardState;
    this.#rollWanted = false;
    // What was before a new start is void.
    if (restart) await this.#removeOldest(this.#segments.length - 1);
  }
}

function ignoreSize(): void {}

/** Writes a segment with which the log begins anew, all in its opening batch. Durable when it resolves. */
export async function writeLog(
  fileSystem: FileSystem,
  directoryId: string,
  { number, batch }: { readonly number: number; readonly batch: number },
  { hardState, base, entries }: {
    readonly hardState: HardState;
    readonly base: EntryId;
    readonly entries: readonly Entry[];
  },
): Promise<void> {
  const header: SegmentHeader = { directoryId, number, base, restart: true };
  const records = new RecordWriter(segmentFileId(directoryId, number, 0));
  const last = entries.at(-1) ?? base;
  const result = { last: { index: last.index, term: last.term }, hardState };
  records.start(preambleBytes, 0);
  const opening: WriteBatch = { hardState, logStart: null, entries };
  appendBatch(records, new CborWriter(), preambleBytes, batch, header, opening, result, ignoreSize);
  await writeSegment(fileSystem, number, records.view());
}

/** Writes a segment under a temporary name, makes it durable, and gives it its name. */
async function writeSegment(fileSystem: FileSystem, number: number, opening: Uint8Array): Promise<void> {
  const name = segmentName(number);
  const temporary = name.replace(/\.log$/, ".tmp");
  await createFile(fileSystem, temporary, {}, async (file) => {
    const bytes = new Uint8Array(preambleBytes + opening.length);
    bytes.set(encodePreamble(magics.log));
    bytes.set(opening, preambleBytes);
    try {
      await file.write(0, bytes);
    } catch (error) {
      throw writeFailure(fileSystem.directory, error);
    }
    await file.sync();
    file.close();
  });
  await fileSystem.rename(temporary, name);
  await fileSystem.syncDirectory();
}

/** Appends the records of one batch. `header` is set for the opening batch of a segment. */
function appendBatch(
  records: RecordWriter,
  cbor: CborWriter,
  start: number,
  number: number,
  header: SegmentHeader | null,
  batch: WriteBatch,
  result: Pick<Commit, "last" | "hardState">,
  onSize: SizeListener,
): void {
  let count = 0;
  const flush = (type: (typeof recordTypes)["segmentHeader" | "hardState" | "entries"]): void => {
    records.append(type, number, cbor.view());
    cbor.reset();
    count++;
  };
  cbor.reset();
  if (header !== null) {
    writeSegmentHeader(cbor, header);
    flush(recordTypes.segmentHeader);
  }
  if (batch.hardState !== null) {
    writeHardState(cbor, batch.hardState);
    flush(recordTypes.hardState);
  }
  for (const entry of batch.entries) {
    const before = cbor.length;
    writeEntry(cbor, entry);
    onSize(entry.index, cbor.length - before);
    if (cbor.length >= entriesRecordBytes) flush(recordTypes.entries);
  }
  if (cbor.length > 0) flush(recordTypes.entries);
  writeCommit(cbor, { start, records: count, ...result });
  records.append(recordTypes.commit, number, cbor.view());
}
