/**
 * Reads the log of a data directory on opening, checks it against the witness, and settles what a crash left at its end.
 * Reading changes nothing; {@link settleTail} does, once everything else in the directory has proved sound.
 *
 * @module
 */
import { type EntryId, type HardState, zeroEntryId } from "../core/types.ts";
import { CborError } from "../encoding/cbor_value.ts";
import type { FileSystem } from "./file_system.ts";
import { LogImage } from "./log_image.ts";
import { equalsAt, recordTypes } from "./record.ts";
import { corruptError, StorageError } from "./storage_error.ts";
import {
  maxSegmentBytes,
  readHardState,
  readSegmentHeader,
  segmentFileId,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from "./wal_format.ts";
import { type ScannedBatch, type ScannedSegment, scanSegment } from "./wal_scan.ts";
import type { WitnessNote } from "./witness.ts";

/** A segment that is kept. */
export interface SegmentInfo {
  /** Its number. */
  readonly number: number;
  /** The log's last entry when it was begun. */
  readonly base: EntryId;
}

/** Where the next batch goes. */
export interface LogTail {
  /** File id of the newest segment. */
  readonly fileId: Uint8Array;
  /** Offset behind the last batch. */
  readonly offset: number;
  /** Checksum of the last commit record. */
  readonly checksum: number;
  /** Number of the last batch. */
  readonly batch: number;
}

/** A write that a crash cut short. */
export interface TornTail {
  /** The segment's file. */
  readonly file: string;
  /** Where the dropped bytes begin. */
  readonly offset: number;
  /** How many there are. */
  readonly bytes: number;
  /** Why they are no batch. */
  readonly reason: string;
}

/** The log as found. */
export interface RecoveredLog {
  /** The newest run of segments with consecutive numbers. */
  readonly segments: readonly SegmentInfo[];
  /** Older segments, left behind by an interrupted deletion. */
  readonly leftovers: readonly string[];
  /** The replayed log. */
  readonly image: LogImage;
  /** Its last entry. */
  readonly last: EntryId;
  /** The hard state written last. */
  readonly hardState: HardState;
  /** Where to go on. */
  readonly tail: LogTail;
  /** The last batch, unless a witness says that its fsync returned. */
  readonly unproven: { readonly offset: number; readonly bytes: Uint8Array } | null;
  /** What a crash left behind the last batch, or null. */
  readonly torn: TornTail | null;
}

/** Numbers of the segments among `names`, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  return names.map(segmentNumber).filter((number) => number !== null).sort((a, b) => a - b);
}

/** Reads a whole file; one that is larger than `maxBytes` is refused before anything is allocated. */
export async function readWhole(fileSystem: FileSystem, name: string, maxBytes: number): Promise<Uint8Array> {
  const file = await fileSystem.open(name);
  try {
    const size = await file.size();
    if (size > maxBytes) {
      throw corruptError(fileSystem.directory, name, 0, `it has ${size} bytes, and at most ${maxBytes} are possible`);
    }
    return await file.read(0, size);
  } finally {
    file.close();
  }
}

/** Replays segment after segment. */
class Replay {
  readonly segments: SegmentInfo[] = [];
  image = new LogImage(zeroEntryId);
  hardState: HardState = { currentTerm: 0, votedFor: null };
  tail: LogTail = { fileId: new Uint8Array(8), offset: 0, checksum: 0, batch: 0 };
  readonly #directory: string;
  readonly #directoryId: string;
  readonly #witness: WitnessNote | null;

  constructor(directory: string, directoryId: string, witness: WitnessNote | null) {
    this.#directory = directory;
    this.#directoryId = directoryId;
    this.#witness = witness;
  }

  segment(scanned: ScannedSegment, number: number): void {
    const file = segmentName(number);
    const opening = scanned.batches[0];
    const header = opening === undefined ? null : this.#header(scanned, opening, file, number);
    if (header === null) throw corruptError(this.#directory, file, 0, "it does not begin with its header");
    if (this.segments.length === 0 || header.restart) this.image.restart(header.base);
    this.segments.push({ number, base: header.base });
    for (const batch of scanned.batches) {
      this.#batch(scanned, batch, file);
      this.tail = { fileId: scanned.fileId, offset: batch.end, checksum: batch.checksum, batch: batch.number };
    }
  }

  #header(scanned: ScannedSegment, opening: ScannedBatch, file: string, number: number): SegmentHeader {
    const record = opening.records[0];
    const broken = (found: string): StorageError => corruptError(this.#directory, file, opening.start, found);
    if (record === undefined || record.type !== recordTypes.segmentHeader) throw broken("it has no header");
    const header = this.#decode(file, opening.start, () => readSegmentHeader(record.payload));
    if (header.directoryId !== this.#directoryId) throw broken("it was written for another directory");
    if (header.number !== number) throw broken(`it is segment ${header.number} under the name of another`);
    const expectedId = segmentFileId(header.directoryId, number, record.previousChecksum);
    if (!equalsAt(scanned.fileId, 0, expectedId)) throw broken("its file id is not its own");
    if (this.segments.length > 0) {
      if (record.previousChecksum !== this.tail.checksum || record.sequence !== this.tail.batch + 1) {
        const end = `batch ${this.tail.batch} at offset ${this.tail.offset} of ${segmentName(number - 1)}`;
        throw broken(`it does not continue the log, which ends with ${end}`);
      }
    }
    return header;
  }

  #batch(scanned: ScannedSegment, batch: ScannedBatch, file: string): void {
    for (const record of batch.records) {
      const broken = this.#decode(file, batch.start, () => {
        switch (record.type) {
          case recordTypes.segmentHeader:
            return record === scanned.batches[0]?.records[0] ? null : "a second header";
          case recordTypes.hardState:
            this.hardState = readHardState(record.payload);
            return null;
          case recordTypes.entries:
            return this.image.append(record.payload);
          default:
            return `a record of type ${record.type}, which a log does not have`;
        }
      });
      if (broken !== null) throw corruptError(this.#directory, file, batch.start, broken);
    }
    const last = this.image.last;
    if (last === null || last.index !== batch.commit.last.index || last.term !== batch.commit.last.term) {
      throw corruptError(this.#directory, file, batch.start, "its commit record names another last entry");
    }
    const { hardState } = batch.commit;
    if (hardState !== null && !sameHardState(hardState, this.hardState)) {
      throw corruptError(this.#directory, file, batch.start, "its commit record names another term or vote");
    }
    const witness = this.#witness;
    if (witness !== null && witness.batch === batch.number) {
      if (witness.checksum !== batch.checksum || !equalsAt(witness.fileId, 0, scanned.fileId)) {
        throw corruptError(
          this.#directory,
          file,
          batch.start,
          `batch ${batch.number} is not the one that was acknowledged`,
        );
      }
    }
  }

  #decode<T>(file: string, offset: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CborError)) throw error;
      throw corruptError(this.#directory, file, offset, `a record cannot be read (${error.message})`);
    }
  }
}

function sameHardState(one: HardState, other: HardState): boolean {
  return one.currentTerm === other.currentTerm && one.votedFor === other.votedFor;
}

/** Reads the log. `witness` is the newest note found, or null. Changes nothing. */
export async function recoverLog(
  fileSystem: FileSystem,
  names: readonly string[],
  directoryId: string,
  witness: WitnessNote | null,
): Promise<RecoveredLog> {
  const numbers = segmentNumbers(names);
  let runStart = Math.max(0, numbers.length - 1);
  while (runStart > 0 && numbers[runStart - 1] === (numbers[runStart] ?? 0) - 1) runStart--;
  const newest = numbers[numbers.length - 1];
  if (newest === undefined) {
    throw corruptError(fileSystem.directory, "the log", 0, "no segment (wal-….log) is left");
  }

  const replay = new Replay(fileSystem.directory, directoryId, witness);
  let torn: TornTail | null = null;
  let lastBatch = { offset: 0, bytes: new Uint8Array(0) };
  for (const number of numbers.slice(runStart)) {
    const name = segmentName(number);
    const bytes = await readWhole(fileSystem, name, maxSegmentBytes);
    const scanned = scanSegment(bytes, fileSystem.directory, name);
    replay.segment(scanned, number);
    const end = replay.tail.offset;
    if (scanned.tornReason !== null) {
      // Only the newest segment is ever written to, and only after the others were whole.
      if (number !== newest) throw corruptError(fileSystem.directory, name, scanned.tornAt, scanned.tornReason);
      torn = { file: name, offset: end, bytes: bytes.length - end, reason: scanned.tornReason };
    }
    const batch = scanned.batches[scanned.batches.length - 1];
    if (batch !== undefined) lastBatch = { offset: batch.start, bytes: bytes.slice(batch.start, batch.end) };
  }
  checkWitness(fileSystem.directory, segmentName(newest), replay, witness, torn);
  return {
    segments: replay.segments,
    leftovers: numbers.slice(0, runStart).map(segmentName),
    image: replay.image,
    last: replay.image.last ?? zeroEntryId,
    hardState: replay.hardState,
    tail: replay.tail,
    unproven: witness !== null && witness.batch === replay.tail.batch ? null : lastBatch,
    torn,
  };
}

/** The log must not end before the batch that the witness knows to have been durable. */
function checkWitness(
  directory: string,
  file: string,
  replay: Replay,
  witness: WitnessNote | null,
  torn: TornTail | null,
): void {
  if (witness === null || witness.batch <= replay.tail.batch) return;
  const { index, term } = witness.last;
  const why = torn === null ? "" : ` (${torn.reason})`;
  throw corruptError(
    directory,
    file,
    replay.tail.offset,
    `the log ends with batch ${replay.tail.batch}${why}, yet batch ${witness.batch}, up to entry ${index} of term ` +
      `${term}, was durable and may have been acknowledged`,
  );
}

/**
 * Cuts off a torn tail, writes an unproven last batch once more, and makes the log durable as it was read: a crash of
 * the process alone leaves bytes in the page cache that no fsync has covered.
 */
export async function settleTail(fileSystem: FileSystem, log: RecoveredLog): Promise<void> {
  const newest = log.segments[log.segments.length - 1];
  if (newest === undefined) return;
  const file = await fileSystem.open(segmentName(newest.number));
  try {
    if (log.torn !== null) await file.truncate(log.torn.offset);
    if (log.unproven !== null) await file.write(log.unproven.offset, log.unproven.bytes);
    if (log.torn !== null || log.unproven !== null) await file.sync();
  } finally {
    file.close();
  }
}
