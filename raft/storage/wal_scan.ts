/**
 * Reads the bytes of one segment from front to back and says where its last batch ends, and what the bytes behind it
 * are: nothing, a write that a crash cut short, or damage. The rules stand in `wal_format.ts`.
 *
 * @module
 */
import { CborError } from "../encoding/cbor_value.ts";
import {
  equalsAt,
  hasPreamble,
  magics,
  preambleBytes,
  readRecord,
  recordHeaderBytes,
  recordTypes,
  type StoredRecord,
} from "./record.ts";
import { corruptError } from "./storage_error.ts";
import { type Commit, readCommit } from "./wal_format.ts";

/** A batch that ends in a valid commit record. */
export interface ScannedBatch {
  /** Its number. */
  readonly number: number;
  /** Offset of its first record. */
  readonly start: number;
  /** Offset behind its commit record. */
  readonly end: number;
  /** Its records, without the commit record. */
  readonly records: readonly StoredRecord[];
  /** What the commit record says. */
  readonly commit: Commit;
  /** Checksum of the commit record. */
  readonly checksum: number;
}

/** A segment's batches, and what is behind them. */
export interface ScannedSegment {
  /** File id that the records have. */
  readonly fileId: Uint8Array;
  /** Batches in order; the first is the opening batch. */
  readonly batches: readonly ScannedBatch[];
  /** Why the bytes behind the last batch are no batch; null when there are none. */
  readonly tornReason: string | null;
  /** Where the first record that is not intact begins. */
  readonly tornAt: number;
}

/** Where a scan stands. */
interface ScanPosition {
  offset: number;
  checksum: number;
  batch: number;
}

/** Scans a segment. Throws a {@link StorageError} for damage, and for a format version from the future. */
export function scanSegment(bytes: Uint8Array, directory: string, file: string): ScannedSegment {
  if (!hasPreamble(bytes, magics.log, directory, file)) {
    throw corruptError(directory, file, 0, "its preamble is not intact");
  }
  const first = readRecord(bytes, preambleBytes, preambleBytes, null);
  if (first.kind === "bad") throw corruptError(directory, file, preambleBytes, first.reason);
  const fileId = bytes.slice(preambleBytes + 8, preambleBytes + 16);
  const position: ScanPosition = {
    offset: preambleBytes,
    checksum: first.record.previousChecksum,
    batch: first.record.sequence,
  };
  const batches: ScannedBatch[] = [];
  while (position.offset < bytes.length) {
    const scanned = scanBatch(bytes, fileId, position);
    if (scanned.kind === "batch") {
      batches.push(scanned.batch);
      position.offset = scanned.batch.end;
      position.checksum = scanned.batch.checksum;
      position.batch++;
      continue;
    }
    if (batches.length === 0) throw corruptError(directory, file, scanned.at, scanned.reason);
    const later = findLaterBatch(bytes, fileId, scanned.at, position.batch);
    if (later !== null) {
      const proof = `${scanned.reason}, yet the record at offset ${later} belongs to a later batch and is intact`;
      throw corruptError(directory, file, scanned.at, proof);
    }
    return { fileId, batches, tornReason: scanned.reason, tornAt: scanned.at };
  }
  return { fileId, batches, tornReason: null, tornAt: bytes.length };
}

/** What {@link scanBatch} found. */
type BatchReading =
  | { readonly kind: "batch"; readonly batch: ScannedBatch }
  | { readonly kind: "bad"; readonly at: number; readonly reason: string };

/** Reads the batch at `from`. */
function scanBatch(bytes: Uint8Array, fileId: Uint8Array, from: Readonly<ScanPosition>): BatchReading {
  const records: StoredRecord[] = [];
  let offset = from.offset;
  let checksum = from.checksum;
  while (offset < bytes.length) {
    const reading = readRecord(bytes, offset, offset, fileId);
    if (reading.kind === "bad") return { kind: "bad", at: offset, reason: reading.reason };
    const record = reading.record;
    if (record.previousChecksum !== checksum) {
      return { kind: "bad", at: offset, reason: "a record does not continue the one before it" };
    }
    if (record.sequence !== from.batch) {
      return { kind: "bad", at: offset, reason: `a record of batch ${record.sequence} stands in batch ${from.batch}` };
    }
    checksum = record.checksum;
    const end = offset + record.bytes;
    if (record.type === recordTypes.commit) {
      const commit = decodeCommit(record.payload);
      if (commit === null || commit.start !== from.offset || commit.records !== records.length) {
        return { kind: "bad", at: offset, reason: "a commit record does not match its batch" };
      }
      return { kind: "batch", batch: { number: from.batch, start: from.offset, end, records, commit, checksum } };
    }
    records.push(record);
    offset = end;
  }
  return { kind: "bad", at: offset, reason: "the file ends within a batch" };
}

function decodeCommit(payload: Uint8Array): Commit | null {
  try {
    return readCommit(payload);
  } catch (error) {
    if (error instanceof CborError) return null;
    throw error;
  }
}

/** Offset of the first intact record of this file from `from` on that belongs to a batch after `batch`, or null. */
function findLaterBatch(bytes: Uint8Array, fileId: Uint8Array, from: number, batch: number): number | null {
  for (let offset = from; offset + recordHeaderBytes <= bytes.length; offset += 8) {
    if (!equalsAt(bytes, offset + 8, fileId)) continue;
    const reading = readRecord(bytes, offset, offset, fileId);
    if (reading.kind === "record" && reading.record.sequence > batch) return offset;
  }
  return null;
}
