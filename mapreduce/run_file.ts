/**
 * A run: a file of keys in ascending order (of UTF-16 code units, as JavaScript compares), each with some values. A key
 * whose values are many comes several times in a row.
 *
 * ```text
 * run     = block*, end
 * block   = length u32, checksum u32, payload      all numbers little-endian; length of the payload in bytes, > 0
 * payload = count u32, number u32 × count, text    text in UTF-8, the rest of the payload
 *           numbers, for each group: characters of the key, number of values, characters of each value
 *           text: key and values of each group, one after the other
 * end     = 0 u32, number of blocks u32
 * ```
 *
 * A block is decoded as one text and then cut, which is several times as fast as decoding each key and value. The checksum
 * (CRC-32) covers the payload, and the end tells a whole file from one that was cut short.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { ByteBuffer } from "./byte_buffer.ts";
import { JobError, MissingRunError } from "./errors.ts";
import { blockCharacters, maxBlockBytes, maxPairCharacters } from "./limits.ts";

/** Numbers in a block, roughly: bounds the memory for blocks of very short values. */
const blockNumbers = 16 * 1024;

/** Some values of a key. */
export interface Group {
  /** The key. */
  readonly key: string;
  /** At least one value. */
  readonly values: readonly string[];
}

/** Writes a run. Everything is synchronous: the files are small or in the page cache, and a promise for each costs more. */
export class RunWriter {
  readonly #file: Deno.FsFile;
  readonly #payload = new ByteBuffer();
  #numbers: number[] = [];
  #texts: string[] = [];
  #characters = 0;
  #blocks = 0;

  /** Creates the file, or empties it. */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
  }

  /** Adds values of a key that is not less than the one before it. */
  add(key: string, values: readonly string[]): void {
    for (let start = 0; start < values.length;) start = this.#addSome(key, values, start);
  }

  /** Completes the file. */
  finish(): void {
    this.#flush();
    this.#writeHeader(0, this.#blocks);
    this.#file.close();
  }

  /** Gives the file up as it is; harmless after {@link finish}. */
  [Symbol.dispose](): void {
    try {
      this.#file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  #addSome(key: string, values: readonly string[], start: number): number {
    const countPosition = this.#numbers.push(key.length, 0) - 1;
    this.#texts.push(key);
    this.#characters += key.length;
    let position = start;
    while (position < values.length) {
      const value = values[position] ?? "";
      if (key.length + value.length > maxPairCharacters) {
        throw new JobError(
          `Cannot store a pair of ${key.length + value.length} characters: ${maxPairCharacters} at most`,
        );
      }
      this.#numbers.push(value.length);
      this.#texts.push(value);
      this.#characters += value.length;
      position++;
      if (this.#characters >= blockCharacters || this.#numbers.length >= blockNumbers) break;
    }
    this.#numbers[countPosition] = position - start;
    if (this.#characters >= blockCharacters || this.#numbers.length >= blockNumbers) this.#flush();
    return position;
  }

  #flush(): void {
    const count = this.#numbers.length;
    if (count === 0) return;
    const text = this.#texts.join("");
    if (!text.isWellFormed()) {
      throw new JobError("Cannot store a key or value that is no valid Unicode: it contains half a surrogate pair");
    }
    const head = 4 + 4 * count;
    const payload = this.#payload.take(head + 3 * text.length);
    const view = new DataView(payload.buffer);
    view.setUint32(0, count, true);
    for (const [position, number] of this.#numbers.entries()) view.setUint32(4 + 4 * position, number, true);
    const { written } = new TextEncoder().encodeInto(text, payload.subarray(head));
    const bytes = payload.subarray(0, head + written);
    this.#writeHeader(bytes.length, crc32(bytes));
    this.#writeAll(bytes);
    this.#blocks++;
    this.#numbers = [];
    this.#texts = [];
    this.#characters = 0;
  }

  #writeHeader(length: number, second: number): void {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, length, true);
    header.setUint32(4, second, true);
    this.#writeAll(new Uint8Array(header.buffer));
  }

  #writeAll(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(this.#file.writeSync(rest));
  }
}

/** Reads a run, a block at a time. Throws {@link MissingRunError} when the file is not there, or not as it was written. */
export class RunReader implements Disposable {
  /** The current group's key. */
  key = "";
  /** The current group's values. */
  values: readonly string[] = [];
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #payload = new ByteBuffer();
  /** A view of the payload. */
  #numbers: Uint32Array<ArrayBuffer> = new Uint32Array();
  #nextNumber = 0;
  #text = "";
  #nextCharacter = 0;
  #blocks = 0;
  #isOpen = true;

  /** Opens the file; {@link advance} leads to the first group. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { read: true });
    } catch (error) {
      throw new MissingRunError(path, error instanceof Error ? error.message : String(error));
    }
  }

  /** Goes on to the next group; false at the end. */
  advance(): boolean {
    if (this.#nextNumber === this.#numbers.length && !this.#readBlock()) return false;
    this.key = this.#cut();
    const count = this.#number();
    const values: string[] = [];
    for (let index = 0; index < count; index++) values.push(this.#cut());
    this.values = values;
    return true;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  #number(): number {
    const number = this.#numbers[this.#nextNumber++];
    return number ?? this.#damaged("a block ends too early");
  }

  #cut(): string {
    const start = this.#nextCharacter;
    this.#nextCharacter = start + this.#number();
    if (this.#nextCharacter > this.#text.length) return this.#damaged("a block's text ends too early");
    return this.#text.slice(start, this.#nextCharacter);
  }

  #readBlock(): boolean {
    const header = new DataView(this.#read(new Uint8Array(8)).buffer);
    const length = header.getUint32(0, true);
    const second = header.getUint32(4, true);
    if (length === 0) {
      if (second !== this.#blocks) return this.#damaged(`it should have ${second} blocks and has ${this.#blocks}`);
      return false;
    }
    if (length < 8 || length > maxBlockBytes) return this.#damaged(`a block of ${length} bytes`);
    const payload = this.#read(this.#payload.take(length));
    if (crc32(payload) !== second) return this.#damaged(`block ${this.#blocks} has another checksum`);
    const count = new DataView(payload.buffer).getUint32(0, true);
    const head = 4 + 4 * count;
    if (head > length) return this.#damaged("a block's numbers do not fit into it");
    this.#numbers = new Uint32Array(payload.buffer, 4, count);
    this.#text = this.#decoder.decode(payload.subarray(head));
    this.#nextNumber = 0;
    this.#nextCharacter = 0;
    this.#blocks++;
    return true;
  }

  /** Fills the bytes and returns them. */
  #read(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (let filled = 0; filled < bytes.length;) {
      const count = this.#file.readSync(bytes.subarray(filled));
      if (count === null || count === 0) return this.#damaged("it ends too early");
      filled += count;
    }
    return bytes;
  }

  #damaged(problem: string): never {
    throw new MissingRunError(this.#path, problem);
  }
}
