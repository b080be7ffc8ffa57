/**
 * A cluster of cores without clock, disk or sockets: messages and writes are lists that a test works off as it likes.
 *
 * @module
 */
import { simpleConfiguration } from "../../../raft/core/configuration.ts";
import type { RaftConfig } from "../../../raft/core/config.ts";
import { capture, checkBasic, checkDelta } from "../../../raft/core/invariants.ts";
import type { Message, ProposalOutcome, RaftEvent } from "../../../raft/core/message.ts";
import { Raft } from "../../../raft/core/raft.ts";
import type { PersistBatch, ReadState, Ready } from "../../../raft/core/ready.ts";
import type { InitialState } from "../../../raft/core/state.ts";
import type { Configuration, Entry, HardState, NodeId, SnapshotMeta } from "../../../raft/core/types.ts";

/** Settings that make elections predictable: the timeout of node k of n is electionTimeoutTicks + k. */
export function testConfig(id: NodeId, overrides: Partial<RaftConfig> = {}): RaftConfig {
  return {
    id,
    electionTimeoutTicks: 10,
    tickMs: 10,
    clockDriftBound: 2,
    heartbeatTicks: 1,
    maxAppendBytes: 1 << 20,
    maxAppendEntries: 64,
    maxInflightAppends: 16,
    maxUncommittedBytes: 1 << 25,
    maxApplyBytes: 1 << 20,
    maxRetainedBytes: 0,
    random: () => 0,
    ...overrides,
  };
}

/** One core with the stable storage and state machine that a driver would give it. */
export class TestNode {
  readonly config: RaftConfig;
  raft: Raft;
  /** What a crash would leave. */
  hardState: HardState = { currentTerm: 0, votedFor: null };
  stored: Entry[] = [];
  snapshot: SnapshotMeta;
  /** Commands applied, in order. */
  applied: Entry[] = [];
  readStates: ReadState[] = [];
  proposals: ProposalOutcome[] = [];
  /** A write that was started and not finished. */
  writing: PersistBatch | null = null;

  constructor(config: RaftConfig, initial: InitialState) {
    this.config = config;
    this.snapshot = initial.snapshot;
    this.hardState = initial.hardState;
    this.stored = [...initial.entries];
    this.raft = this.#start(initial);
  }

  /** Steps an event and checks every invariant around it. */
  step(event: RaftEvent): void {
    const before = capture(this.raft.state);
    this.raft.step(event);
    const problems = [...checkBasic(this.raft.state), ...checkDelta(before, this.raft.state)];
    if (problems.length > 0) throw new Error(problems.join("\n"));
  }

  /** Honours a Ready except its writes and messages, which are the caller's to decide about. */
  takeReady(): Ready {
    const ready = this.raft.takeReady();
    this.proposals.push(...ready.proposals);
    this.readStates.push(...ready.readStates);
    if (ready.persist !== null) this.writing = ready.persist;
    if (ready.restoreSnapshot !== null) this.applied = [];
    this.applied.push(...ready.committedEntries);
    const last = ready.committedEntries.at(-1)?.index ?? ready.restoreSnapshot?.last.index;
    if (last !== undefined) this.step({ type: "applied", index: last });
    return ready;
  }

  /** Finishes the write in flight; returns the messages that waited for it. */
  finishWrite(): readonly Message[] {
    const batch = this.writing;
    if (batch === null) return [];
    this.writing = null;
    if (batch.hardState !== null) this.hardState = batch.hardState;
    if (batch.logStart !== null) {
      this.snapshot = batch.logStart;
      this.stored = [];
    }
    const first = batch.entries[0]?.index;
    if (first !== undefined) this.stored = this.stored.filter((entry) => entry.index < first);
    this.stored.push(...batch.entries);
    this.step({ type: "persisted", last: batch.last });
    return batch.messagesAfterPersist;
  }

  /** Stores a received snapshot, which is durable before the core hears of it. */
  receiveSnapshot(from: NodeId, snapshot: SnapshotMeta): void {
    if (snapshot.last.index > this.snapshot.last.index) this.snapshot = snapshot;
    this.step({ type: "snapshotReceived", from, snapshot });
  }

  /** Loses everything that was not written; entries that do not connect to the newest snapshot are of no use. */
  restart(): void {
    this.writing = null;
    this.applied = [];
    const { hardState, snapshot } = this;
    const { index, term } = snapshot.last;
    const isConnected = index < (this.stored[0]?.index ?? 0) ||
      this.stored.some((entry) => entry.index === index && entry.term === term);
    this.stored = isConnected ? this.stored.filter((entry) => entry.index > index) : [];
    this.raft = this.#start({ hardState, snapshot, entries: this.stored });
  }

