/** Messages between peers: their exact bytes, and what no honest peer would send. */
import { crc32 } from "node:zlib";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CborError, type CborValue } from "../../../raft/encoding/cbor.ts";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import { decodeMessage, encodeMessage, encodeMessageFrame, withOwnBytes } from "../../../raft/wire/message_codec.ts";
import { mutate } from "../encoding/random_values.ts";
import { sampleMessages } from "./sample_messages.ts";

/** The item of these fields with a right checksum behind them, built without the codec. */
function itemOf(fields: readonly CborValue[]): Uint8Array {
  const writer = new CborWriter();
  writer.array(fields.length + 1);
  for (const field of fields) writer.value(field);
  writer.integer(crc32(writer.finish()));
  return writer.finish();
}

function refuse(fields: readonly CborValue[], because: string): void {
  assertThrows(() => decodeMessage(itemOf(fields)), CborError, because);
}

Deno.test("message codec: every message comes back as it went", () => {
  for (const [message] of sampleMessages) assertEquals(decodeMessage(encodeMessage(message)), message);
});

Deno.test("message codec: every type is sampled", () => {
  assertEquals(new Set(sampleMessages.map(([message]) => message.type)).size, 13);
});

Deno.test("message codec: the bytes are those of the format", () => {
  for (const [message, fields] of sampleMessages) {
    const item = encodeMessage(message);
    assertEquals(item.toHex(), itemOf(fields).toHex());
    const frame = encodeMessageFrame(message);
    assertEquals(frame.subarray(4), item);
    assertEquals(new DataView(frame.buffer, frame.byteOffset).getUint32(0), item.length);
  }
});

Deno.test("message codec: a golden frame", () => {
  const frame = encodeMessageFrame({ type: "TimeoutNow", from: "n1", to: "n2", term: 7 });
  assertEquals(
    frame.toHex(),
    "0000000e8509626e31626e32071a" + crc32(frame.subarray(4, 13)).toString(16).padStart(8, "0"),
  );
});

Deno.test("message codec: commands are views of the frame", () => {
  const sample = sampleMessages.find(([message]) => message.type === "AppendEntries");
  assert(sample !== undefined);
  const item = encodeMessage(sample[0]);
  const message = decodeMessage(item);
  assert(message?.type === "AppendEntries" && message.entries[0]?.kind === "command");
  assertStrictEquals(message.entries[0].data.buffer, item.buffer);
});

Deno.test("message codec: what is kept of a message outlives the buffer that it was read from", () => {
  for (const [message] of sampleMessages) {
    const item = encodeMessage(message);
    const decoded = decodeMessage(item);
    assert(decoded !== null);
    const kept = withOwnBytes(decoded);
    item.fill(0);
    assertEquals(kept, message);
  }
});

Deno.test("message codec: any flipped bit is noticed", () => {
  for (const [message] of sampleMessages) {
    const item = encodeMessage(message);
    for (let bit = 0; bit < item.length * 8; bit++) {
      const damaged = item.slice();
      damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      assertThrows(() => decodeMessage(damaged), CborError);
    }
  }
});

Deno.test("message codec: another number of fields is refused", () => {
  for (const [, fields] of sampleMessages) {
    assertThrows(() => decodeMessage(itemOf(fields.slice(0, -1))), CborError);
    assertThrows(() => decodeMessage(itemOf([...fields, 0])), CborError);
  }
});

Deno.test("message codec: unknown types are refused", () => {
  for (const code of [0, 12, 127]) refuse([code, "n1", "n2", 7], `message type ${code} is unknown`);
  refuse(["5", "n1", "n2", 7], "an unsigned integer expected");
});

Deno.test("message codec: unknown types that may be passed over are, if they are well-formed and undamaged", () => {
  for (const code of [130, 255, 2 ** 40]) {
    for (const fields of [[], [1, "two", [3, [null]]]]) {
      const item = itemOf([code, "n1", "n2", 7, ...fields]);
      assertEquals(decodeMessage(item), null);
      item[item.length - 7] = (item[item.length - 7] ?? 0) ^ 1;
      assertThrows(() => decodeMessage(item), CborError);
    }
  }
});

