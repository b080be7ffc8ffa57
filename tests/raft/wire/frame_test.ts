/** Cutting a byte stream into frames. */
import { assert, assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import {
  encodeFrame,
  finishFrame,
  FrameAssembler,
  type FrameProblem,
  isPing,
  pingFrame,
  startFrame,
} from "../../../raft/wire/frame.ts";

/** An assembler that keeps copies of what it receives. */
function collect(maxFrameBytes: number): { assembler: FrameAssembler; items: string[] } {
  const items: string[] = [];
  const assembler = new FrameAssembler(maxFrameBytes, (item) => items.push(item.toHex()));
  return { assembler, items };
}

function header(length: number): Uint8Array {
  return Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The item of one text. */
function itemOf(text: string): Uint8Array {
  const writer = new CborWriter();
  writer.text(text);
  return writer.finish();
}

Deno.test("frame: four bytes of length, big-endian, then the item", () => {
  assertEquals(encodeFrame(Uint8Array.of(0xf6)).toHex(), "00000001f6");
  const long = encodeFrame(new Uint8Array(0x01_02_03));
  assertEquals(long.subarray(0, 4).toHex(), "00010203");
  assertEquals(long.length, 4 + 0x01_02_03);
  const writer = new CborWriter();
  for (const text of ["first", "second"]) {
    startFrame(writer);
    writer.text(text);
    assertEquals(finishFrame(writer), encodeFrame(itemOf(text)));
  }
});

Deno.test("frame: a ping is a frame with an empty array", () => {
  assertEquals(pingFrame.toHex(), "0000000180");
  assert(isPing(Uint8Array.of(0x80)));
  assert(!isPing(Uint8Array.of(0x81, 0x00)));
  assert(!isPing(Uint8Array.of(0xf6)));
});

Deno.test("frame: several in one chunk", () => {
  const { assembler, items } = collect(10);
  assertEquals(assembler.push(Uint8Array.fromHex("00000001aa00000002bbcc00000001dd")), null);
  assertEquals(items, ["aa", "bbcc", "dd"]);
  assertEquals(assembler.frames, 3);
  assert(!assembler.isInFrame);
});

Deno.test("frame: byte by byte, and in every other way of cutting", () => {
  const stream = Uint8Array.fromHex("00000001aa00000005bbccddeeff00000002" + "0102");
  for (let size = 1; size <= stream.length; size++) {
    const { assembler, items } = collect(10);
    for (let at = 0; at < stream.length; at += size) {
      assertEquals(assembler.push(stream.subarray(at, at + size)), null);
    }
    assertEquals(items, ["aa", "bbccddeeff", "0102"]);
  }
});

Deno.test("frame: random frames in random chunks", () => {
  const random = new SeededRandom("frames");
  for (let round = 0; round < 300; round++) {
    const sent = Array.from({ length: 1 + random.integer(20) }, () => {
      const length = 1 + random.integer(random.chance(0.1) ? 20_000 : 100);
      return Uint8Array.from({ length }, () => random.integer(256));
    });
    const stream = concatenate(...sent.map(encodeFrame));
    const { assembler, items } = collect(20_000);
    for (let at = 0; at < stream.length;) {
      const size = 1 + random.integer(random.chance(0.5) ? 10 : 9_000);
      // A read buffer is used again: what was not copied is lost.
      const chunk = stream.slice(at, at + size);
      assertEquals(assembler.push(chunk), null);
      chunk.fill(0);
      at += size;
    }
    assertEquals(items, sent.map((item) => item.toHex()));
  }
});

Deno.test("frame: lengths of 0, beyond the limit, and absurd ones", () => {
  const limit = 100;
  const tooLong = (lengthBytes: number): FrameProblem => ({ kind: "frameTooLong", lengthBytes, limitBytes: limit });
  const cases: [length: number, problem: FrameProblem | null][] = [
    [0, { kind: "emptyFrame" }],
    [1, null],
    [limit, null],
    [limit + 1, tooLong(limit + 1)],
    [2 ** 31, tooLong(2 ** 31)],
    [2 ** 32 - 1, tooLong(2 ** 32 - 1)],
  ];
  for (const [length, problem] of cases) {
    for (const size of [1, 4]) {
      const { assembler } = collect(limit);
      const bytes = header(length);
      let found: FrameProblem | null = null;
      for (let at = 0; at < 4; at += size) found = assembler.push(bytes.subarray(at, at + size));
      assertEquals(found ?? (assembler.push(Uint8Array.of(1)), null), problem);
    }
  }
});

Deno.test("frame: nothing is received behind a problem", () => {
  const { assembler, items } = collect(10);
  assertEquals(assembler.push(Uint8Array.fromHex("00000001aa0000000000000001bb")), { kind: "emptyFrame" });
  assembler.push(Uint8Array.fromHex("00000001cc"));
  assertEquals(items, ["aa"]);
});

Deno.test("frame: the limit may change between frames", () => {
  const { assembler, items } = collect(1);
  assembler.push(Uint8Array.fromHex("00000001aa"));
  assembler.maxFrameBytes = 2;
  assertEquals(assembler.push(Uint8Array.fromHex("00000002bbcc")), null);
  assertEquals(items, ["aa", "bbcc"]);
});

Deno.test("frame: the receiver may stop in the middle of a chunk", () => {
  const items: string[] = [];
  const assembler = new FrameAssembler(10, (item) => {
    items.push(item.toHex());
    assembler.stop();
  });
  assertEquals(assembler.push(Uint8Array.fromHex("00000001aa00000001bb")), null);
  assertEquals(items, ["aa"]);
});

Deno.test("frame: an item within a chunk is not copied, one across chunks is owned", () => {
  const seen: { item: Uint8Array; isOwn: boolean }[] = [];
  const assembler = new FrameAssembler(10, (item, isOwn) => seen.push({ item, isOwn }));
  const chunk = Uint8Array.fromHex("00000001aa0000000301");
  assembler.push(chunk);
  assembler.push(Uint8Array.fromHex("0203"));
  assertEquals(seen.map(({ item, isOwn }) => [item.toHex(), isOwn]), [["aa", false], ["010203", true]]);
  assertStrictEquals(seen[0]?.item.buffer, chunk.buffer);
  assert(seen[1]?.item.buffer !== chunk.buffer);
});

Deno.test("frame: memory grows with what arrives, not with what is declared", () => {
  const declared = 256 * 2 ** 20;
  const before = Deno.memoryUsage().external;
  const assemblers = Array.from({ length: 64 }, () => {
    const assembler = new FrameAssembler(declared, () => {});
    assembler.push(header(declared));
    assembler.push(new Uint8Array(1_000));
    return assembler;
  });
  // 16 GiB were declared; each has kept the first part of its buffer.
  assertLessOrEqual(Deno.memoryUsage().external - before, 8 * 2 ** 20);
  assert(assemblers.every((assembler) => assembler.isInFrame));
});
