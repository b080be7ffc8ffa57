/**
 * What every check of decoded CBOR begins with: the error, and a bounded integer. What arrives from outside is never trusted;
 * each protocol adds the checks that it needs.
 *
 * @module
 */
import type { CborValue } from "./cbor_value.ts";

/** Well-formed CBOR that is not what the protocol or a format says. The message names the field. */
export class ShapeError extends Error {
  /** The class name, for logs. */
  override readonly name = "ShapeError";
}

/** An integer with `least <= value <= most`. */
export function integerFrom(value: CborValue | undefined, least: number, most: number, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new ShapeError(`${what} must be an integer from ${least} to ${most}`);
  }
  return value;
}
