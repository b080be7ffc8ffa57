/**
 * Requests and replies: what the frames of a connection of role "client" hold, after the handshake and beside pings.
 *
 * ```text
 * request = [correlationId, body, checksum]     client to server, an item of at most 1.5 MiB
 * reply   = [correlationId, body, checksum]     server to client, an item of at most 8 MiB
 *   correlationId  unsigned, at most 2^53 - 1: chosen by the client, repeated in the one reply to the request. It must not
 *                  be used again on the same connection: a request that repeats one of the last 256 is dropped, being a
 *                  copy that was made on the way.
 *   body           any item of the strict subset; for the key/value store see kv/protocol.ts
 *   checksum       the CRC-32 (zlib's) of all bytes of the item before it, its initial byte (83) included
 * ```
 *
 * A client may send requests without waiting for replies; these come in any order. When the connection ends the fate of
 * what was asked and not answered is unknown. When too many requests are under way, or the client does not read its
 * replies, the server stops reading until that is better, and at last hangs up: see `limits.ts`.
 *
 * @module
 */
import type { CborValue } from "../encoding/cbor.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { readChecksum, writeChecksum } from "./checksum.ts";
import { finishFrame, frameHeaderBytes, startFrame } from "./frame.ts";

/** Used by one synchronous call at a time. */
const sharedWriter = new CborWriter(64 * 1024);

/** Writes a body, one item, for those who would otherwise make a {@link CborValue} only to have it written. */
export type BodyWriter = (writer: CborWriter) => void;

/** A request or a reply as a frame. Throws {@link CborError} when `body` cannot be encoded. */
export function encodeCall(correlationId: number, body: CborValue | BodyWriter): Uint8Array {
  startFrame(sharedWriter);
  sharedWriter.array(3);
  sharedWriter.integer(correlationId);
  if (typeof body === "function") body(sharedWriter);
  else sharedWriter.value(body);
  writeChecksum(sharedWriter, frameHeaderBytes);
  return finishFrame(sharedWriter);
}

/** A request or a reply. */
export interface DecodedCall<Body> {
  /** Which request, or to which one. */
  readonly correlationId: number;
  /** What it says. */
  readonly body: Body;
}

/** What a body was read to be, and the offset behind it. */
export interface BodyReading<Body> {
  /** What it says. */
  readonly body: Body;
  /** The offset behind it. */
  readonly end: number;
}

/** Reads the body at `offset` of an item, which may be kept only if `isOwn` is set. Throws {@link CborError}. */
export type BodyReader<Body> = (item: Uint8Array, offset: number, isOwn: boolean) => BodyReading<Body>;

/** Any body. Byte strings are copied unless the item may be kept. */
export function readAnyBody(item: Uint8Array, offset: number, isOwn: boolean): BodyReading<CborValue> {
  const reader = new CborReader(item, offset, { copyBytes: !isOwn });
  return { body: reader.value(), end: reader.offset };
}

/** The item of a request or a reply. Throws {@link CborError}. */
export function decodeCall<Body>(item: Uint8Array, isOwn: boolean, readBody: BodyReader<Body>): DecodedCall<Body> {
  const reader = new CborReader(item);
  reader.expectArray(3);
  const correlationId = reader.unsigned();
  const { body, end } = readBody(item, reader.offset, isOwn);
  readChecksum(new CborReader(item, end), item);
  return { correlationId, body };
}
