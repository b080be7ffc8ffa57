/**
 * One life of a Raft server of the course: a production {@link RaftNode} on production storage and transport, with an
 * applier that keeps every command it is given.
 *
 * @module
 */
import { decodeCbor, encodeCbor } from "../../../raft/encoding/cbor.ts";
import type { Configuration, Entry, EntryId, SnapshotMeta } from "../../../raft/core/types.ts";
import type { Applier } from "../../../raft/node/apply_queue.ts";
import { RaftNode } from "../../../raft/node/node.ts";
import { type OpenedRaft, openRaft } from "../../../raft/open.ts";
import type { AppliedObserver } from "./agreed_log.ts";
import { type CommandIndex, IndexMap, watchStorage } from "./index_map.ts";
import type { ServerLife } from "./lab_cluster.ts";
import type { ServerHost } from "./world.ts";

/** What the course's `Start` returns. */
export interface Started {
  /** Where the command stands among the commands if it is ever committed. */
  readonly index: CommandIndex;
  /** The term it was taken in. */
  readonly term: number;
}

/** What the course's `GetState` returns. */
export interface LabState {
  /** currentTerm. */
  readonly term: number;
  /** Whether the server believes that it leads. */
  readonly isLeader: boolean;
}

/** The course takes a snapshot when (index + 1) % 10 == 0. */
export const snapshotInterval = 10;

/** What the servers of a cluster share. */
export interface RaftServerOptions {
  /** Where it lives. */
  readonly world: ServerHost;
  /** Its name. */
  readonly name: string;
  /** Is told what it applies. */
  readonly agreed: AppliedObserver;
  /** Whether it takes snapshots. */
  readonly takesSnapshots: boolean;
  /** Is told when the state has changed. */
  readonly onState?: (state: LabState) => void;
}

/** A server, as the cluster sees it. */
export interface RaftLife extends ServerLife {
  /** The commands applied, the first at 0: index 1 of the course. */
  readonly commands: readonly string[];
  /** See {@link LabState}. */
  state(): LabState;
  /** Offers a command; null unless this server leads. */
  start(command: string): Promise<Started | null>;
  /** Resolves when the server may vote: in its first life, once all servers have met; left out where nobody can tell. */
  readonly founded?: Promise<void>;
}

/** See the module. */
export class RaftServer implements Applier, RaftLife {
  /** The commands applied, the first at 0: index 1 of the course. */
  commands: string[] = [];
  readonly #options: RaftServerOptions;
  readonly #configuration: Configuration;
  #node: RaftNode | null = null;
  #opened: OpenedRaft | null = null;
  #map: IndexMap | null = null;
  #isAlive = true;
  /** Ends the waits of {@link start} when the life ends. */
  readonly #starting = new Set<(started: null) => void>();
  /** The newest snapshot asked for while another one was being saved. */
  #wanted: { readonly snapshot: SnapshotMeta; readonly bytes: Uint8Array } | null = null;
  #isSaving = false;

  private constructor(options: RaftServerOptions, servers: readonly string[]) {
    this.#options = options;
    this.#configuration = { voters: [...servers].sort(), outgoing: [], learners: [] };
  }

  /** Begins a life on what the disk holds. */
  static async boot(options: RaftServerOptions): Promise<RaftServer> {
    const { world, name } = options;
    const peers = world.addressesFor(name);
    const server = new RaftServer(options, Object.keys(peers));
    await server.#run(peers);
    return server;
  }

  /** See {@link RaftLife}. */
  get founded(): Promise<void> {
    return this.#opened?.admission?.founded ?? Promise.resolve();
  }

  /** Whether the life goes on. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** See {@link ServerLife.refresh}. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@link ServerLife.raftStateBytes}. */
  get raftStateBytes(): number {
    return this.#node?.storageStatus().logBytes ?? 0;
  }

