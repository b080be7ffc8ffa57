/**
 * A cluster in one process: replicated journals on memory, on a clock that the test moves.
 *
 * @module
 */
import { ReplicatedStateMachine } from "../../../../raft/rsm/rsm.ts";
import type { MachineOptions } from "../../../../raft/rsm/options.ts";
import { MemoryStorage } from "../../../../raft/storage/memory_storage.ts";
import type { Storage, WriteBatch } from "../../../../raft/storage/storage.ts";
import { Journal } from "./journal.ts";
import { LocalNetwork } from "./local_network.ts";
import { ManualClock } from "./manual_clock.ts";

/** A replicated {@link Journal}. */
export type Replica = ReplicatedStateMachine<string, number, "all" | "impossible", readonly string[]>;

/** One member of a {@link Cluster}. */
export interface Member {
  readonly id: string;
  readonly storage: MemoryStorage;
  readonly journal: Journal;
  readonly replica: Replica;
  /** What `onStopped` was called with, once per call. */
  readonly stopped: (Error | null)[];
  /** Batches written, in order. */
  readonly batches: WriteBatch[];
  /** Makes every further write fail. */
  breakDisk: (error: Error) => void;
}

/** Numbers that look random and are the same every time. */
export function seededRandom(seed: number): { next(): number } {
  let state = seed;
  return {
    next() {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
  };
}

/** Members by name, with the network between them. */
export class Cluster implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly network = new LocalNetwork(this.clock);
  readonly members = new Map<string, Member>();
  readonly #options: Omit<MachineOptions<string, number>, "machine">;
  readonly #names: readonly string[];
  readonly #machine: () => Journal;
  #seed = 1;

  private constructor(
    count: number,
    options: Omit<MachineOptions<string, number>, "machine">,
    machine: () => Journal,
  ) {
    this.#options = options;
    this.#machine = machine;
    this.#names = Array.from({ length: count }, (_, index) => `n${index + 1}`);
  }

  /** Starts `count` members, n1 and so on, each with a machine of its own. */
  static async start(
    count: number,
    options: Omit<MachineOptions<string, number>, "machine"> = {},
    machine: () => Journal = () => new Journal(),
  ): Promise<Cluster> {
    const cluster = new Cluster(count, options, machine);
    for (const name of cluster.#names) await cluster.startMember(name);
    return cluster;
  }

  /** Starts a member that has never run. */
  async startMember(id: string): Promise<Member> {
    const initialConfiguration = { voters: this.#names, outgoing: [], learners: [] };
    const storage = MemoryStorage.create({ initialConfiguration });
    const journal = this.#machine();
    const stopped: (Error | null)[] = [];
    const batches: WriteBatch[] = [];
    let fault: Error | null = null;
    const replica = await ReplicatedStateMachine.attach({
      id,
      storage: observed(storage, batches, () => fault),
      transport: this.network.transport(id),
      clock: this.clock,
      random: seededRandom(this.#seed++),
    }, { ...this.#options, machine: journal, onStopped: (reason) => stopped.push(reason) });
    const breakDisk = (error: Error): void => {
      fault = error;
    };
    const member = { id, storage, journal, replica, stopped, batches, breakDisk };
    this.members.set(id, member);
    return member;
  }

  /** The member called `id`. */
  member(id: string): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** The running leader of the highest term, if there is one. */
  leader(): Member | null {
    const leaders = [...this.members.values()].filter(({ replica }) =>
      replica.node.state === "running" && replica.status().role === "leader"
    );
    leaders.sort((left, right) => right.replica.status().currentTerm - left.replica.status().currentTerm);
    return leaders[0] ?? null;
  }

  /** Waits until somebody leads whom all running members, or those listed, follow. */
  async elect(among: readonly string[] = this.#names): Promise<Member> {
    const agreed = (): Member | null => {
      const members = among.map((id) => this.member(id)).filter(({ replica }) => replica.node.state === "running");
      const leader = members.find(({ replica }) => replica.status().role === "leader");
      return leader !== undefined && members.every(({ replica }) => replica.leader === leader.id) ? leader : null;
    };
    await this.clock.until(`one leader among ${among.join(", ")}`, () => agreed() !== null);
    const leader = agreed();
    if (leader === null) throw new Error("the leader is gone again");
    return leader;
  }

  /** Members other than `member`. */
  others(member: Member): Member[] {
    return [...this.members.values()].filter(({ id }) => id !== member.id);
  }

  /** Moves time until a promise is settled, and returns how it ended. */
  async outcome<T>(promise: Promise<T>, withinMs: number = 30_000): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    await this.clock.until("a promise settles", () => isSettled, withinMs);
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { replica } of this.members.values()) await replica[Symbol.asyncDispose]();
  }
}

/** `storage`, with its writes noted, and failing once a fault is set. */
function observed(storage: Storage, batches: WriteBatch[], fault: () => Error | null): Storage {
  return {
    initial: storage.initial,
    write(batch) {
      const error = fault();
      if (error !== null) return Promise.reject(error);
      batches.push(batch);
      return storage.write(batch);
    },
    saveSnapshot: (snapshot, chunks) => storage.saveSnapshot(snapshot, chunks),
    readSnapshot: () => storage.readSnapshot(),
    readSnapshotChunk: (snapshot, offset, maxBytes) => storage.readSnapshotChunk(snapshot, offset, maxBytes),
    receiveSnapshotChunk: (...chunk) => storage.receiveSnapshotChunk(...chunk),
    status: () => storage.status(),
    logBytesThrough: (index) => storage.logBytesThrough(index),
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
