/**
 * What keys and values are, and the arithmetic on them: bytes of UTF-8 without encoding, and a hash that can be continued
 * when something is appended.
 *
 * @module
 */
import { maxKeyBytes, maxValueBytes } from "./limits.ts";

/**
 * A value: text, or bytes. The two are different types that never mix. Text is well-formed Unicode (no lone surrogates),
 * because it travels as UTF-8.
 */
export type Value = string | Uint8Array;

/** Bytes of a well-formed string in UTF-8, counted without encoding it. */
export function utf8Bytes(text: string): number {
  const length = text.length;
  let bytes = length;
  for (let position = 0; position < length; position++) {
    const unit = text.charCodeAt(position);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes: two for each.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** Where the hash of an empty text or of no bytes starts: the offset basis of FNV-1a. */
export const emptyHash = 0x811c9dc5 | 0;

/**
 * Continues an FNV-1a hash (32 bits, signed) over the UTF-16 code units of a text or over bytes. Continuing over a second
 * piece equals hashing both in one: so an append costs as much as what it appends.
 */
export function continueHash(hash: number, value: Value): number {
  const length = value.length;
  let state = hash;
  if (typeof value === "string") {
    for (let position = 0; position < length; position++) {
      state = Math.imul(state ^ value.charCodeAt(position), 0x01000193);
    }
  } else {
    for (let position = 0; position < length; position++) {
      state = Math.imul(state ^ (value[position] ?? 0), 0x01000193);
    }
  }
  return state;
}

/** What {@link measure} finds. */
export interface Measure {
  /** Bytes that a value counts for {@link maxValueBytes}. */
  readonly bytes: number;
  /** {@link continueHash}. */
  readonly hash: number;
}

/** Bytes and continued hash of a value at once: the one walk costs what the hash costs. */
export function measure(hash: number, value: Value): Measure {
  if (typeof value !== "string") return { bytes: value.length, hash: continueHash(hash, value) };
  const { length } = value;
  let state = hash;
  let all = 0;
  for (let position = 0; position < length; position++) {
    const unit = value.charCodeAt(position);
    all |= unit;
    state = Math.imul(state ^ unit, 0x01000193);
  }
  return { bytes: all < 0x80 ? length : utf8Bytes(value), hash: state };
}

/**
 * A number on the same side of `maxBytes` as {@link utf8Bytes}, mostly without looking at the text: each UTF-16 unit has
 * from one to three bytes.
 */
function boundedUtf8Bytes(text: string, maxBytes: number): number {
  const { length } = text;
  return length > maxBytes || 3 * length <= maxBytes ? length : utf8Bytes(text);
}

/** Why a key cannot be used, as the end of a sentence that begins "Cannot …: "; null when it can. */
export function keyProblem(key: string): string | null {
  if (key.length === 0) return "the key is empty; use at least one character";
  const bytes = boundedUtf8Bytes(key, maxKeyBytes);
  if (bytes > maxKeyBytes) return `the key has ${bytes} bytes or more; use at most ${maxKeyBytes}`;
  if (!key.isWellFormed()) return "the key contains a lone surrogate; use well-formed Unicode";
  return null;
}

/** Why a value cannot be used, as the end of a sentence that begins "Cannot …: "; null when it can. */
export function valueProblem(value: Value): string | null {
  const bytes = typeof value === "string" ? boundedUtf8Bytes(value, maxValueBytes) : value.length;
  if (bytes > maxValueBytes) return `the value has ${bytes} bytes or more; use at most ${maxValueBytes}`;
  if (typeof value === "string" && !value.isWellFormed()) {
    return "the value contains a lone surrogate; use well-formed Unicode, or bytes";
  }
  return null;
}

/** Why a text cannot be a bound of keys, as the end of a sentence that begins "Cannot …: "; null when it can. "" can. */
export function prefixProblem(prefix: string): string | null {
  return prefix === "" ? null : keyProblem(prefix);
}

/** The least text, in the order of keys, that is above all that begin with `prefix`; undefined for no such bound. */
export function endOfPrefix(prefix: string): string | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const unit = prefix.charCodeAt(length - 1);
    // The result may end in a lone surrogate, which does no harm to a bound that is only compared.
    if (unit < 0xffff) return prefix.slice(0, length - 1) + String.fromCharCode(unit + 1);
  }
  return undefined;
}

/** Whether two values are of the same type and equal. */
export function valuesEqual(left: Value, right: Value): boolean {
  if (typeof left === "string" || typeof right === "string") return left === right;
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