  /** See {@link LabState}. */
  state(): LabState {
    if (this.#node === null) return { term: 0, isLeader: false };
    const { currentTerm, role } = this.#node.status();
    return { term: currentTerm, isLeader: role === "leader" };
  }

  /** Offers a command; null unless this server leads. */
  start(command: string): Promise<Started | null> {
    return new Promise((resolve) => {
      if (this.#node === null || !this.#isAlive) return resolve(null);
      const end = (started: Started | null): void => {
        this.#starting.delete(end);
        resolve(started);
      };
      this.#starting.add(end);
      this.#node.propose(new TextEncoder().encode(command), (outcome) => {
        if (outcome.kind === "accepted") this.#number(outcome.entry, end);
        else end(null);
      });
    });
  }

  /** Ends the life: nothing it does counts any more. */
  async crash(): Promise<void> {
    this.#isAlive = false;
    for (const end of [...this.#starting]) end(null);
    await this.#options.world.crash(this.#options.name, async () => {
      await this.#node?.stop();
      await this.#opened?.[Symbol.asyncDispose]();
    });
  }

  /** See {@link Applier.apply}. */
  apply(entries: readonly Entry[]): void {
    if (!this.#isAlive) return;
    try {
      for (const entry of entries) this.#applyOne(entry);
    } catch (error) {
      this.#options.world.fail(error);
      throw error;
    }
  }

  /** See {@link Applier.restore}. */
  async restore(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: number[] = [];
    for await (const chunk of chunks) parts.push(...chunk);
    const commands = decodeCbor(Uint8Array.from(parts));
    if (!Array.isArray(commands)) throw new Error("Cannot restore: the snapshot is no list of commands");
    this.commands = commands.map(String);
    this.#map?.applied(snapshot.last.index, this.commands.length);
    if (!this.#isAlive) return;
    try {
      this.#options.agreed.restore(this.#options.name, snapshot.last, this.commands);
    } catch (error) {
      this.#options.world.fail(error);
      throw error;
    }
  }

  async #run(peers: Readonly<Record<string, string>>): Promise<void> {
    const { world, name, onState } = this.#options;
    const opened = await openRaft({
      ...{ id: name, listen: world.listenAddress(name), peers, dataDir: world.dataDir(name) },
      platform: world.boot(name),
    });
    this.#opened = opened;
    this.#map = new IndexMap(opened.storage.initial.entries);
    this.#node = new RaftNode({
      ...opened,
      storage: watchStorage(opened.storage, this.#map),
      applier: this,
      onStatus: ({ currentTerm, role }) => onState?.({ term: currentTerm, isLeader: role === "leader" }),
      onStopped: (reason) => {
        if (reason !== null) world.fail(reason);
      },
    });
    await this.#node.run();
  }

  #applyOne(entry: Entry): void {
    const { agreed, name, takesSnapshots } = this.#options;
    const value = entry.kind === "command" ? new TextDecoder().decode(entry.data) : null;
    agreed.apply(name, entry, value);
    if (value !== null) this.commands.push(value);
    this.#map?.applied(entry.index, this.commands.length);
    if (value === null || !takesSnapshots || (this.commands.length + 1) % snapshotInterval !== 0) return;
    const last = { index: entry.index, term: entry.term };
    this.#wanted = { snapshot: { last, configuration: this.#configuration }, bytes: encodeCbor(this.commands) };
    if (!this.#isSaving) void this.#saveSnapshots();
  }

  async #saveSnapshots(): Promise<void> {
    this.#isSaving = true;
    // Not within the applier's call: the slot is applied when that has returned.
    await Promise.resolve();
    for (let wanted = this.#wanted; wanted !== null; wanted = this.#wanted) {
      this.#wanted = null;
      const { snapshot, bytes } = wanted;
      await this.#node?.saveSnapshot(snapshot, chunksOf(bytes));
    }
    this.#isSaving = false;
  }

  /** Tells the number of an entry that this leader took, as soon as it is known. */
  #number(entry: EntryId, end: (started: Started | null) => void): void {
    const index = this.#map?.commandIndex(entry) ?? null;
    if (index !== null) return end({ index, term: entry.term });
    // The no-op of its term is not written yet, or a snapshot not restored: a matter of one disk operation.
    if (this.#isAlive) this.#options.world.clock.after(1, () => this.#number(entry, end));
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
