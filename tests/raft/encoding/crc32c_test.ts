/** CRC-32C against the published vectors and against the definition, bit by bit. */
import { assertEquals } from "@std/assert";
import { crc32c } from "../../../raft/encoding/crc32c.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";

Deno.test("crc32c: the vectors of RFC 3720, appendix B.4", () => {
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c);
  const readCommand = [
    "01c00000000000000000000000000000",
    "14000000000004000000001400000018",
    "28000000000000000200000000000000",
  ].join("");
  assertEquals(crc32c(Uint8Array.fromHex(readCommand)), 0xd9963a56);
});

Deno.test("crc32c: the usual check value", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});

/** The definition: one bit at a time. */
function plainCrc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  }
  return ~remainder >>> 0;
}

Deno.test("crc32c: equals the definition at every length and alignment", () => {
  const random = new SeededRandom("crc32c");
  const bytes = Uint8Array.from({ length: 64 }, () => random.integer(256));
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= bytes.length; end++) {
      const part = bytes.subarray(start, end);
      assertEquals(crc32c(part), plainCrc32c(part));
    }
  }
});

Deno.test("crc32c: a checksum can be continued", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => at * 7);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes));
  }
});
