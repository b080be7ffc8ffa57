/**
 * Sample entries, snapshots and clocks of the storage tests.
 *
 * @module
 */
import type { Configuration, Entry, SnapshotMeta } from "../../../raft/core/types.ts";
import { crc32 } from "../../../raft/encoding/crc32.ts";
import type { Clock } from "../../../raft/node/clock.ts";
import type { ChunkOutcome, Storage, StoredState, WriteBatch } from "../../../raft/storage/storage.ts";

export const configuration: Configuration = { voters: ["n1", "n2", "n3"], outgoing: [], learners: [] };

/** A clock that stands still and never fires. */
export const stillClock: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 1_700_000_000_000,
  after: () => ({ cancel: () => {} }),
};

export function command(index: number, term: number, data: Uint8Array | string = `command ${index}`): Entry {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return { index, term, kind: "command", clusterTimeMs: 1_700_000_000_000 + index, data: bytes };
}

/** Commands `from` to `to` of one term. */
export function commands(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, slot) => command(from + slot, term));
}

export function batch(entries: readonly Entry[], extra: Partial<WriteBatch> = {}): WriteBatch {
  return { hardState: null, logStart: null, entries, ...extra };
}

export function snapshotAt(index: number, term: number): SnapshotMeta {
  return { last: { index, term }, configuration };
}

/** `length` bytes that differ from place to place. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

/** The bytes in slices of at most `size`. */
export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

/** The chunks put together. */
export async function collect(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Sends one chunk with its proper checksum. */
export function sendChunk(
  storage: Storage,
  snapshot: SnapshotMeta,
  offset: number,
  data: Uint8Array,
  done: boolean,
  transfer?: string,
): Promise<ChunkOutcome> {
  return transfer === undefined
    ? storage.receiveSnapshotChunk(snapshot, offset, data, crc32(data), done)
    : storage.receiveSnapshotChunk(snapshot, offset, data, crc32(data), done, transfer);
}

/** A state as text, to compare and to show. */
export function describe(state: StoredState): string {
  const { hardState, snapshot, entries } = state;
  const log = entries.map((entry) => {
    const what = entry.kind === "command" ? [...entry.data].join(",") : JSON.stringify(entry);
    return `${entry.index}@${entry.term}:${entry.clusterTimeMs}:${what}`;
  });
  return `${JSON.stringify(hardState)} ${JSON.stringify(snapshot)} ${log.join(" ")}`;
}
