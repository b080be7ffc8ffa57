/**
 * Writes CBOR of the strict subset (see `cbor.ts`) item by item into one growing buffer that can be used again.
 *
 * @module
 */
import { CborError, type CborValue, maxDepth, maxItems } from "./cbor_value.ts";
import type { Pool } from "./pool.ts";

const utf8Encoder = new TextEncoder();
const doubleScratch = new DataView(new ArrayBuffer(8));

/** Major types, already in the upper three bits of an initial byte (RFC 8949 section 3). */
const unsignedType = 0x00;
const negativeType = 0x20;
const bytesType = 0x40;
const textType = 0x60;
const arrayType = 0x80;
const mapType = 0xa0;

/** An initial byte with the longest argument. */
const maxHeadBytes = 9;

/** A buffer that takes one CBOR item after the other. Positional formats call the methods in their order. */
export class CborWriter {
  #buffer: Uint8Array;
  /** Bytes written: 0 <= #length <= #buffer.length. */
  #length = 0;
  /** Items of the {@link value} being written. */
  #items = 0;

  /** `initialBytes` is the capacity to begin with; it doubles as needed. */
  constructor(initialBytes = 256) {
    this.#buffer = new Uint8Array(initialBytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Starts anew in the same buffer; every earlier {@link view} becomes invalid. */
  reset(): void {
    this.#length = 0;
  }

  /** Begins an array; its `count` items are to follow. */
  array(count: number): void {
    if (!(count >= 0 && count <= maxItems)) throw cannotEncode(`an array of ${count} items: ${maxItems} is the limit`);
    this.#head(arrayType, count);
  }

  /** Begins a map; `count` keys, each with its value, are to follow in ascending order of their encodings. */
  map(count: number): void {
    if (!(count >= 0 && 2 * count <= maxItems)) {
      throw cannotEncode(`a map of ${count} keys: ${maxItems / 2} is the limit`);
    }
    this.#head(mapType, count);
  }

  /** An integer from -(2^53 - 1) to 2^53 - 1. */
  integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw cannotEncode(`${value} as an integer`);
    if (value >= 0) this.#head(unsignedType, value);
    else this.#head(negativeType, -1 - value);
  }

  /** A byte string. */
  bytes(value: Uint8Array): void {
    this.#head(bytesType, value.length);
    this.raw(value);
  }

