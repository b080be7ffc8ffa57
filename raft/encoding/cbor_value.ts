/**
 * What CBOR of the strict subset can express, and how far it may go; see `cbor.ts` for the subset itself.
 *
 * @module
 */

/** Anything that can be encoded. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue };

/** Arrays and maps inside one another, the outermost counted as 1. */
export const maxDepth = 16;

/**
 * Items in one array, and in one value all together: elements of arrays, and keys and values of maps. An item of one
 * byte becomes some forty on the heap, and this bounds what a hostile frame can make of that.
 */
export const maxItems = 65_536;

/** Bytes that are not of the strict subset, or a value that it cannot express. */
export class CborError extends Error {
  /** The class name, for logs. */
  override readonly name = "CborError";
}
