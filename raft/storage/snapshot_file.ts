/**
 * The file of one snapshot.
 *
 * ```text
 * snapshot = preamble, header record, block records, footer record
 * header   [directory id, EntryId of the last entry it replaces, Configuration, bytes per block]
 * block    sequence: 0, 1, 2, …; payload: the next bytes of the snapshot; all blocks but the last are full
 * footer   bytes of the snapshot (u64), number of blocks (u64)
 * ```
 *
 * The records are chained, so the footer vouches for everything before it. Blocks have equal size, so the bytes at any
 * offset are found without an index, and are verified block by block whenever they are read.
 *
 * What a crash leaves: nothing here is ever changed once the file has its name (see `snapshot_store.ts`).
 *
 * @module
 */
import type { EntryId, SnapshotMeta } from "../core/types.ts";
import { CborError } from "../encoding/cbor_value.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { crc32 } from "../encoding/crc32.ts";
import { readSnapshotMeta, writeSnapshotMeta } from "../encoding/entry_codec.ts";
import { createFile, writeFailure } from "./disk_room.ts";
import type { FileSystem, StorageFile } from "./file_system.ts";
import {
  checksumOfText,
  encodePreamble,
  hasPreamble,
  magics,
  makeFileId,
  preambleBytes,
  readRecord,
  recordBytes,
  recordHeaderBytes,
  recordTypes,
  RecordWriter,
  type StoredRecord,
} from "./record.ts";
import type { SnapshotChunk } from "./storage.ts";
import { corruptError, type StorageError } from "./storage_error.ts";

/** Bytes of the snapshot in one block; a multiple of 8. */
export const blockBytes = 64 * 1024;
/** Bytes read at once when a snapshot is verified or streamed. */
const windowBlocks = 8;
const footerPayloadBytes = 16;
const footerBytes = recordHeaderBytes + footerPayloadBytes;
/** No header is larger than this. */
const maxHeaderBytes = 1024 * 1024;

/** The id of a snapshot's file. */
function snapshotFileId(directoryId: string, last: EntryId): Uint8Array {
  return makeFileId(checksumOfText(`${directoryId} snapshot ${last.index} ${last.term}`), last.index);
}

/** Name of a snapshot's file. */
export function snapshotName(last: EntryId): string {
  return `snapshot-${String(last.index).padStart(16, "0")}-${String(last.term).padStart(16, "0")}.snap`;
}

/** What the name of a snapshot's file says; null for any other name. */
export function parseSnapshotName(name: string): EntryId | null {
  const match = /^snapshot-(\d{16})-(\d{16})\.snap$/.exec(name);
  return match === null ? null : { index: Number(match[1]), term: Number(match[2]) };
}

/** Writes a snapshot's file from front to back. */
export class SnapshotFileWriter {
  readonly #file: StorageFile;
  readonly #directory: string;
  readonly #records: RecordWriter;
  readonly #block = new Uint8Array(blockBytes);
  /** Bytes in #block: < blockBytes between calls. */
  #filled = 0;
  #blocks = 0;
  #offset = 0;
  #received = 0;

  private constructor(file: StorageFile, directory: string, fileId: Uint8Array) {
    this.#file = file;
    this.#directory = directory;
    this.#records = new RecordWriter(fileId, recordBytes(blockBytes));
  }

  /** Creates the file `name` for a snapshot. A DiskFullError leaves no file; one of another method leaves it as it is. */
  static async create(
    fileSystem: FileSystem,
    name: string,
    directoryId: string,
    snapshot: SnapshotMeta,
  ): Promise<SnapshotFileWriter> {
    const { directory } = fileSystem;
    return await createFile(fileSystem, name, {}, async (file) => {
      const writer = new SnapshotFileWriter(file, directory, snapshotFileId(directoryId, snapshot.last));
      const cbor = new CborWriter();
      cbor.array(3);
      cbor.text(directoryId);
      writeSnapshotMeta(cbor, snapshot);
      cbor.integer(blockBytes);
      await writer.#write(encodePreamble(magics.snapshot));
      await writer.#append(recordTypes.snapshotHeader, 0, cbor.view());
      return writer;
    });
  }

  /** Bytes of the snapshot taken so far. */
  get received(): number {
    return this.#received;
  }

  /** Takes the next bytes of the snapshot. */
  async write(bytes: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < bytes.length) {
      const count = Math.min(bytes.length - taken, blockBytes - this.#filled);
      this.#block.set(bytes.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === blockBytes) await this.#flushBlock();
    }
    this.#received += bytes.length;
  }

