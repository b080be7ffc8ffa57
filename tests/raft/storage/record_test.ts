/**
 * Record framing.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  encodePreamble,
  hasPreamble,
  magics,
  makeFileId,
  maxPayloadBytes,
  readRecord,
  recordBytes,
  recordTypes,
  RecordWriter,
} from "../../../raft/storage/record.ts";
import { pattern } from "./samples.ts";

const fileId = makeFileId(7, 9);

function write(payloads: readonly Uint8Array[], position = 16, previous = 5): Uint8Array {
  const writer = new RecordWriter(fileId, 64);
  writer.start(position, previous);
  for (const payload of payloads) writer.append(recordTypes.entries, 2 ** 40 + 3, payload);
  return writer.view().slice();
}

Deno.test("records are read as they were written, one after another", () => {
  const payloads = [0, 1, 7, 8, 9, 5_000].map((length) => pattern(length));
  const bytes = write(payloads);
  let offset = 0;
  let previous = 5;
  for (const payload of payloads) {
    const reading = readRecord(bytes, offset, 16 + offset, fileId);
    assert(reading.kind === "record");
    assertEquals(reading.record.payload, payload);
    assertEquals(reading.record.type, recordTypes.entries);
    assertEquals(reading.record.sequence, 2 ** 40 + 3);
    assertEquals(reading.record.previousChecksum, previous);
    assertEquals(reading.record.bytes, recordBytes(payload.length));
    previous = reading.record.checksum;
    offset += reading.record.bytes;
  }
  assertEquals(offset, bytes.length);
});

Deno.test("every flipped bit and every cut of a record shows", () => {
  const bytes = write([pattern(21)]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assertEquals(readRecord(flipped, 0, 16, fileId).kind, "bad", `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(readRecord(bytes.subarray(0, length), 0, 16, fileId).kind, "bad", `cut at ${length}`);
  }
});

Deno.test("a record of another file, or for another offset, is not taken", () => {
  const bytes = write([pattern(21)]);
  assertEquals(readRecord(bytes, 0, 16, fileId).kind, "record");
  assertEquals(readRecord(bytes, 0, 24, fileId).kind, "bad");
  assertEquals(readRecord(bytes, 0, 16, makeFileId(7, 10)).kind, "bad");
});

Deno.test("zeros are no record, and a monstrous length is refused before anything else", () => {
  assertEquals(readRecord(new Uint8Array(64), 0, 0, null).kind, "bad");
  const bytes = write([pattern(21)]);
  new DataView(bytes.buffer).setUint32(4, 0xffffffff);
  const reading = readRecord(bytes, 0, 16, fileId);
  assert(reading.kind === "bad" && reading.reason === "a record claims 4294967295 bytes");
  assertThrows(() => write([new Uint8Array(maxPayloadBytes + 1)]), Error, "exceeds");
});

Deno.test("a preamble names kind and version", () => {
  const preamble = encodePreamble(magics.log);
  assert(hasPreamble(preamble, magics.log, "d", "f"));
  assert(!hasPreamble(preamble, magics.meta, "d", "f"));
  assert(!hasPreamble(preamble.subarray(0, 15), magics.log, "d", "f"));
});
