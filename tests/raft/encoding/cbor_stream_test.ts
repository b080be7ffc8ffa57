/** Writing and reading item by item. */
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CborError, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { CborReader } from "../../../raft/encoding/cbor_reader.ts";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";

Deno.test("cbor stream: items come back in their order", () => {
  const writer = new CborWriter(1);
  writer.array(9);
  writer.integer(-7);
  writer.integer(2 ** 40);
  writer.bytes(Uint8Array.of(1, 2));
  writer.text("balsa");
  writer.boolean(true);
  writer.null();
  writer.float(0.5);
  writer.value({ a: [1] });
  writer.raw(encodeCbor("raw"));
  const reader = new CborReader(writer.finish());
  reader.expectArray(9);
  assertEquals(reader.integer(), -7);
  assertEquals(reader.unsigned(), 2 ** 40);
  assertEquals(reader.bytes(), Uint8Array.of(1, 2));
  assertEquals(reader.text(), "balsa");
  assertEquals(reader.boolean(), true);
  assertEquals(reader.nullable(() => reader.text()), null);
  assertEquals(reader.float(), 0.5);
  reader.skip();
  assertEquals(reader.nullable(() => reader.text()), "raw");
  assertEquals(reader.offset, writer.length);
  reader.end();
});

Deno.test("cbor stream: another type than the one asked for is refused", () => {
  const refuse = (hex: string, read: (reader: CborReader) => unknown): void => {
    assertThrows(() => read(new CborReader(Uint8Array.fromHex(hex))), CborError);
  };
  refuse("20", (reader) => reader.unsigned());
  refuse("6161", (reader) => reader.integer());
  refuse("6161", (reader) => reader.bytes());
  refuse("4161", (reader) => reader.text());
  refuse("01", (reader) => reader.boolean());
  refuse("f6", (reader) => reader.boolean());
  refuse("a0", (reader) => reader.array());
  refuse("820102", (reader) => reader.expectArray(3));
  refuse("f5", (reader) => reader.float());
  refuse("", (reader) => reader.skip());
  refuse("00", (reader) => reader.end());
});

Deno.test("cbor stream: a count is checked where it is read", () => {
  assertThrows(() => new CborReader(Uint8Array.fromHex("9a0001000000")).array(), CborError, "too few bytes");
  const bytes = new Uint8Array(100_000);
  bytes.set([0x9a, 0x00, 0x01, 0x00, 0x01]);
  assertThrows(() => new CborReader(bytes).array(), CborError, "65536 is the limit");
});

Deno.test("cbor stream: the writer refuses counts that no reader takes", () => {
  assertThrows(() => new CborWriter().array(65_537), CborError);
  assertThrows(() => new CborWriter().map(32_769), CborError);
  assertThrows(() => new CborWriter().array(-1), CborError);
  assertThrows(() => new CborWriter().integer(0.5), CborError);
  assertThrows(() => new CborWriter().integer(2 ** 53), CborError);
});

Deno.test("cbor stream: finish copies, view does not, reset starts anew", () => {
  const writer = new CborWriter(16);
  writer.text("abc");
  const copy = writer.finish();
  const view = writer.view();
  assertNotStrictEquals(copy.buffer, view.buffer);
  writer.reset();
  writer.text("xyz");
  assertEquals(new CborReader(copy).text(), "abc");
  assertEquals(new CborReader(view).text(), "xyz");
  assertEquals(writer.length, 4);
});

Deno.test("cbor stream: byte strings are views, or copies when the input will not last", () => {
  const bytes = encodeCbor(Uint8Array.of(1, 2, 3));
  assertStrictEquals(new CborReader(bytes).bytes().buffer, bytes.buffer);
  const copy = new CborReader(bytes, 0, { copyBytes: true }).bytes();
  assert(copy.buffer !== bytes.buffer);
  assertEquals(copy, Uint8Array.of(1, 2, 3));
});

Deno.test("cbor stream: reading may begin anywhere", () => {
  const reader = new CborReader(Uint8Array.fromHex("ffff6161"), 2);
  assertEquals(reader.text(), "a");
  reader.end();
});
