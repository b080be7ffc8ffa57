/**
 * The bytes of a snapshot: a header, then whatever the state machine wrote.
 *
 *     offset 0   u8    format version (1)
 *            1   f64   cluster time in milliseconds
 *            9   f64   index of the last entry applied
 *           17   f64   term of that entry
 *           25         the machine's bytes
 *
 * Integers up to 2^53 are exact in a big-endian float64. The position repeats what the snapshot's own meta data says, so
 * that a snapshot under a wrong name is noticed before it is applied. Checksums are storage's business.
 *
 * @module
 */
import type { EntryId } from "../core/types.ts";

const formatVersion = 1;
const headerBytes = 25;

/** What precedes the machine's bytes. */
export interface SnapshotHeader {
  /** Cluster time as of the snapshot: the running maximum over all entries. */
  readonly clusterTimeMs: number;
  /** The last entry that the machine had applied. */
  readonly applied: EntryId;
}

/** Bytes that are no snapshot of this format. */
export class SnapshotFormatError extends Error {
  /** The class name, for logs. */
  override readonly name = "SnapshotFormatError";
}

/** The header as bytes. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, formatVersion);
  view.setFloat64(1, header.clusterTimeMs);
  view.setFloat64(9, header.applied.index);
  view.setFloat64(17, header.applied.term);
  return bytes;
}

function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0);
  if (version !== formatVersion) {
    throw new SnapshotFormatError(
      `Cannot restore snapshot: its format is version ${version}, this program knows version ${formatVersion}`,
    );
  }
  return {
    clusterTimeMs: view.getFloat64(1),
    applied: { index: view.getFloat64(9), term: view.getFloat64(17) },
  };
}

/** Separates the header from the machine's bytes, however the stream is cut. */
export async function openSnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly header: SnapshotHeader; readonly chunks: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const start = new Uint8Array(headerBytes);
  let filled = 0;
  let rest = new Uint8Array();
  while (filled < headerBytes) {
    const next = await iterator.next();
    if (next.done === true) {
      throw new SnapshotFormatError(`Cannot restore snapshot: it ends after ${filled} bytes, within its header`);
    }
    const part = next.value.subarray(0, headerBytes - filled);
    start.set(part, filled);
    filled += part.length;
    rest = next.value.slice(part.length);
  }
  const header = decodeHeader(start);
  async function* remaining(): AsyncGenerator<Uint8Array> {
    try {
      if (rest.length > 0) yield rest;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { header, chunks: remaining() };
}