  /** A text string. Throws on a lone surrogate, which has no UTF-8. */
  text(value: string): void {
    const count = value.length;
    this.#reserve(maxHeadBytes + 3 * count);
    // Short ASCII, the common case, costs less here than a call of the encoder.
    if (count < 24 && this.#shortAscii(value)) return;
    if (!value.isWellFormed()) throw cannotEncode("text with a lone surrogate, which UTF-8 cannot express");
    const start = this.#length;
    const headBytes = argumentBytes(count);
    const { written } = utf8Encoder.encodeInto(value, this.#buffer.subarray(start + headBytes));
    const shift = argumentBytes(written) - headBytes;
    // The head was guessed from the UTF-16 length; it can only be longer.
    if (shift > 0) this.#buffer.copyWithin(start + headBytes + shift, start + headBytes, start + headBytes + written);
    this.#head(textType, written);
    this.#length += written;
  }

  /** `true` or `false`. */
  boolean(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4);
  }

  /** `null`. */
  null(): void {
    this.#byte(0xf6);
  }

  /** Any finite number, in its one encoding: an integer where it is one (-0 becomes 0), otherwise a float64. */
  float(value: number): void {
    if (Number.isSafeInteger(value)) return this.integer(value);
    if (!Number.isFinite(value)) throw cannotEncode(`${value}: numbers must be finite`);
    doubleScratch.setFloat64(0, value);
    this.#byte(0xfb);
    this.#reserve(8);
    for (let at = 0; at < 8; at++) this.#buffer[this.#length++] = doubleScratch.getUint8(at);
  }

  /** Any value. */
  value(value: CborValue): void {
    this.#items = 0;
    this.#value(value, 1);
  }

  /** Bytes as they are: an item that is already encoded, or part of a format around CBOR. */
  raw(encoded: Uint8Array): void {
    this.#reserve(encoded.length);
    this.#buffer.set(encoded, this.#length);
    this.#length += encoded.length;
  }

  /** A copy of what was written. The writer is left as it is; {@link reset} it to start anew. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** The same in memory of a pool, which costs far less: see there for what that means. */
  finishIn(pool: Pool): Uint8Array {
    return pool.copy(this.#buffer, 0, this.#length);
  }

  /** What was written, without copying: valid until the next write. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        return this.text(value);
      case "number":
        return this.float(value);
      case "boolean":
        return this.boolean(value);
      case "object":
        if (value === null) return this.null();
        if (value instanceof Uint8Array) return this.bytes(value);
        if (depth > maxDepth) throw cannotEncode(`a value nested more than ${maxDepth} deep`);
        if (Array.isArray(value)) return this.#elements(value, depth);
        return this.#members(value, depth);
      default:
        throw cannotEncode(`a value of type ${typeof value}`);
    }
  }

  #elements(elements: readonly unknown[], depth: number): void {
    this.array(elements.length);
    this.#count(elements.length);
    // By index: a hole is then an undefined, and refused.
    for (let at = 0; at < elements.length; at++) this.#value(elements[at], depth + 1);
  }

  #members(object: object, depth: number): void {
    const prototype = Object.getPrototypeOf(object);
    if (prototype !== null && prototype !== Object.prototype) {
      throw cannotEncode(`an instance of ${object.constructor?.name}: only plain objects, arrays and Uint8Array`);
    }
    const members = Object.entries(object);
    this.map(members.length);
    this.#count(2 * members.length);
    for (const [key, member] of members.sort(byEncodedKey)) {
      this.text(key);
      this.#value(member, depth + 1);
    }
  }

  #count(items: number): void {
    this.#items += items;
    if (this.#items > maxItems) throw cannotEncode(`a value of more than ${maxItems} items`);
  }

  /** Writes text of fewer than 24 characters if it is ASCII; otherwise changes nothing. Space is reserved. */
  #shortAscii(value: string): boolean {
    const buffer = this.#buffer;
    const start = this.#length + 1;
    for (let at = 0; at < value.length; at++) {
      const unit = value.charCodeAt(at);
      if (unit > 0x7f) return false;
      buffer[start + at] = unit;
    }
    buffer[start - 1] = textType | value.length;
    this.#length = start + value.length;
    return true;
  }

  /** An initial byte and its argument, in the shortest form. */
  #head(type: number, argument: number): void {
    this.#reserve(maxHeadBytes);
    const buffer = this.#buffer;
    let at = this.#length;
    if (argument < 24) {
      buffer[at++] = type | argument;
    } else if (argument < 0x100) {
      buffer[at++] = type | 24;
      buffer[at++] = argument;
    } else if (argument < 0x1_0000) {
      buffer[at++] = type | 25;
      buffer[at++] = argument >>> 8;
      buffer[at++] = argument;
    } else {
      const isLong = argument >= 0x1_0000_0000;
      buffer[at++] = type | (isLong ? 27 : 26);
      if (isLong) at = putUint32(buffer, at, Math.floor(argument / 0x1_0000_0000));
      at = putUint32(buffer, at, argument % 0x1_0000_0000);
    }
    this.#length = at;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

function putUint32(buffer: Uint8Array, at: number, value: number): number {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
  return at + 4;
}

/** Bytes of an initial byte with this argument. */
function argumentBytes(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  if (argument < 0x1_0000) return 3;
  return argument < 0x1_0000_0000 ? 5 : 9;
}

/** RFC 8949 section 4.2.1: keys ascend bytewise by their encodings, and those begin with the length in UTF-8. */
function byEncodedKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  const leftBytes = utf8Encoder.encode(left);
  const rightBytes = utf8Encoder.encode(right);
  if (leftBytes.length !== rightBytes.length) return leftBytes.length - rightBytes.length;
  for (let at = 0; at < leftBytes.length; at++) {
    const difference = (leftBytes[at] ?? 0) - (rightBytes[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function cannotEncode(what: string): CborError {
  return new CborError(`Cannot encode ${what}`);
}
