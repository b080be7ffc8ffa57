/**
 * The write-ahead log: one log for hard state and entries, so that what is written together is durable together.
 *
 * The log is a row of segments, `wal-000000000001.log` and so on. Each begins with a preamble and continues with batches:
 *
 * ```text
 * segment = preamble, opening batch, batch, batch, …
 * opening = segmentHeader, hardState, entries*, commit          batch n
 * batch   = hardState?, entries*, commit                        batch n+1, n+2, …
 *
 * segmentHeader  [directory id, segment number, base, restart]   base: EntryId of the last entry of the log before the segment;
 *                restart: the log begins anew after the base, and what was before is void
 * hardState      [currentTerm, votedFor | null]
 * entries        entries of the log, one CBOR item after the other, consecutive; a first index within the log
 *                replaces the suffix from there on
 * commit         [start of the batch in the file, records of the batch before this one, EntryId of the log's last entry,
 *                currentTerm, votedFor | null]; without the last two in logs of early versions
 * ```
 *
 * That each commit record repeats the hard state costs a few bytes, and it means that a log with a hole in it still knows
 * its node's term and vote for certain, as long as any later batch is intact: see `salvage.ts`.
 *
 * Each record carries the number of its batch and the checksum of the record before it, across segments too. The file id
 * is made from directory id, segment number and the previous segment's last checksum.
 *
 * What a crash leaves at each step:
 *
 * - *While a batch is written, before its fsync returned*: any mixture of its sectors behind the last commit record. No
 *   one was told of the batch, so it is dropped, unless it is whole: then it counts. Only bytes behind the last valid
 *   commit record may be called torn, and only if no intact record of a *later* batch follows them: batch n+1 is written
 *   only after batch n is durable, so such a record proves that batch n was durable and is now damaged. Whether the very
 *   last batch was acknowledged and then damaged, or never finished, the log alone cannot say: see `witness.ts`.
 * - *After the fsync*: the batch is whole.
 * - *While a segment is begun*: `wal-….tmp`, deleted at the next opening. Preamble and opening batch are written to it and
 *   fsynced before it is renamed, so a segment that has its name always has its opening batch.
 * - *While old segments are deleted*: any of them may remain. The newest run of consecutive numbers counts.
 *
 * A torn tail is cut off and the cut fsynced before anything is written, so that no later scan meets the old bytes. The
 * last batch, if no witness says that its fsync returned, is written once more in place and fsynced: after a failed fsync
 * the page cache may show bytes that the disk never got.
 *
 * @module
 */
import type { EntryId, HardState } from "../core/types.ts";
import { crc32 } from "../encoding/crc32.ts";
import { CborError } from "../encoding/cbor_value.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { readEntryId, readNodeId, readPosition, writeEntryId } from "../encoding/entry_codec.ts";
import { makeFileId } from "./record.ts";

/** A segment is closed once it has this many bytes. */
export const segmentBytes = 16 * 1024 * 1024;
/** After a snapshot a new segment is begun if the current one has at least this many bytes. */
export const minimumSegmentBytes = 64 * 1024;
/** A segment larger than this was not written by Balsa: a batch is far smaller. */
export const maxSegmentBytes = 1024 * 1024 * 1024;
/** An entries record is closed once its payload has this many bytes. */
export const entriesRecordBytes = 256 * 1024;

/** First payload of a segment. */
export interface SegmentHeader {
  /** The directory the segment was written for. */
  readonly directoryId: string;
  /** 1 for the first segment, then one more each. */
  readonly number: number;
  /** The last entry of the log when the segment was begun. */
  readonly base: EntryId;
  /** Whether the log begins anew after `base`. */
  readonly restart: boolean;
}

/** Last payload of a batch. */
export interface Commit {
  /** Offset of the batch in its file. */
  readonly start: number;
  /** Records of the batch, without the commit record. */
  readonly records: number;
  /** The last entry of the log once the batch is in. */
  readonly last: EntryId;
  /** The hard state once the batch is in; null in logs of early versions, which did not say. */
  readonly hardState: HardState | null;
}

/** Name of a segment's file. */
export function segmentName(number: number): string {
  return `wal-${String(number).padStart(12, "0")}.log`;
}

/** Number of a segment by its file's name; null for any other name. */
export function segmentNumber(name: string): number | null {
  const match = /^wal-(\d{12})\.log$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** The id of a segment's file: unlike that of any other, in this directory or another one. */
export function segmentFileId(directoryId: string, number: number, previousChecksum: number): Uint8Array {
  const text = `${directoryId} ${number} ${previousChecksum}`;
  return makeFileId(crc32(new TextEncoder().encode(text)), number);
}

/** Writes a segment header's payload. */
export function writeSegmentHeader(writer: CborWriter, header: SegmentHeader): void {
  writer.array(4);
  writer.text(header.directoryId);
  writer.integer(header.number);
  writeEntryId(writer, header.base);
  writer.boolean(header.restart);
}

/** Reads a segment header's payload; throws a CborError on anything else. */
export function readSegmentHeader(payload: Uint8Array): SegmentHeader {
  const reader = new CborReader(payload);
  reader.expectArray(4);
  const directoryId = reader.text();
  const number = reader.unsigned();
  const base = readEntryId(reader);
  const restart = reader.boolean();
  reader.end();
  return { directoryId, number, base, restart };
}

/** Writes a hard state's payload. */
export function writeHardState(writer: CborWriter, hardState: HardState): void {
  writer.array(2);
  writeTermAndVote(writer, hardState);
}

function writeTermAndVote(writer: CborWriter, { currentTerm, votedFor }: HardState): void {
  writer.integer(currentTerm);
  if (votedFor === null) writer.null();
  else writer.text(votedFor);
}

/** Reads a hard state's payload; throws a CborError on anything else. */
export function readHardState(payload: Uint8Array): HardState {
  const reader = new CborReader(payload);
  reader.expectArray(2);
  const hardState = readTermAndVote(reader);
  reader.end();
  return hardState;
}

function readTermAndVote(reader: CborReader): HardState {
  const currentTerm = readPosition(reader);
  const votedFor = reader.nullable(() => readNodeId(reader));
  return { currentTerm, votedFor };
}

/** Writes a commit record's payload. */
export function writeCommit(writer: CborWriter, commit: Commit): void {
  writer.array(commit.hardState === null ? 3 : 5);
  writer.integer(commit.start);
  writer.integer(commit.records);
  writeEntryId(writer, commit.last);
  if (commit.hardState !== null) writeTermAndVote(writer, commit.hardState);
}

/** Reads a commit record's payload; throws a CborError on anything else. */
export function readCommit(payload: Uint8Array): Commit {
  const reader = new CborReader(payload);
  const fields = reader.array();
  if (fields !== 3 && fields !== 5) throw new CborError(`a commit record has 3 or 5 fields, found ${fields}`);
  const start = reader.unsigned();
  const records = reader.unsigned();
  const last = readEntryId(reader);
  const hardState = fields === 3 ? null : readTermAndVote(reader);
  reader.end();
  return { start, records, last, hardState };
}

/** Bytes of a hard state, encoded. */
export function hardStateBytes(hardState: HardState): number {
  const writer = new CborWriter();
  writeHardState(writer, hardState);
  return writer.length;
}
