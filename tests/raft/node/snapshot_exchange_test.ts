/**
 * Chunks of snapshots, from and to other nodes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { InstallSnapshot, Message, RaftEvent } from "../../../raft/core/message.ts";
import type { SnapshotMeta } from "../../../raft/core/types.ts";
import { SnapshotExchange } from "../../../raft/node/snapshot_exchange.ts";
import { MemoryStorage } from "../../../raft/storage/memory_storage.ts";
import type { ChunkOutcome, SnapshotChunk, Storage } from "../../../raft/storage/storage.ts";
import { settle } from "./support/manual_clock.ts";

const configuration = { voters: ["n1", "n2"], outgoing: [], learners: [] };
const snapshot: SnapshotMeta = { last: { index: 9, term: 2 }, configuration };

/** An exchange on a storage that answers when the test says so. */
function exchange(): {
  readonly exchange: SnapshotExchange;
  readonly events: RaftEvent[];
  readonly sent: Message[];
  readonly failures: unknown[];
  readonly calls: string[];
  readonly answerChunk: (outcome: ChunkOutcome | Error) => Promise<void>;
  readonly answerRead: (chunk: SnapshotChunk | null | Error) => Promise<void>;
} {
  const calls: string[] = [];
  const stores: PromiseWithResolvers<ChunkOutcome>[] = [];
  const reads: PromiseWithResolvers<SnapshotChunk | null>[] = [];
  const memory = MemoryStorage.create({ initialConfiguration: configuration });
  const storage: Storage = {
    initial: memory.initial,
    write: (batch) => memory.write(batch),
    saveSnapshot: (meta, chunks) => memory.saveSnapshot(meta, chunks),
    readSnapshot: () => memory.readSnapshot(),
    readSnapshotChunk(last, offset) {
      calls.push(`read ${last.index} at ${offset}`);
      reads.push(Promise.withResolvers());
      return reads[reads.length - 1]?.promise ?? Promise.resolve(null);
    },
    receiveSnapshotChunk(meta, offset, _data, _checksum, _done, transfer) {
      calls.push(`store ${meta.last.index} at ${offset} of ${transfer}`);
      const stored = Promise.withResolvers<ChunkOutcome>();
      stores.push(stored);
      return stored.promise;
    },
    status: () => memory.status(),
    logBytesThrough: (index) => memory.logBytesThrough(index),
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  };
  const events: RaftEvent[] = [];
  const sent: Message[] = [];
  const failures: unknown[] = [];
  const settleWith = <T>(waiting: PromiseWithResolvers<T> | undefined, value: T | Error): Promise<void> => {
    if (value instanceof Error) waiting?.reject(value);
    else waiting?.resolve(value);
    return settle();
  };
  return {
    exchange: new SnapshotExchange({
      ...{ id: "n1", storage },
      send: (message) => sent.push(message),
      enqueue: (event) => events.push(event),
      onFailed: (error) => failures.push(error),
    }),
    ...{ events, sent, failures, calls },
    answerChunk: (outcome) => settleWith(stores.shift(), outcome),
    answerRead: (chunk) => settleWith(reads.shift(), chunk),
  };
}

function chunkAt(offset: number): InstallSnapshot {
  const data = new Uint8Array(4);
  return { type: "InstallSnapshot", from: "n2", to: "n1", term: 2, snapshot, offset, data, checksum: 0, done: false };
}

Deno.test("chunks are stored one after the other, and each is reported", async () => {
  const { exchange: under, events, calls, answerChunk } = exchange();
  under.receive(chunkAt(0));
  under.receive(chunkAt(4));
  assertEquals(calls, ["store 9 at 0 of n2 in term 2"]);
  await answerChunk({ kind: "partial", nextOffset: 4 });
  assertEquals(calls.length, 2);
  await answerChunk({ kind: "partial", nextOffset: 8 });
  assertEquals(
    events.map((event) => event.type === "snapshotChunkStored" ? event.nextOffset : event.type),
    [4, 8],
  );
});

Deno.test("chunks that come faster than the disk are dropped, not hoarded", async () => {
  const { exchange: under, calls, answerChunk } = exchange();
  for (let chunk = 0; chunk < 100; chunk++) under.receive(chunkAt(4 * chunk));
  for (let chunk = 0; chunk < 100; chunk++) await answerChunk({ kind: "partial", nextOffset: 0 });
  assertEquals(calls.length, 9, "one under way and eight behind it");
});

