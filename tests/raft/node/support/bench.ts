/**
 * One node alone, whose disk and network a test holds in its hands.
 *
 * @module
 */
import type { PeerMessage } from "../../../../raft/core/message.ts";
import type { Entry } from "../../../../raft/core/types.ts";
import type { Applier } from "../../../../raft/node/apply_queue.ts";
import { RaftNode } from "../../../../raft/node/node.ts";
import { MemoryStorage } from "../../../../raft/storage/memory_storage.ts";
import type { Storage } from "../../../../raft/storage/storage.ts";
import type { Transport } from "../../../../raft/wire/transport.ts";
import { seededRandom } from "./cluster.ts";
import { ManualClock, settle } from "./manual_clock.ts";

/** A node whose disk writes finish when the test says so, and whose messages go nowhere. */
export class Bench {
  readonly clock = new ManualClock();
  readonly storage: MemoryStorage;
  readonly sent: PeerMessage[] = [];
  readonly applied: Entry[] = [];
  readonly stopped: (Error | null)[] = [];
  deliver: (message: PeerMessage) => void = () => {};
  isTransportOpen = true;
  isDiskHeld = false;
  #held: (() => void)[] = [];
  onRestore: () => Promise<void> = () => Promise.resolve();
  onApply: (entries: readonly Entry[]) => void = () => {};
  onSend: (message: PeerMessage) => void = () => {};
  onWrite: () => void = () => {};

  constructor(voters: readonly string[]) {
    this.storage = MemoryStorage.create({ initialConfiguration: { voters, outgoing: [], learners: [] } });
  }

  start(): Promise<RaftNode> {
    const { storage, clock } = this;
    const applier: Applier = {
      apply: (entries) => {
        this.onApply(entries);
        this.applied.push(...entries);
      },
      restore: () => this.onRestore(),
    };
    const transport: Transport = {
      start: (deliver) => {
        this.deliver = deliver;
      },
      send: (message) => {
        this.sent.push(message);
        this.onSend(message);
      },
      [Symbol.asyncDispose]: () => {
        this.isTransportOpen = false;
        return Promise.resolve();
      },
    };
    const slow: Storage = {
      initial: storage.initial,
      write: async (batch) => {
        this.onWrite();
        if (this.isDiskHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
        await storage.write(batch);
      },
      saveSnapshot: (snapshot, chunks) => storage.saveSnapshot(snapshot, chunks),
      readSnapshot: () => storage.readSnapshot(),
      readSnapshotChunk: (...request) => storage.readSnapshotChunk(...request),
      receiveSnapshotChunk: (...chunk) => storage.receiveSnapshotChunk(...chunk),
      status: () => storage.status(),
      logBytesThrough: (index) => storage.logBytesThrough(index),
      [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
    };
    return RaftNode.start({
      ...{ id: "n1", storage: slow, transport, clock, random: seededRandom(7), applier },
      onStopped: (reason) => this.stopped.push(reason),
    });
  }

  /** Lets the writes that wait finish. */
  releaseDisk(): Promise<void> {
    this.isDiskHeld = false;
    for (const resolve of this.#held.splice(0)) resolve();
    return settle();
  }

  count(type: PeerMessage["type"]): number {
    return this.sent.filter((message) => message.type === type).length;
  }
}
