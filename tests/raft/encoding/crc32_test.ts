/** CRC-32 against its published check value and against the definition, bit by bit. */
import { assertEquals } from "@std/assert";
import { crc32 } from "../../../raft/encoding/crc32.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";

Deno.test("crc32: the usual check value", () => {
  assertEquals(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assertEquals(crc32(new Uint8Array(0)), 0);
});

/** The definition: one bit at a time. */
function plainCrc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  }
  return ~remainder >>> 0;
}

Deno.test("crc32: equals the definition at every length and alignment", () => {
  const random = new SeededRandom("crc32");
  const bytes = Uint8Array.from({ length: 64 }, () => random.integer(256));
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= bytes.length; end++) {
      const part = bytes.subarray(start, end);
      assertEquals(crc32(part), plainCrc32(part));
    }
  }
});

Deno.test("crc32: a checksum can be continued", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => at * 7);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), crc32(bytes));
  }
});
