/**
 * The bytes of a snapshot: a header, then whatever the state machine wrote.
 *
 *     offset 0   u8    format version (2)
 *            1   f64   cluster time in milliseconds
 *            9   f64   index of the last entry applied
 *           17   f64   term of that entry
 *           25   u8    1 if the replica's digest is known, plus 2 if the machine's is
 *           26   u32   the replica's digest (`replica_digest.ts`), 0 if it is not known
 *           30   u32   the machine's digest, 0 if it is not known
 *           34         the machine's bytes
 *
 * Version 1, which is read as well, has no digests: the machine's bytes begin at 25.
 *
 * Integers up to 2^53 are exact in a big-endian float64. The position repeats what the snapshot's own meta data says, so
 * that a snapshot under a wrong name is noticed before it is applied. Checksums are storage's business.
 *
 * @module
 */
import type { EntryId } from "../core/types.ts";

const formatVersion = 2;
/** Bytes of the header, by version. */
const headerBytes: Readonly<Record<number, number>> = { 1: 25, 2: 34 };
const hasReplicaDigest = 1;
const hasMachineDigest = 2;

/** What precedes the machine's bytes. */
export interface SnapshotHeader {
  /** Cluster time as of the snapshot: the running maximum over all entries. */
  readonly clusterTimeMs: number;
  /** The last entry that the machine had applied. */
  readonly applied: EntryId;
  /** The replica's digest as of that entry, an integer in [0, 2^32); null if it is not known. */
  readonly replicaDigest: number | null;
  /** The machine's own digest of the state in the snapshot, an integer in [0, 2^32); null if it tells none. */
  readonly machineDigest: number | null;
}

/** Bytes that are no snapshot of this format. */
export class SnapshotFormatError extends Error {
  /** The class name, for logs. */
  override readonly name = "SnapshotFormatError";
}

/** The header as bytes. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const { replicaDigest, machineDigest } = header;
  const bytes = new Uint8Array(headerBytes[formatVersion] ?? 0);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, formatVersion);
  view.setFloat64(1, header.clusterTimeMs);
  view.setFloat64(9, header.applied.index);
  view.setFloat64(17, header.applied.term);
  view.setUint8(25, (replicaDigest === null ? 0 : hasReplicaDigest) + (machineDigest === null ? 0 : hasMachineDigest));
  view.setUint32(26, replicaDigest ?? 0);
  view.setUint32(30, machineDigest ?? 0);
  return bytes;
}

/** Bytes of a header that begins with `version`; throws when that is not known. */
function headerBytesOf(version: number): number {
  const bytes = headerBytes[version];
  if (bytes !== undefined) return bytes;
  throw new SnapshotFormatError(
    `Cannot restore snapshot: its format is version ${version}, this program knows versions 1 to ${formatVersion}`,
  );
}

function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = view.getUint8(0) === 1 ? 0 : view.getUint8(25);
  return {
    clusterTimeMs: view.getFloat64(1),
    applied: { index: view.getFloat64(9), term: view.getFloat64(17) },
    replicaDigest: (known & hasReplicaDigest) === 0 ? null : view.getUint32(26),
    machineDigest: (known & hasMachineDigest) === 0 ? null : view.getUint32(30),
  };
}

/** Separates the header from the machine's bytes, however the stream is cut. */
export async function openSnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly header: SnapshotHeader; readonly chunks: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let start = new Uint8Array();
  while (start.length === 0 || start.length < headerBytesOf(start[0] ?? 0)) {
    const next = await iterator.next();
    if (next.done === true) {
      throw new SnapshotFormatError(`Cannot restore snapshot: it ends after ${start.length} bytes, within its header`);
    }
    start = concatenate(start, next.value);
  }
  const end = headerBytesOf(start[0] ?? 0);
  const header = decodeHeader(start);
  const rest = start.subarray(end);
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

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
