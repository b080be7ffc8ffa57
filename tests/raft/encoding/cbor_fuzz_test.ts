/** Hostile bytes: nothing but {@link CborError}, within bounded memory, and never a second encoding of one value. */
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { CborError, type CborValue, decodeCbor, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import { mutate, randomBytes, randomValue } from "./random_values.ts";

/** The value, or null when the bytes are refused. Any error but a CborError is the test's failure. */
function tryDecode(bytes: Uint8Array): { readonly value: CborValue } | null {
  try {
    return { value: decodeCbor(bytes) };
  } catch (error) {
    assert(error instanceof CborError, `${bytes.toHex()}: ${error}`);
    return null;
  }
}

Deno.test("cbor fuzz: damaged values are refused or are the encoding of what they decode to", () => {
  const random = new SeededRandom("mutants");
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) {
    const bytes = mutate(random, encodeCbor(randomValue(random)));
    const outcome = tryDecode(bytes);
    if (outcome === null) continue;
    accepted++;
    assertEquals(encodeCbor(outcome.value).toHex(), bytes.toHex());
  }
  assert(accepted > 5_000, `only ${accepted} mutants were accepted`);
});

Deno.test("cbor fuzz: random bytes are refused or are the encoding of what they decode to", () => {
  const random = new SeededRandom("noise");
  for (let round = 0; round < 100_000; round++) {
    const bytes = randomBytes(random, 24);
    const outcome = tryDecode(bytes);
    if (outcome !== null) assertEquals(encodeCbor(outcome.value).toHex(), bytes.toHex());
  }
});

Deno.test("cbor fuzz: every input of one or two bytes, and every head with zeros behind it", () => {
  for (let first = 0; first < 256; first++) {
    tryDecode(Uint8Array.of(first));
    const padded = new Uint8Array(64);
    padded[0] = first;
    tryDecode(padded);
    for (let second = 0; second < 256; second++) {
      const bytes = Uint8Array.of(first, second);
      const outcome = tryDecode(bytes);
      if (outcome !== null) assertEquals(encodeCbor(outcome.value).toHex(), bytes.toHex());
    }
  }
});

Deno.test("cbor fuzz: a small frame cannot make a large heap", () => {
  const bombs = [
    "9affffffff",
    "9a00ffffff",
    "9b001fffffffffffff",
    "bb000fffffffffffff",
    "5b001fffffffffffff",
    "9a01000000".repeat(8),
    `98ff${"98ff".repeat(15)}${"00".repeat(300)}`,
  ].map((hex) => Uint8Array.fromHex(hex));
  const before = Deno.memoryUsage();
  const start = performance.now();
  for (let round = 0; round < 10_000; round++) {
    for (const bomb of bombs) assertThrows(() => decodeCbor(bomb), CborError);
  }
  const after = Deno.memoryUsage();
  // 70,000 refusals: mostly the errors themselves, which are garbage. A pre-allocated array each would take 10^11 bytes.
  assertLess(after.heapUsed + after.external - before.heapUsed - before.external, 256 * 2 ** 20);
  assertLess(performance.now() - start, 20_000);
});

Deno.test("cbor fuzz: the largest frame of the smallest items is refused, not unfolded", () => {
  const bytes = new Uint8Array(4 * 2 ** 20).fill(0x80);
  // 64 arrays of 65,536 empty arrays each, which would become some 170 MB.
  bytes.set([0x98, 64]);
  for (let row = 0; row < 63; row++) bytes.set([0x99, 0xff, 0xff], 2 + row * (3 + 0xffff));
  const before = Deno.memoryUsage().heapUsed;
  assertThrows(() => decodeCbor(bytes), CborError, "more than 65536 items");
  assertLess(Deno.memoryUsage().heapUsed - before, 64 * 2 ** 20);
});
