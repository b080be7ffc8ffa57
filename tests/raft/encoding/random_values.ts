/**
 * Random values of the CBOR subset, for properties that must hold for all of them.
 *
 * @module
 */
import type { CborValue } from "../../../raft/encoding/cbor.ts";
import type { SeededRandom } from "../../../raft/testing/seeded_random.ts";

const alphabet = [..."abcXYZ019 _\u00e4\u6c34\ufffd\u{1f600}"];

/** A value nested at most `depth` deep. */
export function randomValue(random: SeededRandom, depth = 4): CborValue {
  switch (random.integer(depth > 0 ? 9 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return Math.floor((random.next() - 0.5) * 2 ** (1 + random.integer(53)));
    case 3:
      return (random.next() - 0.5) * 10 ** (random.integer(40) - 20);
    case 4:
      return randomText(random);
    case 5:
      return randomBytes(random, random.chance(0.1) ? 300 : 30);
    case 6:
    case 7:
      return Array.from({ length: random.integer(6) }, () => randomValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(5) }, () => [randomText(random), randomValue(random, depth - 1)]),
      );
  }
}

/** Up to `most` random bytes. */
export function randomBytes(random: SeededRandom, most: number): Uint8Array {
  return Uint8Array.from({ length: random.integer(most + 1) }, () => random.integer(256));
}

function randomText(random: SeededRandom): string {
  return Array.from({ length: random.integer(random.chance(0.1) ? 100 : 12) }, () => random.pick(alphabet)).join("");
}

/** A damaged copy: bytes changed, cut out, put in or doubled. */
export function mutate(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let mutant = bytes.slice();
  for (let times = 1 + random.integer(3); times > 0; times--) {
    const at = random.integer(mutant.length);
    switch (random.integer(5)) {
      case 0:
        mutant[at] = random.integer(256);
        break;
      case 1:
        mutant[at] = (mutant[at] ?? 0) ^ (1 << random.integer(8));
        break;
      case 2:
        mutant = mutant.slice(0, at);
        break;
      case 3: {
        // Initial bytes with long arguments are what hurts a careless decoder.
        const head = random.pick([0x9a, 0x9b, 0xba, 0xbb, 0x5a, 0x5b, 0x7b, 0x1b, 0x9f, 0xc2, 0xf8, 0xfb]);
        mutant = Uint8Array.of(...mutant.subarray(0, at), head, ...mutant.subarray(at));
        break;
      }
      default: {
        const end = at + random.integer(mutant.length - at);
        mutant = Uint8Array.of(...mutant.subarray(0, end), ...mutant.subarray(at));
      }
    }
  }
  return mutant;
}
