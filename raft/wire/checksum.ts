/**
 * The checksum at the end of every item that follows the handshake. TCP's own sum has 16 bits and is recomputed by every
 * box that rewrites packets; one flipped bit that slips through would become part of the replicated log.
 *
 * @module
 */
import { crc32 } from "../encoding/crc32.ts";
import { CborError } from "../encoding/cbor.ts";
import type { CborReader } from "../encoding/cbor_reader.ts";
import type { CborWriter } from "../encoding/cbor_writer.ts";

/** Ends an item that began at `start`: writes the checksum of all its bytes so far as its last element. */
export function writeChecksum(writer: CborWriter, start: number): void {
  writer.integer(crc32(writer.view().subarray(start)));
}

/** Reads the last element of `item`, of which `reader` has read all before. Throws {@link CborError} on a difference. */
export function readChecksum(reader: CborReader, item: Uint8Array): void {
  const computed = crc32(item.subarray(0, reader.offset));
  if (reader.unsigned() !== computed) throw new CborError("its checksum is wrong: it was damaged on its way");
  reader.end();
}
