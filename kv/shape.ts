/**
 * Checks that decoded CBOR has the shape it should have, field by field: what arrives from outside is never trusted.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { integerFrom, ShapeError } from "../raft/encoding/shape.ts";
import { maxCounter } from "./limits.ts";

// Users of this module need them beside its own.
export { integerFrom, ShapeError };

/** The items of an array with exactly `count` of them. */
export function arrayOf(value: CborValue | undefined, count: number, what: string): readonly CborValue[] {
  const items = arrayFrom(value, what);
  if (items.length !== count) throw new ShapeError(`${what} must have ${count} items; it has ${items.length}`);
  return items;
}

/** The items of an array of any length. */
export function arrayFrom(value: CborValue | undefined, what: string): readonly CborValue[] {
  if (!Array.isArray(value)) throw new ShapeError(`${what} must be an array`);
  return value;
}

/** An integer with `least <= value <= maxCounter`. */
export function counterFrom(value: CborValue | undefined, least: number, what: string): number {
  return integerFrom(value, least, maxCounter, what);
}

/** A boolean. */
export function booleanFrom(value: CborValue | undefined, what: string): boolean {
  if (typeof value !== "boolean") throw new ShapeError(`${what} must be a boolean`);
  return value;
}

/** A text. */
export function textFrom(value: CborValue | undefined, what: string): string {
  if (typeof value !== "string") throw new ShapeError(`${what} must be a text`);
  return value;
}

/** A text or null. */
export function textOrNullFrom(value: CborValue | undefined, what: string): string | null {
  return value === null ? null : textFrom(value, what);
}

/** A text or bytes. */
export function valueFrom(value: CborValue | undefined, what: string): string | Uint8Array {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new ShapeError(`${what} must be a text or bytes`);
  }
  return value;
}

/** A value from outside as a short text for a message. */
export function shown(value: CborValue | undefined): string {
  // Never String(): decoded maps have no prototype, and a long or hostile text has no business in a log.
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return value === undefined ? "nothing" : "something structured";
}
