/**
 * Reads CBOR of the strict subset (see `cbor.ts`) item by item. Nothing is allocated on the strength of a declared length
 * or count before it has been compared with the bytes that remain.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { CborError, type CborValue, maxDepth, maxItems } from "./cbor_value.ts";

/** Fatal: bad UTF-8 is an error, not U+FFFD. A byte order mark is text like any other. */
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** ASCII is Latin-1 too, and 100 bytes of it, checked, take this less than half of the time that the decoder takes. */
const { latin1Slice } = Buffer.prototype;
/** Longer texts are not looked at first: with them the decoder's own cost counts less. */
const maxAsciiBytes = 1024;

/** Major types (RFC 8949 section 3.1). */
const unsignedType = 0;
const negativeType = 1;
const bytesType = 2;
const textType = 3;
const arrayType = 4;
const mapType = 5;
const tagType = 6;

const typeNames = [
  "an unsigned integer",
  "a negative integer",
  "a byte string",
  "a text string",
  "an array",
  "a map",
  "a tag",
  "a simple value or float",
] as const;

/** How a {@link CborReader} hands out byte strings. */
export interface CborReaderOptions {
  /** Copy byte strings, for an input that is only valid for a moment; otherwise they are views into it. */
  readonly copyBytes?: boolean;
}

/** A position in CBOR bytes. Every method throws {@link CborError} when the next item is not what it asks for. */
export class CborReader {
  readonly #bytes: Uint8Array;
  readonly #copyBytes: boolean;
  /** Where the next item begins: 0 <= #offset <= #bytes.length. */
  #offset: number;
  /** Items of the {@link value} being read. */
  #items = 0;

