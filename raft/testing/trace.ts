/**
 * What happened in a simulation, folded into one hash: two runs of a seed are equal if and only if (but for a chance of
 * 2^-64) their hashes are. Optionally the same events as text, to be read or compared line by line.
 *
 * @module
 */

/** A hash over everything that happened, and on request a readable record of it. */
export class Trace {
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;
  readonly #lines: string[] | null;
  readonly #maxLines: number;
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);

  /** With `record`, lines are kept, the last `maxLines` of them. */
  constructor(options: { readonly record?: boolean; readonly maxLines?: number } = {}) {
    this.#lines = options.record === true ? [] : null;
    this.#maxLines = options.maxLines ?? 100_000;
  }

  /** Whether lines are kept; ask before building one. */
  get recording(): boolean {
    return this.#lines !== null;
  }

  /** The lines kept, oldest first. */
  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** The hash so far: 16 hexadecimal digits. */
  get hash(): string {
    return hexadecimal(this.#high) + hexadecimal(this.#low);
  }

  /** Adds a line to the record, if one is kept. */
  line(timeMs: number, text: string): void {
    if (this.#lines === null) return;
    this.#lines.push(`${timeMs.toFixed(3).padStart(12)} ${text}`);
    // Dropping half at a time keeps the cost per line constant.
    if (this.#lines.length > 2 * this.#maxLines) this.#lines.splice(0, this.#lines.length - this.#maxLines);
  }

  /** Adds a 32-bit number to the hash. */
  mix(value: number): void {
    const low = Math.imul(this.#low ^ value, 0x9e3779b1);
    const high = Math.imul(this.#high ^ (low >>> 15), 0x85ebca77);
    this.#low = low ^ (high >>> 13);
    this.#high = high ^ (low << 11);
  }

  /** Adds a float, bit by bit, to the hash. */
  mixTime(value: number): void {
    this.#float[0] = value;
    this.mix(this.#words[0] ?? 0);
    this.mix(this.#words[1] ?? 0);
  }

  /** Adds a text to the hash. */
  mixText(text: string): void {
    this.mix(text.length);
    for (let position = 0; position < text.length; position++) this.mix(text.charCodeAt(position));
  }

  /** Adds bytes to the hash: the length, and of more than 512 bytes only the first and the last 256. */
  mixBytes(bytes: Uint8Array): void {
    const length = bytes.length;
    let hash = length;
    if (length <= 512) {
      for (let offset = 0; offset < length; offset++) hash = Math.imul(hash ^ (bytes[offset] ?? 0), 0x01000193);
    } else {
      for (let offset = 0; offset < 256; offset++) hash = Math.imul(hash ^ (bytes[offset] ?? 0), 0x01000193);
      for (let offset = length - 256; offset < length; offset++) {
        hash = Math.imul(hash ^ (bytes[offset] ?? 0), 0x01000193);
      }
    }
    this.mix(hash);
    this.mix(length);
  }
}

function hexadecimal(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
