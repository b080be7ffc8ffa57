/**
 * Record framing: how every file of a data directory is cut into pieces that prove themselves.
 *
 * A file begins with a preamble of 16 bytes and goes on with records, each at an offset that is a multiple of 8. All
 * numbers are big-endian.
 *
 * ```text
 * preamble  0  8 bytes  magic: which kind of file ("BalsaWal", "BalsaSnp", "BalsaMet", "BalsaWit")
 *           8  u32      format version
 *          12  u32      CRC-32 of bytes 0 to 11
 *
 * record    0  u32      checksum: CRC-32 (`encoding/crc32.ts`) of everything behind it: bytes 4 to the end, padding included
 *           4  u32      length of the payload in bytes, at most 16 MiB
 *           8  8 bytes  file id: records of another file, or of another directory, never pass for this one's
 *          16  u32      where the record stands in the file, in units of 8 bytes: a misdirected write shows
 *          20  u32      checksum of the record before it: the chain, so that none can be left out, doubled or replaced
 *          24  u8       type
 *          25  u8       zero
 *          26  u48      sequence: the number of the batch (log) or of the block (snapshot) that it belongs to
 *          32  payload, then zeros up to a multiple of 8
 * ```
 *
 * Why each field is under the checksum: in a log whose CRC leaves out length and type, a flipped bit that turns a length
 * into 0 ends the log without an error, and one that turns a state record into an entry is not noticed at all. Because
 * each record holds the checksum of the one before, it can be checked alone: a reader that met damage can go on and find
 * out whether intact records follow it, which is how damage is told from a write that a crash cut short.
 *
 * What a crash leaves: any part of the records since the last fsync, sector by sector, in any mixture. No record is ever
 * written over another that was made durable.
 *
 * @module
 */
import { crc32 } from "../encoding/crc32.ts";
import { invariant } from "../core/invariant.ts";
import { StorageError } from "./storage_error.ts";

/** The format that this version writes. Files with a higher one are refused. */
export const formatVersion = 1;
/** Bytes of a file's preamble. */
export const preambleBytes = 16;
/** Bytes of a record before its payload. */
export const recordHeaderBytes = 32;
/** Bytes of a file id. */
export const fileIdBytes = 8;
/** Largest payload of one record, in bytes; checked before anything is read or allocated. */
export const maxPayloadBytes = 16 * 1024 * 1024;

/** The kinds of file, by the magic they begin with. */
export const magics = { log: "BalsaWal", snapshot: "BalsaSnp", meta: "BalsaMet", witness: "BalsaWit" } as const;
/** One of the magics. */
export type Magic = (typeof magics)[keyof typeof magics];

/** What a record may be. The numbers are part of the format. */
export const recordTypes = {
  segmentHeader: 1,
  hardState: 2,
  entries: 3,
  commit: 4,
  snapshotHeader: 5,
  snapshotBlock: 6,
  snapshotFooter: 7,
  meta: 8,
  witness: 9,
} as const;
/** One of the record types. */
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];

/** A record that proved itself. */
export interface StoredRecord {
  /** One of {@link recordTypes}, or a number this version does not know. */
  readonly type: number;
  /** Batch or block it belongs to. */
  readonly sequence: number;
  /** The payload: a view into the bytes that were read. */
  readonly payload: Uint8Array;
  /** Its own checksum, which the next record repeats. */
  readonly checksum: number;
  /** The checksum of the record before it. */
  readonly previousChecksum: number;
  /** Bytes it takes, header and padding included. */
  readonly bytes: number;
}

/** What was found where a record should begin. */
export type RecordReading =
  | { readonly kind: "record"; readonly record: StoredRecord }
  | { readonly kind: "bad"; readonly reason: string };

/** Bytes that a record with a payload of `payloadBytes` takes in a file. */
export function recordBytes(payloadBytes: number): number {
  return recordHeaderBytes + Math.ceil(payloadBytes / 8) * 8;
}

/** The eight bytes of a file id: two numbers of 32 bits. */
export function makeFileId(high: number, low: number): Uint8Array {
  const id = new Uint8Array(fileIdBytes);
  const view = new DataView(id.buffer);
  view.setUint32(0, high >>> 0);
  view.setUint32(4, low >>> 0);
  return id;
}

/** CRC-32 of a text's UTF-8 bytes, for file ids. */
export function checksumOfText(text: string): number {
  return crc32(new TextEncoder().encode(text));
}

/** Whether `bytes` has `expected` at `offset`. */
export function equalsAt(bytes: Uint8Array, offset: number, expected: Uint8Array): boolean {
  if (offset + expected.length > bytes.length) return false;
  for (let at = 0; at < expected.length; at++) {
    if (bytes[offset + at] !== expected[at]) return false;
  }
  return true;
}

/** The preamble of a new file. */
export function encodePreamble(magic: Magic): Uint8Array {
  const bytes = new Uint8Array(preambleBytes);
  bytes.set(new TextEncoder().encode(magic));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, formatVersion);
  view.setUint32(12, crc32(bytes.subarray(0, 12)));
  return bytes;
}

