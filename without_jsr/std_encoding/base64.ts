/** Bytes, or the UTF-8 bytes of a text, as base64. */
export function encodeBase64(
  source: string | Uint8Array | ArrayBuffer,
): string {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : new Uint8Array(source);
  return bytes.toBase64();
}

/** The bytes that base64 stands for; throws where it stands for none. */
export function decodeBase64(source: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(source);
}
