/**
 * CBOR (RFC 8949) as Balsa speaks it on disk and on the wire: a strict, deterministic subset, so that one value has
 * exactly one encoding and bytes that decode at all decode to a value that encodes to the same bytes.
 *
 * What is in the subset, by major type (RFC 8949 section 3.1):
 *
 * | type | what | rule |
 * |---|---|---|
 * | 0, 1 | integers | from -(2^53 - 1) to 2^53 - 1 |
 * | 2 | byte strings | a `Uint8Array` |
 * | 3 | text strings | valid UTF-8 without exception; lone surrogates cannot be encoded |
 * | 4 | arrays | |
 * | 5 | maps | text keys only, ascending bytewise by their encodings (so shorter keys first), none twice |
 * | 7 | `false` `true` `null` | F4, F5, F6 |
 * | 7 | float64 | FB, only for finite numbers that are not integers of the range above; -0 is written as 0 |
 *
 * Everything has the shortest length or argument (section 4.2.1) and a definite length. Refused: tags, `undefined`, other
 * simple values, half and single floats, NaN and infinities, indefinite lengths, bytes behind the item. Nesting goes
 * {@link maxDepth} deep and a value has at most {@link maxItems} items; a declared length or count is compared with the
 * bytes that remain *before* anything is allocated.
 *
 * @example A value and its bytes
 * ```ts
 * import { decodeCbor, encodeCbor } from "./cbor.ts";
 *
 * const bytes = encodeCbor(["put", "color", "blue"]);
 * console.log(bytes.toHex()); // 836370757465636f6c6f7264626c7565
 * console.log(decodeCbor(bytes)); // [ "put", "color", "blue" ]
 * ```
 *
 * @module
 */
import { CborReader } from "./cbor_reader.ts";
import { CborWriter } from "./cbor_writer.ts";
import type { CborValue } from "./cbor_value.ts";

export { CborError, type CborValue, maxDepth, maxItems } from "./cbor_value.ts";

/** The one encoding of `value`. Throws {@link CborError} on what the subset cannot express. */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new CborWriter();
  writer.value(value);
  return writer.finish();
}

/**
 * The value that `bytes` encode, all of them. Byte strings are views into `bytes`; maps have no prototype. Throws
 * {@link CborError} on anything outside the subset.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.value();
  reader.end();
  return value;
}
