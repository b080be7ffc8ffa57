/**
 * Finds the record of an entry in a stopped node's log, and damages it.
 *
 * @module
 */
import type { EntryId, LogIndex } from "../../../raft/core/types.ts";
import { CborReader } from "../../../raft/encoding/cbor_reader.ts";
import { readEntry } from "../../../raft/encoding/entry_codec.ts";
import { recordHeaderBytes, recordTypes } from "../../../raft/storage/record.ts";
import { scanSegment } from "../../../raft/storage/wal_scan.ts";
import type { DirectoryImage } from "../../../raft/testing/mod.ts";

/** Where an entry stands. */
export interface EntryPlace {
  readonly id: EntryId;
  /** The segment. */
  readonly file: string;
  /** Offset of its record, which it may share with others. */
  readonly record: number;
  /** Offset of its first byte. */
  readonly offset: number;
}

/** The entries of the log in an intact directory, by index; where an index was written twice, the later one. */
export function entryPlaces(image: DirectoryImage): Map<LogIndex, EntryPlace> {
  const places = new Map<LogIndex, EntryPlace>();
  for (const file of [...image.keys()].filter((name) => /^wal-\d+\.log$/.test(name)).sort()) {
    const { batches } = scanSegment(image.get(file) ?? new Uint8Array(0), "image", file);
    for (const { start, records } of batches) {
      let offset = start;
      for (const { type, payload, bytes } of records) {
        if (type === recordTypes.entries) {
          const reader = new CborReader(payload);
          while (reader.offset < payload.length) {
            const at = offset + recordHeaderBytes + reader.offset;
            const { index, term } = readEntry(reader);
            for (const known of places.keys()) if (known >= index) places.delete(known);
            places.set(index, { id: { index, term }, file, record: offset, offset: at });
          }
        }
        offset += bytes;
      }
    }
  }
  return places;
}

/** A copy of an image in which the records of these entries are damaged. */
export function withDamagedEntries(image: DirectoryImage, places: readonly EntryPlace[]): DirectoryImage {
  const damaged = new Map([...image].map(([name, bytes]) => [name, bytes.slice()]));
  for (const { file, offset } of places) {
    const bytes = damaged.get(file);
    const old = bytes?.[offset];
    if (bytes === undefined || old === undefined) {
      throw new RangeError(`Cannot damage ${file} at ${offset}: no such byte`);
    }
    bytes[offset] = old ^ 0x10;
  }
  return damaged;
}
