/**
 * Memory for the many small byte arrays of the hot path: commands, frames. A `Uint8Array` with memory of its own costs
 * most of a microsecond to make and more to collect; a view of a larger one costs a tenth of that.
 *
 * What comes from a pool shares its memory with others and keeps all of it alive. So a pool is for bytes that live equally
 * long: frames, which are soon gone, have one, and commands, which stay in the log with their neighbours, another one.
 * Otherwise a command of 100 bytes, made among a thousand frames, would keep 64 KiB.
 *
 * @module
 */

/** Bytes of one piece of memory that is cut up. */
const chunkBytes = 64 * 1024;
/** Larger arrays get memory of their own. */
const maxPooledBytes = 4 * 1024;

/** See the module. */
export class Pool {
  #chunk: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Where the free part of the chunk begins: 0 <= #used <= #chunk.length. */
  #used = 0;

  /** A copy of `bytes` from `start` to `end`. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length > maxPooledBytes) return bytes.slice(start, end);
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(chunkBytes);
      this.#used = 0;
    }
    const copy = this.#chunk.subarray(this.#used, this.#used + length);
    this.#used += length;
    copy.set(bytes.subarray(start, end));
    return copy;
  }
}
