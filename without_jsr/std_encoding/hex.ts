/** Bytes, or the UTF-8 bytes of a text, as lower-case hex. */
export function encodeHex(source: string | Uint8Array | ArrayBuffer): string {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : new Uint8Array(source);
  return bytes.toHex();
}

/** The bytes that hex stands for; throws where it stands for none. */
export function decodeHex(source: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(source);
}