  /** Reads from `offset` on. */
  constructor(bytes: Uint8Array, offset = 0, options: CborReaderOptions = {}) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#copyBytes = options.copyBytes ?? false;
  }

  /** Where the next item begins. */
  get offset(): number {
    return this.#offset;
  }

  /** The head of an array: how many items follow. At most {@link maxItems}, and no more than bytes remain. */
  array(): number {
    return this.#countOf(this.#head(arrayType), 1);
  }

  /** The head of an array that must have exactly `count` items. */
  expectArray(count: number): void {
    const found = this.array();
    if (found !== count) throw this.#cannot(`an array of ${count} items expected, found ${found}`);
  }

  /** An integer from -(2^53 - 1) to 2^53 - 1. */
  integer(): number {
    const type = this.#peekType();
    if (type === negativeType) return this.#negative();
    return this.#head(unsignedType);
  }

  /** An integer from 0 to 2^53 - 1. */
  unsigned(): number {
    return this.#head(unsignedType);
  }

  /** A byte string: a view into the input, or a copy if the reader was told so. */
  bytes(): Uint8Array {
    const { start, end } = this.#string(bytesType);
    return this.#copyBytes ? this.#bytes.slice(start, end) : this.#bytes.subarray(start, end);
  }

  /** A text string. */
  text(): string {
    const { start, end } = this.#string(textType);
    return this.#decodeText(start, end);
  }

  /** Whether the next item is an unsigned integer. */
  isAtUnsigned(): boolean {
    return this.#typeHere() === unsignedType;
  }

  /** Whether the next item is a byte string. */
  isAtBytes(): boolean {
    return this.#typeHere() === bytesType;
  }

  /** Whether the next item is a text string. */
  isAtText(): boolean {
    return this.#typeHere() === textType;
  }

  /** Whether the next item is an array. */
  isAtArray(): boolean {
    return this.#typeHere() === arrayType;
  }

  /** `true` or `false`. */
  boolean(): boolean {
    const initial = this.#bytes[this.#offset];
    if (initial !== 0xf4 && initial !== 0xf5) throw this.#cannot("a boolean expected");
    this.#offset++;
    return initial === 0xf5;
  }

  /** Any number of the subset: an integer, or a float64 that is none. */
  float(): number {
    return this.#bytes[this.#offset] === 0xfb ? this.#double() : this.integer();
  }

  /** `null`, or what `read` makes of the item. */
  nullable<Item>(read: () => Item): Item | null {
    if (this.#bytes[this.#offset] !== 0xf6) return read();
    this.#offset++;
    return null;
  }

  /** Any value; maps have no prototype, so that `__proto__` is a key like any other. */
  value(): CborValue {
    this.#items = 0;
    return this.#value(1);
  }

  /** Passes over one item of any kind, checking it as {@link value} does. */
  skip(): void {
    this.value();
  }

  /** Throws unless all bytes have been read. */
  end(): void {
    const rest = this.#bytes.length - this.#offset;
    if (rest !== 0) throw this.#cannot(`${rest} bytes behind the item`);
  }

  #value(depth: number): CborValue {
    switch (this.#peekType()) {
      case unsignedType:
        return this.#head(unsignedType);
      case negativeType:
        return this.#negative();
      case bytesType:
        return this.bytes();
      case textType:
        return this.text();
      case arrayType:
        return this.#elements(depth);
      case mapType:
        return this.#members(depth);
      case tagType:
        throw this.#cannot("tags are not of the subset");
      default:
        return this.#simple();
    }
  }

  #elements(depth: number): CborValue[] {
    this.#enter(depth);
    const count = this.#countOf(this.#head(arrayType), 1);
    this.#count(count);
    const elements: CborValue[] = [];
    for (let at = 0; at < count; at++) elements.push(this.#value(depth + 1));
    return elements;
  }

  #members(depth: number): { readonly [key: string]: CborValue } {
    this.#enter(depth);
    const count = this.#countOf(this.#head(mapType), 2);
    this.#count(2 * count);
    const members: { [key: string]: CborValue } = Object.create(null);
    let previousStart = 0;
    let previousEnd = 0;
    for (let at = 0; at < count; at++) {
      const keyStart = this.#offset;
      const key = this.text();
      if (at > 0 && !this.#ascends(previousStart, previousEnd, keyStart, this.#offset)) {
        throw this.#cannot("map keys must ascend and none may come twice");
      }
      previousStart = keyStart;
      previousEnd = this.#offset;
      members[key] = this.#value(depth + 1);
    }
    return members;
  }

  /** Whether one encoded key comes bytewise before another; a key is never the beginning of another key. */
  #ascends(leftStart: number, leftEnd: number, rightStart: number, rightEnd: number): boolean {
    const length = Math.min(leftEnd - leftStart, rightEnd - rightStart);
    for (let at = 0; at < length; at++) {
      const difference = (this.#bytes[rightStart + at] ?? 0) - (this.#bytes[leftStart + at] ?? 0);
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  #simple(): CborValue {
    switch (this.#bytes[this.#offset]) {
      case 0xf4:
      case 0xf5:
        return this.boolean();
      case 0xf6:
        this.#offset++;
        return null;
      case 0xfb:
        return this.#double();
      default:
        throw this.#cannot("only false, true, null and float64 are of the subset");
    }
  }

  #double(): number {
    const start = this.#offset + 1;
    if (this.#bytes.length - start < 8) throw this.#cannot("a float64 is cut short");
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, 8).getFloat64(0);
    if (!Number.isFinite(value)) throw this.#cannot("numbers must be finite");
    if (Number.isSafeInteger(value)) throw this.#cannot("a whole number must be encoded as an integer");
    this.#offset = start + 8;
    return value;
  }

  #negative(): number {
    const argument = this.#head(negativeType);
    if (argument === Number.MAX_SAFE_INTEGER) throw this.#cannot("an integer below -(2^53 - 1)");
    return -1 - argument;
  }

  /** The extent of a string of this type; the reader moves behind it. */
  #string(type: number): { readonly start: number; readonly end: number } {
    const length = this.#head(type);
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw this.#cannot(`a string of ${length} bytes is cut short`);
    this.#offset = start + length;
    return { start, end: this.#offset };
  }

  #decodeText(start: number, end: number): string {
    // Short ASCII, the common case, costs less here than a call of the decoder.
    if (end - start < 16) {
      let text = "";
      let at = start;
      for (; at < end; at++) {
        const unit = this.#bytes[at] ?? 0;
        if (unit > 0x7f) break;
        text += String.fromCharCode(unit);
      }
      if (at === end) return text;
    } else if (end - start <= maxAsciiBytes && this.#isAscii(start, end)) {
      return latin1Slice.call(this.#bytes, start, end);
    }
    try {
      return utf8Decoder.decode(this.#bytes.subarray(start, end));
    } catch {
      throw this.#cannot("text that is not valid UTF-8");
    }
  }

  #isAscii(start: number, end: number): boolean {
    let all = 0;
    for (let at = start; at < end; at++) all |= this.#bytes[at] ?? 0;
    return all < 0x80;
  }

  /** Major type of the next item; 7 at the end. */
  #typeHere(): number {
    return (this.#bytes[this.#offset] ?? 0xff) >>> 5;
  }

  #peekType(): number {
    const initial = this.#bytes[this.#offset];
    if (initial === undefined) throw this.#cannot("the bytes end where an item should begin");
    return initial >>> 5;
  }

  /** The argument of an item that must have this major type. */
  #head(type: number): number {
    const initial = this.#bytes[this.#offset];
    if (initial === undefined) throw this.#cannot("the bytes end where an item should begin");
    if (initial >>> 5 !== type) {
      throw this.#cannot(`${typeNames[type]} expected, found ${typeNames[initial >>> 5]}`);
    }
    const additional = initial & 0x1f;
    this.#offset++;
    return additional < 24 ? additional : this.#argument(additional);
  }

  #argument(additional: number): number {
    switch (additional) {
      case 24:
        return this.#shortest(this.#uint(1), 24);
      case 25:
        return this.#shortest(this.#uint(2), 0x100);
      case 26:
        return this.#shortest(this.#uint(4), 0x1_0000);
      case 27: {
        const high = this.#uint(4);
        if (high >= 0x20_0000) throw this.#cannot("an integer beyond 2^53 - 1");
        return this.#shortest(high * 0x1_0000_0000 + this.#uint(4), 0x1_0000_0000);
      }
      default:
        throw this.#cannot(additional === 31 ? "indefinite lengths are not of the subset" : "a reserved initial byte");
    }
  }

  #shortest(argument: number, leastOfThisSize: number): number {
    if (argument < leastOfThisSize) throw this.#cannot("an argument is not in its shortest form");
    return argument;
  }

  #uint(size: 1 | 2 | 4): number {
    if (this.#bytes.length - this.#offset < size) throw this.#cannot("the head of an item is cut short");
    let value = 0;
    for (let read = 0; read < size; read++) value = value * 0x100 + (this.#bytes[this.#offset++] ?? 0);
    return value;
  }

  #countOf(count: number, itemsEach: 1 | 2): number {
    const items = count * itemsEach;
    if (items > this.#bytes.length - this.#offset) throw this.#cannot(`${items} items declared in too few bytes`);
    if (items > maxItems) throw this.#cannot(`${items} items declared: ${maxItems} is the limit`);
    return count;
  }

  #count(items: number): void {
    this.#items += items;
    if (this.#items > maxItems) throw this.#cannot(`more than ${maxItems} items in one value`);
  }

  #enter(depth: number): void {
    if (depth > maxDepth) throw this.#cannot(`nested more than ${maxDepth} deep`);
  }

  #cannot(problem: string): CborError {
    return new CborError(`Cannot decode CBOR at byte ${this.#offset}: ${problem}`);
  }
}