Deno.test("message codec: terms and indexes end at 2^52", () => {
  const beyond = 2 ** 52 + 1;
  refuse([9, "n1", "n2", beyond], "2^52 is the limit");
  refuse([9, "n1", "n2", 2 ** 53 - 1], "2^52 is the limit");
  refuse([9, "n1", "n2", -1], "an unsigned integer expected");
  refuse([1, "n1", "n2", 7, [beyond, 3]], "2^52 is the limit");
  refuse([5, "n1", "n2", 7, [4, 3], beyond, 0, []], "2^52 is the limit");
  refuse([6, "n1", "n2", 7, true, beyond, [0, 0], 0], "2^52 is the limit");
  refuse([11, "n1", "n2", 7, 1, beyond], "2^52 is the limit");
  refuse([129, "n1", "n2", 7, beyond], "2^52 is the limit");
  refuse([128, "n1", "n2", 7, 1, beyond, 0, false], "2^52 is the limit");
  refuse([128, "n1", "n2", 7, 1, 256, 2 ** 32, false], "a digest of more than 32 bits");
});

Deno.test("message codec: names have 1 to 64 characters", () => {
  refuse([9, "", "n2", 7], "a node name of 0 characters");
  refuse([9, "n1", "x".repeat(65), 7], "a node name of 65 characters");
  assertEquals(decodeMessage(itemOf([9, "x".repeat(64), "n2", 7]))?.from, "x".repeat(64));
});

Deno.test("message codec: entries that do not continue the log are refused", () => {
  const noOp = (index: number, term: number): CborValue => [index, term, 1, 0, null];
  const append = (
    prevLog: CborValue,
    ...entries: CborValue[]
  ): CborValue[] => [5, "n1", "n2", 7, prevLog, 0, 0, entries];
  refuse(append([4, 3], noOp(6, 3)), "entry 6 follows entry 4");
  refuse(append([4, 3], noOp(4, 3)), "entry 4 follows entry 4");
  refuse(append([4, 3], noOp(5, 3), noOp(7, 3)), "entry 7 follows entry 5");
  refuse(append([4, 3], noOp(5, 3), noOp(5, 3)), "entry 5 follows entry 5");
  refuse(append([4, 3], noOp(5, 2)), "its term falls from 3");
  refuse(append([4, 3], noOp(5, 6), noOp(6, 5)), "its term falls from 6");
  refuse(append([4, 3], noOp(5, 8)), "entries of term 8 in a message of term 7");
  refuse(append([4, 8]), "prevLog of term 8 in a message of term 7");
});

Deno.test("message codec: snapshot chunks that make no sense are refused", () => {
  const snapshot: CborValue = [[100, 6], [["n1"], [], []]];
  const data = Uint8Array.of(1);
  refuse([7, "n1", "n2", 7, snapshot, -1, data, 0, false], "an unsigned integer expected");
  refuse([7, "n1", "n2", 7, snapshot, 2 ** 53 - 1, data, 0, false], "ends beyond 2^53 - 1");
  refuse([7, "n1", "n2", 7, snapshot, 0, data, 2 ** 32, false], "a checksum of more than 32 bits");
  refuse([7, "n1", "n2", 5, snapshot, 0, data, 0, false], "a snapshot of term 6 in a message of term 5");
  refuse([7, "n1", "n2", 7, [[100, 6], [[], [], []]], 0, data, 0, false], "it has no voters");
});

Deno.test("message codec fuzz: damaged fields under a right checksum are refused or mean what they say", () => {
  const random = new SeededRandom("messages");
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) {
    const [message] = random.pick(sampleMessages);
    const item = encodeMessage(message);
    const mutant = mutate(random, item.subarray(0, item.length - 5));
    const writer = new CborWriter();
    writer.raw(mutant);
    writer.integer(crc32(mutant));
    const bytes = writer.finish();
    try {
      const decoded = decodeMessage(bytes);
      accepted++;
      if (decoded !== null) assertEquals(encodeMessage(decoded).toHex(), bytes.toHex());
    } catch (error) {
      assert(error instanceof CborError, `${bytes.toHex()}: ${error}`);
    }
  }
  assert(accepted > 1_000, `only ${accepted} mutants were accepted`);
});
