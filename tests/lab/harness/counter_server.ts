/**
 * One life of a server of the course's generic replicated state machine: a counter under the production
 * {@link ReplicatedStateMachine}.
 *
 * @module
 */
import { encodeCbor } from "../../../raft/encoding/cbor.ts";
import { ReplicatedStateMachine } from "../../../raft/rsm/rsm.ts";
import type { SubmitOutcome } from "../../../raft/rsm/errors.ts";
import type { SnapshotSource, StateMachine } from "../../../raft/rsm/state_machine.ts";
import { type ServerLife } from "./lab_cluster.ts";
import { LabFailure, type ServerHost } from "./world.ts";

/** `inc` counts, `null` does nothing, `dec` must never be executed. */
export type CounterCommand = "inc" | "null" | "dec";

/** Is told what a counter does. */
interface CounterObserver {
  /** A Dec was executed. */
  onDec(): void;
  /** The total has changed. */
  onTotal(total: number): void;
}

/** Counts. */
class Counter implements StateMachine<CounterCommand, number> {
  total = 0;
  readonly #observer: CounterObserver;

  constructor(observer: CounterObserver) {
    this.#observer = observer;
  }

  apply(command: CounterCommand): number {
    if (command === "dec") this.#observer.onDec();
    if (command === "inc") this.#observer.onTotal(++this.total);
    return this.total;
  }

  snapshot(): SnapshotSource {
    const bytes = new TextEncoder().encode(String(this.total));
    return { chunks: () => ReadableStream.from([bytes]), release: () => {} };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    this.total = Number(text);
    this.#observer.onTotal(this.total);
  }
}

/** A server, as the cluster sees it. */
export interface CounterLife extends ServerLife {
  /** What it has counted. */
  readonly total: number;
  /** Whether it leads. */
  readonly isLeader: boolean;
  /** Index that its newest snapshot stands for, 0 for none; see {@link ServerLife.refresh}. */
  readonly snapshotIndex: number;
  /** The course's Submit: waits for no leader. */
  submit(command: CounterCommand): Promise<SubmitOutcome<number>>;
  /** Stops in order, as the course's Kill does: everyone who waits is told. */
  shutDown(): Promise<void>;
}

/** What a {@link CounterServer} is made of. */
export interface CounterServerOptions {
  /** Where it lives. */
  readonly world: ServerHost;
  /** Its name. */
  readonly name: string;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** Is told when the total has changed. */
  readonly onTotal?: (total: number) => void;
  /** Is told when leadership has been won or lost. */
  readonly onState?: (state: { readonly term: number; readonly isLeader: boolean }) => void;
}

/** See the module. */
export class CounterServer implements CounterLife {
  readonly #world: ServerHost;
  readonly #name: string;
  readonly #counter: Counter;
  #replica: ReplicatedStateMachine<CounterCommand, number> | null = null;
  #isAlive = true;

  private constructor({ world, name, onTotal }: CounterServerOptions) {
    this.#world = world;
    this.#name = name;
    this.#counter = new Counter({
      onDec: () => world.fail(new LabFailure(`${name} has executed a Dec`)),
      onTotal: (total) => onTotal?.(total),
    });
  }

  /** Begins a life on what the disk holds. */
  static async boot(options: CounterServerOptions): Promise<CounterServer> {
    const { world, name, maxRaftState, onState } = options;
    const server = new CounterServer(options);
    server.#replica = await ReplicatedStateMachine.start<CounterCommand, number>({
      ...{ id: name, listen: world.listenAddress(name), peers: world.addressesFor(name), dataDir: world.dataDir(name) },
      ...{ platform: world.boot(name), machine: server.#counter, maxRaftState },
      onStatus: ({ currentTerm, role }) => onState?.({ term: currentTerm, isLeader: role === "leader" }),
      onStopped: (reason) => {
        if (reason !== null) world.fail(reason);
      },
    });
    return server;
  }

  /** Whether the life goes on. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** What it has counted. */
  get total(): number {
    return this.#counter.total;
  }

  /** Whether it leads. */
  get isLeader(): boolean {
    return this.#replica?.status().role === "leader";
  }

  /** See {@link ServerLife.raftStateBytes}. */
  get raftStateBytes(): number {
    return this.#replica?.status().storage.logBytes ?? 0;
  }

  /** See {@link ServerLife.refresh}. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@link CounterLife.snapshotIndex}. */
  get snapshotIndex(): number {
    return this.#replica?.status().snapshot.last.index ?? 0;
  }

  /** The course's Submit: waits for no leader. */
  submit(command: CounterCommand): Promise<SubmitOutcome<number>> {
    return new Promise((resolve) => {
      if (this.#replica === null) return resolve({ kind: "notDone", reason: "stopped", leader: null });
      this.#replica.submitWith(encodeCbor(command), resolve);
    });
  }

  /** See {@link ServerLife.crash}. */
  async crash(): Promise<void> {
    this.#isAlive = false;
    await this.#world.crash(this.#name, async () => await this.#replica?.[Symbol.asyncDispose]());
  }

  /** Stops in order, as the course's Kill does: everyone who waits is told. */
  async shutDown(): Promise<void> {
    await this.#replica?.[Symbol.asyncDispose]();
    await this.crash();
  }
}
