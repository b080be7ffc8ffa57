/** The codec against two independent implementations: `cborg` and `cbor2`, which are used nowhere else. */
import { assert, assertEquals } from "@std/assert";
import * as cborg from "npm:cborg@^4.2.0";
import * as cbor2 from "npm:cbor2@^2.0.0";
import { CborError, type CborValue, decodeCbor, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import { randomValue } from "./random_values.ts";

Deno.test("cbor oracle: cborg reads what we write, as we mean it", () => {
  const random = new SeededRandom("cborg reads");
  for (let round = 0; round < 2_000; round++) {
    const value = randomValue(random);
    const read = cborg.decode(encodeCbor(value), { strict: true, rejectDuplicateMapKeys: true });
    assertEquals(read, value);
  }
});

Deno.test("cbor oracle: cborg writes the same bytes, floats as float64", () => {
  const random = new SeededRandom("cborg writes");
  for (let round = 0; round < 2_000; round++) {
    const value = randomValue(random);
    assertEquals(encodeCbor(value).toHex(), cborg.encode(value, { float64: true }).toHex());
  }
});

Deno.test("cbor oracle: cbor2 reads what we write, as we mean it", () => {
  const random = new SeededRandom("cbor2 reads");
  for (let round = 0; round < 1_000; round++) {
    const value = randomValue(random);
    assertEquals(structuredClone(cbor2.decode(encodeCbor(value), { rejectDuplicateKeys: true })), value);
  }
});

Deno.test("cbor oracle: whatever we accept of damaged bytes, cborg reads alike", () => {
  const random = new SeededRandom("damaged");
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = encodeCbor(randomValue(random));
    bytes[random.integer(bytes.length)] = random.integer(256);
    let value: CborValue;
    try {
      value = decodeCbor(bytes);
    } catch (error) {
      assert(error instanceof CborError);
      continue;
    }
    accepted++;
    assertEquals(structuredClone(value), cborg.decode(bytes, { strict: true }));
  }
  assert(accepted > 1_000, `only ${accepted} were accepted`);
});