  /** Writes the footer, makes the file durable and closes it. */
  async finish(): Promise<void> {
    try {
      if (this.#filled > 0) await this.#flushBlock();
      const footer = new Uint8Array(footerPayloadBytes);
      const view = new DataView(footer.buffer);
      view.setBigUint64(0, BigInt(this.#received));
      view.setBigUint64(8, BigInt(this.#blocks));
      await this.#append(recordTypes.snapshotFooter, this.#blocks, footer);
      await this.#file.sync();
    } finally {
      this.#file.close();
    }
  }

  /** Closes the unfinished file. */
  abort(): void {
    this.#file.close();
  }

  async #flushBlock(): Promise<void> {
    const block = this.#block.subarray(0, this.#filled);
    await this.#append(recordTypes.snapshotBlock, this.#blocks, block);
    this.#filled = 0;
    this.#blocks++;
  }

  async #append(
    type: (typeof recordTypes)["snapshotHeader" | "snapshotBlock" | "snapshotFooter"],
    sequence: number,
    payload: Uint8Array,
  ): Promise<void> {
    this.#records.start(this.#offset, this.#records.checksum);
    this.#records.append(type, sequence, payload);
    await this.#write(this.#records.view());
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.write(this.#offset, bytes);
    } catch (error) {
      throw writeFailure(this.#directory, error);
    }
    this.#offset += bytes.length;
  }
}

/** Where things are in an opened snapshot's file. */
interface Geometry {
  readonly fileId: Uint8Array;
  readonly snapshot: SnapshotMeta;
  /** Offset of the first block, and the checksum of the header before it. */
  readonly blocksStart: number;
  readonly headerChecksum: number;
  /** Bytes of the snapshot. */
  readonly bytes: number;
  /** Checksum of the last record before the footer. */
  readonly lastChecksum: number;
}

/** A whole snapshot on disk. Reads verify what they return. */
export class SnapshotFile {
  /** Name of the file. */
  readonly name: string;
  readonly #directory: string;
  readonly #file: StorageFile;
  readonly #geometry: Geometry;

  private constructor(directory: string, name: string, file: StorageFile, geometry: Geometry) {
    this.#directory = directory;
    this.name = name;
    this.#file = file;
    this.#geometry = geometry;
  }

  /** Opens a snapshot's file; throws a {@link StorageError} "corrupt" unless header and footer fit name and size. */
  static async open(fileSystem: FileSystem, name: string, directoryId: string, last: EntryId): Promise<SnapshotFile> {
    const file = await fileSystem.open(name);
    try {
      const geometry = await readGeometry(file, fileSystem.directory, name, directoryId, last);
      return new SnapshotFile(fileSystem.directory, name, file, geometry);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What the snapshot stands for. */
  get snapshot(): SnapshotMeta {
    return this.#geometry.snapshot;
  }

  /** Bytes of the snapshot. */
  get bytes(): number {
    return this.#geometry.bytes;
  }

  /** Releases the file. */
  close(): void {
    this.#file.close();
  }

  /** Reads everything and checks the chain from header to footer; throws a {@link StorageError} "corrupt". */
  async verify(): Promise<void> {
    for await (const _ of this.chunks()) {
      // Reading is checking.
    }
  }

  /** The snapshot's bytes, verified, from the first to the last. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const count = this.#blockCount();
    let checksum = this.#geometry.headerChecksum;
    for (let block = 0; block < count; block += windowBlocks) {
      for (const record of await this.#blocks(block, Math.min(count, block + windowBlocks))) {
        if (record.previousChecksum !== checksum) {
          throw this.#corrupt(record.sequence, "a block does not follow the last");
        }
        checksum = record.checksum;
        yield record.payload;
      }
    }
    if (checksum !== this.#geometry.lastChecksum) {
      throw this.#corrupt(count, "the footer does not follow the last block");
    }
  }

  /** At most `maxBytes` of the snapshot's bytes from `offset` on. */
  async chunk(offset: number, maxBytes: number): Promise<SnapshotChunk> {
    const end = Math.min(this.bytes, offset + maxBytes);
    if (offset >= end) return { data: new Uint8Array(0), checksum: 0, done: offset >= this.bytes };
    const data = new Uint8Array(end - offset);
    const firstBlock = Math.floor(offset / blockBytes);
    for (const record of await this.#blocks(firstBlock, Math.ceil(end / blockBytes))) {
      const blockStart = record.sequence * blockBytes;
      const from = Math.max(offset, blockStart);
      const to = Math.min(end, blockStart + record.payload.length);
      data.set(record.payload.subarray(from - blockStart, to - blockStart), from - offset);
    }
    return { data, checksum: crc32(data), done: end === this.bytes };
  }

  #blockCount(): number {
    return Math.ceil(this.bytes / blockBytes);
  }

  /** Reads and verifies the blocks from `first` up to, and without, `end`. */
  async #blocks(first: number, end: number): Promise<StoredRecord[]> {
    const start = this.#geometry.blocksStart + first * recordBytes(blockBytes);
    const lastPayload = Math.min(blockBytes, this.bytes - (end - 1) * blockBytes);
    const window = await this.#file.read(start, (end - 1 - first) * recordBytes(blockBytes) + recordBytes(lastPayload));
    const records: StoredRecord[] = [];
    for (let block = first; block < end; block++) {
      const offset = (block - first) * recordBytes(blockBytes);
      const reading = readRecord(window, offset, start + offset, this.#geometry.fileId);
      if (reading.kind === "bad") throw this.#corrupt(block, reading.reason);
      const { record } = reading;
      const expected = Math.min(blockBytes, this.bytes - block * blockBytes);
      if (
        record.type !== recordTypes.snapshotBlock || record.sequence !== block || record.payload.length !== expected
      ) {
        throw this.#corrupt(block, "another record stands where a block belongs");
      }
      records.push(record);
    }
    return records;
  }

  #corrupt(block: number, found: string): StorageError {
    const offset = this.#geometry.blocksStart + block * recordBytes(blockBytes);
    return corruptError(this.#directory, this.name, offset, found);
  }
}

/** Reads header and footer, and checks them against the name and the size of the file. */
async function readGeometry(
  file: StorageFile,
  directory: string,
  name: string,
  directoryId: string,
  last: EntryId,
): Promise<Geometry> {
  const broken = (offset: number, found: string): StorageError => corruptError(directory, name, offset, found);
  const size = await file.size();
  let head = await file.read(0, Math.min(size, preambleBytes + 4096));
  if (!hasPreamble(head, magics.snapshot, directory, name)) throw broken(0, "its preamble is not intact");
  if (head.length < preambleBytes + recordHeaderBytes) throw broken(preambleBytes, "the file ends within its header");
  const headerLength = recordBytes(new DataView(head.buffer, head.byteOffset + preambleBytes).getUint32(4));
  if (headerLength > maxHeaderBytes) throw broken(preambleBytes, `its header claims ${headerLength} bytes`);
  if (preambleBytes + headerLength > head.length) head = await file.read(0, preambleBytes + headerLength);

  const fileId = snapshotFileId(directoryId, last);
  const header = readRecord(head, preambleBytes, preambleBytes, fileId);
  if (header.kind === "bad") throw broken(preambleBytes, header.reason);
  const snapshot = readHeader(header.record, directoryId, last);
  if (snapshot === null) throw broken(preambleBytes, "its header does not fit its name and directory");
  const blocksStart = preambleBytes + header.record.bytes;

  const footerStart = size - footerBytes;
  if (footerStart < blocksStart || footerStart % 8 !== 0) throw broken(size, "the file ends before its footer");
  const footer = readRecord(await file.read(footerStart, footerBytes), 0, footerStart, fileId);
  if (footer.kind === "bad") throw broken(footerStart, footer.reason);
  const { type, payload, previousChecksum } = footer.record;
  if (type !== recordTypes.snapshotFooter || payload.length !== footerPayloadBytes) {
    throw broken(footerStart, "another record stands where the footer belongs");
  }
  const view = new DataView(payload.buffer, payload.byteOffset, footerPayloadBytes);
  const bytes = Number(view.getBigUint64(0));
  const fullBlocks = Math.floor(bytes / blockBytes);
  const rest = bytes - fullBlocks * blockBytes;
  const blocksEnd = blocksStart + fullBlocks * recordBytes(blockBytes) + (rest === 0 ? 0 : recordBytes(rest));
  if (blocksEnd !== footerStart) throw broken(footerStart, `the file has not the size of a snapshot of ${bytes} bytes`);
  return {
    fileId,
    snapshot,
    blocksStart,
    headerChecksum: header.record.checksum,
    bytes,
    lastChecksum: previousChecksum,
  };
}

/** The header's meta data; null when it is not the header of this snapshot in this directory. */
function readHeader(record: StoredRecord, directoryId: string, last: EntryId): SnapshotMeta | null {
  if (record.type !== recordTypes.snapshotHeader) return null;
  try {
    const reader = new CborReader(record.payload);
    reader.expectArray(3);
    const writtenFor = reader.text();
    const snapshot = readSnapshotMeta(reader);
    const writtenBlockBytes = reader.unsigned();
    reader.end();
    const fits = writtenFor === directoryId && writtenBlockBytes === blockBytes &&
      snapshot.last.index === last.index && snapshot.last.term === last.term;
    return fits ? snapshot : null;
  } catch (error) {
    if (error instanceof CborError) return null;
    throw error;
  }
}
