/**
 * Bytes that are used again and again. What a typed array holds is not on the heap, and V8 is in no hurry to give such
 * memory back: a new array for each block of a file costs a worker some hundred blocks that nobody needs any more.
 *
 * @module
 */

/** Larger arrays are made for the occasion, so that one huge pair is not paid for until the end. */
const maxKeptBytes = 1024 * 1024;
/** Arrays are made in multiples of this: blocks differ a little in length. */
const stepBytes = 32 * 1024;

/** See the module. */
export class ByteBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  /** So many bytes from the start of an array, with anything in them: the last ones that were taken must be done with. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#bytes.length) {
      if (length > maxKeptBytes) return new Uint8Array(length);
      this.#bytes = new Uint8Array(stepBytes * Math.ceil(length / stepBytes));
    }
    return this.#bytes.subarray(0, length);
  }
}
