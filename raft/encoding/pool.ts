/**
 * Memory for the many small byte arrays of the hot path: commands, frames. A `Uint8Array` with memory of its own costs
 * most of a microsecond to make and more to collect; a view of a larger one costs a tenth of that.
 *
 * What comes from here shares its memory with others and keeps all of it alive: it is for bytes that are short-lived, or
 * that live as long as their neighbours, as the entries of a log do.
 *
 * @module
 */

/** Bytes of one piece of memory that is cut up. */
const chunkBytes = 64 * 1024;
/** Larger arrays get memory of their own. */
const maxPooledBytes = 4 * 1024;

let chunk = new Uint8Array(0);
/** Where the free part of the chunk begins: 0 <= used <= chunk.length. */
let used = 0;

/** A copy of `bytes` from `start` to `end`. */
export function pooledCopy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > maxPooledBytes) return bytes.slice(start, end);
  if (used + length > chunk.length) {
    chunk = new Uint8Array(chunkBytes);
    used = 0;
  }
  const copy = chunk.subarray(used, used + length);
  used += length;
  copy.set(bytes.subarray(start, end));
  return copy;
}