/**
 * Whether `bytes` begins with the preamble of this kind of file. Throws a {@link StorageError} "version" when it was
 * written, intact, by a format that this version does not know.
 */
export function hasPreamble(bytes: Uint8Array, magic: Magic, directory: string, file: string): boolean {
  if (bytes.length < preambleBytes) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, preambleBytes);
  if (view.getUint32(12) !== crc32(bytes.subarray(0, 12))) return false;
  if (!equalsAt(bytes, 0, new TextEncoder().encode(magic))) return false;
  const version = view.getUint32(8);
  if (version === formatVersion) return true;
  throw new StorageError(
    "version",
    `Cannot open data directory ${directory}: ${file} has format version ${version}, and this version of Balsa knows ` +
      `${formatVersion} only. Run the version of Balsa that wrote it, or a later one.`,
  );
}

/** Builds records, one after another, in a buffer that is reused. */
export class RecordWriter {
  readonly #fileId: Uint8Array;
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;
  #position = 0;
  #checksum = 0;

  /** `fileId` is the 8 bytes of the file that the records go to. */
  constructor(fileId: Uint8Array, initialBytes = 4096) {
    invariant(fileId.length === fileIdBytes, "a file id has 8 bytes");
    this.#fileId = fileId;
    this.#buffer = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Checksum of the record appended last. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Empties the buffer; what follows goes to `position` in the file, behind the record with `previousChecksum`. */
  start(position: number, previousChecksum: number): void {
    invariant(position % 8 === 0, `records stand at multiples of 8: ${position} is none`);
    this.#length = 0;
    this.#position = position;
    this.#checksum = previousChecksum;
    // A buffer that one huge batch has blown up is given back.
    if (this.#buffer.length > 4 * 1024 * 1024) this.#reserve(0, 64 * 1024);
  }

  /** Appends one record. */
  append(type: RecordType, sequence: number, payload: Uint8Array): void {
    invariant(payload.length <= maxPayloadBytes, `a record of ${payload.length} bytes exceeds ${maxPayloadBytes}`);
    const bytes = recordBytes(payload.length);
    if (this.#length + bytes > this.#buffer.length) {
      this.#reserve(this.#length, Math.max(this.#length + bytes, 2 * this.#buffer.length));
    }
    const at = this.#length;
    const view = this.#view;
    view.setUint32(at + 4, payload.length);
    this.#buffer.set(this.#fileId, at + 8);
    view.setUint32(at + 16, (this.#position + at) / 8);
    view.setUint32(at + 20, this.#checksum);
    view.setUint16(at + 24, type << 8);
    view.setUint16(at + 26, Math.floor(sequence / 2 ** 32));
    view.setUint32(at + 28, sequence >>> 0);
    this.#buffer.set(payload, at + recordHeaderBytes);
    this.#buffer.fill(0, at + recordHeaderBytes + payload.length, at + bytes);
    this.#checksum = crc32(this.#buffer.subarray(at + 4, at + bytes));
    view.setUint32(at, this.#checksum);
    this.#length += bytes;
  }

  /** What was gathered; valid until the next call of {@link start} or {@link append}. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(keep: number, bytes: number): void {
    const grown = new Uint8Array(bytes);
    grown.set(this.#buffer.subarray(0, keep));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/**
 * Reads the record at `offset` of `bytes`, which stands at `position` in its file. Whether it follows the record before
 * it (chain and sequence) is for the caller to check. `fileId` null accepts any file's.
 */
export function readRecord(
  bytes: Uint8Array,
  offset: number,
  position: number,
  fileId: Uint8Array | null,
): RecordReading {
  if (offset + recordHeaderBytes > bytes.length) return { kind: "bad", reason: "the file ends within a record" };
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, recordHeaderBytes);
  const payloadLength = view.getUint32(4);
  if (payloadLength > maxPayloadBytes) return { kind: "bad", reason: `a record claims ${payloadLength} bytes` };
  const end = offset + recordBytes(payloadLength);
  if (end > bytes.length) return { kind: "bad", reason: "the file ends within a record" };
  const checksum = view.getUint32(0);
  if (crc32(bytes.subarray(offset + 4, end)) !== checksum) {
    return { kind: "bad", reason: "a record does not match its checksum" };
  }
  if (fileId !== null && !equalsAt(bytes, offset + 8, fileId)) {
    return { kind: "bad", reason: "a record belongs to another file" };
  }
  if (view.getUint32(16) * 8 !== position) return { kind: "bad", reason: "a record was written for another offset" };
  const record: StoredRecord = {
    type: view.getUint8(24),
    sequence: view.getUint16(26) * 2 ** 32 + view.getUint32(28),
    payload: bytes.subarray(offset + recordHeaderBytes, offset + recordHeaderBytes + payloadLength),
    checksum,
    previousChecksum: view.getUint32(20),
    bytes: end - offset,
  };
  return { kind: "record", record };
}
