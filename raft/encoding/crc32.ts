/**
 * The checksum of everything that is stored or sent: the CRC-32 of zlib, Ethernet and PNG (polynomial 0x04C11DB7), since
 * that is what Deno computes natively. 9 KiB take 0.2 µs, against 10 µs for a table-driven CRC-32C in TypeScript.
 *
 * @module
 */
import { crc32 as nativeCrc32 } from "node:zlib";

/**
 * The CRC-32 of `bytes`, an integer in [0, 2^32).
 *
 * `previous` continues an earlier checksum: `crc32(b, crc32(a))` equals the checksum of `a` followed by `b`.
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return nativeCrc32(bytes, previous);
}