Deno.test("after a complete snapshot nothing more is stored until the node has looked at it", async () => {
  const { exchange: under, events, calls, answerChunk } = exchange();
  under.receive(chunkAt(0));
  under.receive(chunkAt(4));
  await answerChunk({ kind: "complete" });
  assertEquals(events, [{ type: "snapshotReceived", from: "n2", snapshot }]);
  assertEquals(calls.length, 1);
  under.setPaused(true);
  assertEquals(calls.length, 1);
  under.setPaused(false);
  assertEquals(calls.length, 2);
});

Deno.test("a chunk is read and sent; one that is gone is reported", async () => {
  const { exchange: under, events, sent, answerRead } = exchange();
  under.send({ to: "n2", snapshot, offset: 0, term: 2 });
  const chunk = { data: new Uint8Array([1, 2]), checksum: 7, done: true };
  await answerRead(chunk);
  assertEquals(sent, [{ type: "InstallSnapshot", from: "n1", to: "n2", term: 2, snapshot, offset: 0, ...chunk }]);
  under.send({ to: "n2", snapshot, offset: 2, term: 2 });
  await answerRead(null);
  assertEquals(events, [{ type: "snapshotUnavailable", to: "n2", snapshot: snapshot.last }]);
});

/** What was sent so far, as offsets. */
function offsetsOf(sent: readonly Message[]): number[] {
  return sent.map((message) => message.type === "InstallSnapshot" ? message.offset : -1);
}

Deno.test("behind the first chunk, the next one is sent before it is asked for", async () => {
  const { exchange: under, sent, calls, answerRead } = exchange();
  const ask = (offset: number): void => under.send({ to: "n2", snapshot, offset, term: 2 });
  const chunk = (done = false) => ({ data: new Uint8Array(4), checksum: 7, done });
  ask(0);
  await answerRead(chunk());
  assertEquals([offsetsOf(sent), calls.length], [[0], 1], "the follower may be away");
  ask(4);
  await answerRead(chunk());
  await answerRead(chunk());
  assertEquals(offsetsOf(sent), [0, 4, 8]);
  ask(8);
  await answerRead(chunk(true));
  assertEquals(offsetsOf(sent), [0, 4, 8, 12], "the one at 8 has been sent");
  ask(12);
  await settle();
  assertEquals(offsetsOf(sent), [0, 4, 8, 12], "there is none behind the last");
  assertEquals(calls.length, 4, "and each was read once");
});

Deno.test("a chunk that was sent before it was asked for is sent again when it was lost, alone", async () => {
  const { exchange: under, sent, calls, answerRead } = exchange();
  const ask = (offset: number): void => under.send({ to: "n2", snapshot, offset, term: 2 });
  const chunk = { data: new Uint8Array(4), checksum: 7, done: false };
  ask(4);
  for (let read = 0; read < 2; read++) await answerRead(chunk);
  ask(8);
  await answerRead(chunk);
  assertEquals(offsetsOf(sent), [4, 8, 12]);
  ask(8);
  await answerRead(chunk);
  assertEquals(offsetsOf(sent), [4, 8, 12, 8]);
  assertEquals(calls.length, 4);
  under.send({ to: "n2", snapshot: { ...snapshot, last: { index: 10, term: 2 } }, offset: 12, term: 2 });
  await answerRead(chunk);
  assertEquals(calls[4], "read 10 at 12", "another snapshot's chunk is another chunk");
});

Deno.test("while a chunk for a follower is read, only the latest request for it is kept", async () => {
  const { exchange: under, calls, answerRead } = exchange();
  for (const offset of [0, 4, 8]) under.send({ to: "n2", snapshot, offset, term: 2 });
  under.send({ to: "n3", snapshot, offset: 1, term: 2 });
  assertEquals(calls, ["read 9 at 0", "read 9 at 1"]);
  await answerRead(null);
  assertEquals(calls, ["read 9 at 0", "read 9 at 1", "read 9 at 8"]);
});

Deno.test("a storage that fails is reported, and after stop nothing is", async () => {
  const failing = exchange();
  failing.exchange.receive(chunkAt(0));
  await failing.answerChunk(new Error("no room"));
  failing.exchange.send({ to: "n2", snapshot, offset: 0, term: 2 });
  await failing.answerRead(new Error("unreadable"));
  assertEquals(failing.failures.map(String), ["Error: no room", "Error: unreadable"]);

  const stopped = exchange();
  stopped.exchange.receive(chunkAt(0));
  stopped.exchange.send({ to: "n2", snapshot, offset: 0, term: 2 });
  const stop = stopped.exchange.stop();
  await stopped.answerChunk({ kind: "complete" });
  await stopped.answerRead(null);
  await stop;
  assertEquals(stopped.events, []);
});
