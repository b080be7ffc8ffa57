/**
 * Stands in for `@std/encoding` where JSR cannot be reached: hex and base64, over what `Uint8Array` has built in.
 *
 * @module
 */
export { decodeHex, encodeHex } from "./hex.ts";
export { decodeBase64, encodeBase64 } from "./base64.ts";