  /** A core that has been up for an election timeout: before, it would vote for nobody. */
  #start(initial: InitialState): Raft {
    const raft = new Raft(this.config, initial);
    raft.state.ticksSinceLeader = this.config.electionTimeoutTicks;
    return raft;
  }

  /** Takes a snapshot of all that was applied. */
  compact(): void {
    const { log } = this.raft.state;
    const index = log.lastApplied;
    const snapshot = { last: { index, term: log.termAt(index) ?? 0 }, configuration: log.configurationAt(index) };
    this.snapshot = snapshot;
    this.stored = this.stored.filter((entry) => entry.index > index);
    this.step({ type: "snapshotSaved", snapshot });
  }
}

/** Options of {@link TestCluster}. */
export interface TestClusterOptions {
  readonly learners?: readonly NodeId[];
  readonly config?: Partial<RaftConfig>;
}

/** Some cores and the messages between them. */
export class TestCluster {
  readonly nodes: Map<NodeId, TestNode> = new Map();
  /** Messages sent and not delivered yet, oldest first. */
  network: Message[] = [];
  /** Every message ever sent. */
  readonly sent: Message[] = [];
  /** Links on which messages are lost, as `from>to`. */
  readonly cut: Set<string> = new Set();
  readonly configuration: Configuration;

  constructor(voters: readonly NodeId[], options: TestClusterOptions = {}) {
    this.configuration = simpleConfiguration(voters, options.learners ?? []);
    for (const [position, id] of [...voters, ...(options.learners ?? [])].entries()) {
      const config = testConfig(id, { random: () => position / 10, ...options.config });
      this.nodes.set(
        id,
        new TestNode(config, {
          hardState: { currentTerm: 0, votedFor: null },
          snapshot: { last: { index: 0, term: 0 }, configuration: this.configuration },
          entries: [],
        }),
      );
    }
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Cuts a node off, or connects it again. */
  setConnected(id: NodeId, connected: boolean): void {
    for (const other of this.nodes.keys()) {
      if (other === id) continue;
      for (const link of [`${id}>${other}`, `${other}>${id}`]) {
        if (connected) this.cut.delete(link);
        else this.cut.add(link);
      }
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.sent.push(message);
      if (!this.cut.has(`${message.from}>${message.to}`)) this.network.push(message);
    }
  }

  /** Collects what a node wants done; finishes its writes at once unless told not to. */
  drain(id: NodeId, finishWrites = true): void {
    const node = this.node(id);
    while (node.raft.hasReady() || (finishWrites && node.writing !== null)) {
      const ready = node.takeReady();
      this.send(ready.messages);
      for (const { to, snapshot, offset, term } of ready.snapshotSends) {
        const data = new Uint8Array([1]);
        this.send([{ from: id, to, term, type: "InstallSnapshot", snapshot, offset, data, checksum: 0, done: true }]);
      }
      for (const chunk of ready.snapshotChunks) {
        node.receiveSnapshot(chunk.from, chunk.snapshot);
      }
      if (finishWrites) this.send(node.finishWrite());
      else if (!node.raft.hasReady()) break;
    }
  }

  step(id: NodeId, event: RaftEvent): void {
    this.node(id).step(event);
    this.drain(id);
  }

  /** Delivers messages until none is left. */
  settle(): void {
    for (let message = this.network.shift(); message !== undefined; message = this.network.shift()) {
      this.step(message.to, { type: "message", message });
    }
  }

  /** Ticks every node `count` times, settling after each. */
  tick(count = 1, ids: readonly NodeId[] = [...this.nodes.keys()]): void {
    for (let tick = 0; tick < count; tick++) {
      for (const id of ids) this.step(id, { type: "tick", nowMs: 0 });
      this.settle();
    }
  }

  /** Makes `id` leader by letting only its clock run. */
  elect(id: NodeId): void {
    this.tick(20, [id]);
    if (this.node(id).raft.status().role !== "leader") throw new Error(`${id} did not become leader`);
  }

  propose(id: NodeId, ...texts: string[]): void {
    const commands = texts.map((text) => new TextEncoder().encode(text));
    this.step(id, { type: "propose", proposalId: 1, commands, clusterTimeMs: 0 });
  }

  /** Texts of the commands applied at `id`. */
  appliedTexts(id: NodeId): string[] {
    return this.node(id).applied.flatMap((entry) =>
      entry.kind === "command" ? [new TextDecoder().decode(entry.data)] : []
    );
  }
}
