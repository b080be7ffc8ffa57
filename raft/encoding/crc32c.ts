/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41, RFC 3720 section 12.1): the checksum of log records and snapshot chunks.
 *
 * Table driven, eight bytes a step ("slicing by 8", Kounavis and Berry 2005): the loop is bound by its chain of
 * dependent look-ups, and eight bytes share one link of it.
 *
 * @module
 */

/** The polynomial with its bits reversed, as the right-shifting form of the algorithm wants it. */
const reversedPolynomial = 0x82f63b78;

/** Eight tables of 256 in one array: table k holds the effect of a byte that has k more bytes behind it. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? reversedPolynomial : 0);
    made[byte] = remainder;
  }
  for (let slot = 256; slot < made.length; slot++) {
    const previous = made[slot - 256] ?? 0;
    made[slot] = (previous >>> 8) ^ (made[previous & 0xff] ?? 0);
  }
  return made;
}

/** One entry of table `k`, for the byte at the bottom of `value`. */
function look(k: number, value: number): number {
  return tables[(k << 8) | (value & 0xff)] ?? 0;
}

/**
 * The CRC-32C of `bytes`, an integer in [0, 2^32).
 *
 * `previous` continues an earlier checksum: `crc32c(b, crc32c(a))` equals the checksum of `a` followed by `b`.
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let remainder = ~previous;
  const length = bytes.length;
  let at = 0;
  for (const end = length - 7; at < end; at += 8) {
    const low = remainder ^
      ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24));
    remainder = look(7, low) ^ look(6, low >>> 8) ^ look(5, low >>> 16) ^ look(4, low >>> 24) ^
      look(3, bytes[at + 4] ?? 0) ^ look(2, bytes[at + 5] ?? 0) ^ look(1, bytes[at + 6] ?? 0) ^
      look(0, bytes[at + 7] ?? 0);
  }
  for (; at < length; at++) remainder = (remainder >>> 8) ^ look(0, remainder ^ (bytes[at] ?? 0));
  return ~remainder >>> 0;
}
