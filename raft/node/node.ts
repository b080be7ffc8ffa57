/**
 * The driver of one Raft member: it brings events to the pure core and honours the effects that come out, in the order
 * that `core/ready.ts` demands.
 *
 *     messages, ticks, proposals, reads ─> inbox ─> step ─> takeReady ─> send | persist | answer | apply | serve reads
 *                                            ^                              │
 *                                            └── persisted, applied, chunks ┘
 *
 * Events gather in the inbox and are worked off in one *turn*, a microtask: whatever arrives together is stepped together
 * and costs one write and one message per follower. The turn is synchronous; what takes time (disk, snapshots) reports
 * back through the inbox.
 *
 * A failure is final (fail-stop): when the disk refuses a write, an invariant is broken or the state machine throws, the
 * node tells everyone who waits, closes its transport and does nothing more.
 *
 * @module
 */
import type { PeerMessage, RaftEvent } from "../core/message.ts";
import type { LostEntries, Ready } from "../core/ready.ts";
import { invariant } from "../core/invariant.ts";
import { Raft } from "../core/raft.ts";
import type { Configuration, LogIndex, NodeId, SnapshotMeta, Term } from "../core/types.ts";
import { DiskFullError, type StorageStatus } from "../storage/storage.ts";
import { ApplyQueue } from "./apply_queue.ts";
import type { Timer } from "./clock.ts";
import { DivergenceError } from "./divergence_error.ts";
import { LogWriter } from "./log_writer.ts";
import { Membership } from "./membership.ts";
import type { RaftNodeOptions, Timing } from "./options.ts";
import { defaultLimits, defaultTiming, electionTimeoutMs } from "./options.ts";
import type { ProposeCallback } from "./proposals.ts";
import { Proposals } from "./proposals.ts";
import type { ReadIndexCallback } from "./reads.ts";
import { Reads } from "./reads.ts";
import { ReplicaCheck } from "./replica_check.ts";
import { SnapshotExchange } from "./snapshot_exchange.ts";
import type { NodeState, NodeStatus } from "./status.ts";
import { Ticker } from "./ticker.ts";

/** Time in which the state machine may be busy before the event loop gets its turn. */
const applySliceMs = 5;

/** Time after which commands for which the log had no room are looked at again. */
const paceMs = 5;

/** One running member of a cluster. */
export class RaftNode implements AsyncDisposable {
  /** This node's identity. */
  readonly id: NodeId;
  readonly #options: RaftNodeOptions;
  readonly #timing: Timing;
  readonly #raft: Raft;
  readonly #ticker: Ticker;
  readonly #proposals = new Proposals();
  readonly #reads: Reads;
  readonly #applyQueue: ApplyQueue;
  readonly #exchange: SnapshotExchange;
  readonly #replicaCheck: ReplicaCheck;
  readonly #writer: LogWriter;
  readonly #membership: Membership;
  #inbox: RaftEvent[] = [];
  #isTurnDue = false;
  /** A turn that waits for the event loop to come round. */
  #turnTimer: Timer | null = null;
  /** A turn that commands wait for. */
  #paceTimer: Timer | null = null;
  /** Last index that the core was told is applied; <= appliedIndex. */
  #reportedIndex: LogIndex;
  #state: NodeState = "running";
  #failure: Error | null = null;
  #saving: Promise<void> | null = null;
  #transportClosed: Promise<void> | null = null;
  #ticks = 0;
  /** What `onStatus` was last told. */
  #told: { readonly role: string; readonly term: Term; readonly leader: NodeId | null };

  /** Makes a node that stands still until {@link run}. Nothing may be asked of it before. */
  constructor(options: RaftNodeOptions) {
    const { id, storage, transport, clock, random, applier } = options;
    this.id = id;
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    const { tickMs } = this.#timing;
    const config = { id, ...this.#timing, ...defaultLimits, ...options.limits, random: () => random.next() };
    this.#raft = new Raft(config, storage.initial);
    options.onState?.(this.#raft.state);
    this.#reportedIndex = storage.initial.snapshot.last.index;
    this.#told = { role: "follower", term: storage.initial.hardState.currentTerm, leader: null };
    this.#ticker = new Ticker(clock, tickMs, () => this.#tick());
    this.#reads = new Reads(random, 2 * electionTimeoutMs(this.#timing));
    const onFailed = (error: unknown): void => this.#fail(error);
    this.#applyQueue = new ApplyQueue({
      applier,
      start: storage.initial.snapshot,
      readSnapshot: () => storage.readSnapshot(),
      clock,
      onRestored: () => this.#schedule(),
      onFailed,
    });
    const send = (message: PeerMessage): void => transport.send(message);
    this.#writer = new LogWriter({
      storage,
      send,
      onPersisted: (last) => this.#enqueue({ type: "persisted", last }),
      onFailed,
      onProblem: options.onProblem,
    });
    this.#exchange = new SnapshotExchange({ id, storage, send, enqueue: (event) => this.#enqueue(event), onFailed });
    this.#membership = new Membership({ id, state: this.#raft.state, transport, admission: options.admission });
    this.#replicaCheck = new ReplicaCheck({
      id,
      configurationAt: (index) => this.#raft.state.log.configurationAt(index),
      send: (statement) => send({ type: "StateDigest", from: id, term: this.#raft.currentTerm, ...statement }),
      onProblem: options.onProblem,
      onDiverged: onFailed,
    });
  }

  /** Makes a node and lets it {@link run}. */
  static async start(options: RaftNodeOptions): Promise<RaftNode> {
    const node = new RaftNode(options);
    await node.run();
    return node;
  }

  /**
   * Restores the stored snapshot, if there is one, then takes part; to be called once. Rejects when the snapshot cannot be
   * restored; the transport is then left unstarted.
   */
  async run(): Promise<void> {
    const { storage, applier } = this.#options;
    const { snapshot } = storage.initial;
    if (snapshot.last.index > 0) await applier.restore(snapshot, storage.readSnapshot());
    if (this.#state !== "running") return;
    const { admission } = this.#options;
    void admission?.retired.then((reason) => this.#fail(reason));
    if (admission === undefined || admission.isFounded) return this.#begin();
    void admission.founded.then(() => this.#begin());
  }

  /** Begins to take part: nothing is heard, said or promised before. */
  #begin(): void {
    if (this.#state !== "running") return;
    this.#options.transport.start((message) => this.#deliver(message));
    this.#ticker.start();
    this.#campaignIfAlone();
    this.#membership.observe();
  }

  /** Whether the node takes part. */
  get state(): NodeState {
    return this.#state;
  }

  /** Why the node failed; null when it did not. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Index of the last entry that the applier has taken. */
  get appliedIndex(): LogIndex {
    return this.#applyQueue.appliedIndex;
  }

  /** The leader of the current term, as far as known; may be this node. */
  get leader(): NodeId | null {
    return this.#told.leader;
  }

  /** Proposes a command. What is proposed in one turn of the event loop goes together. */
  propose(command: Uint8Array, callback: ProposeCallback): void {
    if (this.#state !== "running") return callback({ kind: "refused", reason: "stopped", leader: null });
    if (this.#writer.isFull && this.#raft.role === "leader") {
      return callback({ kind: "refused", reason: "diskFull", leader: this.id });
    }
    this.#proposals.add(command, callback);
    this.#schedule();
  }

  /**
   * Asks for a moment at which reading the state machine is linearizable; works on every node that knows a leader. The
   * callback is called at that moment: it must read at once. Rounds without an answer are asked again until `timeoutMs`.
   */
  readIndex(callback: ReadIndexCallback, timeoutMs: number): void {
    if (this.#state !== "running") return callback({ kind: "refused", reason: "stopped", leader: null });
    this.#reads.add(callback, this.#options.clock.monotonicMs() + timeoutMs);
    this.#schedule();
  }

  /**
   * The same by lease (thesis section 6.4.1): a leader whose lease holds at this moment, by its clock, and who has applied
   * all that is committed calls back at once, without a message. On any other node, and whenever there is no lease, it is
   * {@link readIndex}.
   */
  readLease(callback: ReadIndexCallback, timeoutMs: number): void {
    const index = this.#state === "running" ? this.#raft.leaseIndex(this.#options.clock.monotonicMs()) : null;
    // While a snapshot is being restored, what it covers is committed and not applied.
    if (index === null || index > this.#applyQueue.appliedIndex) return this.readIndex(callback, timeoutMs);
    callback({ kind: "ready", index });
  }

  /**
   * Changes who is in the cluster, through joint consensus; `accepted` means that the change has begun. A name stands for
   * the latest incarnation of that node which the cluster knows.
   */
  changeConfiguration(change: Pick<Configuration, "voters" | "learners">, callback: ProposeCallback): void {
    const latest = (id: NodeId): NodeId => this.#membership.latest(id);
    this.#change({ voters: change.voters.map(latest), learners: change.learners.map(latest) }, callback);
  }

  #change(change: Pick<Configuration, "voters" | "learners">, callback: ProposeCallback): void {
    if (this.#state !== "running") return callback({ kind: "refused", reason: "stopped", leader: null });
    const proposalId = this.#proposals.reserve(callback);
    const clusterTimeMs = this.#options.clock.wallMs();
    this.#enqueue({ type: "changeConfiguration", proposalId, ...change, clusterTimeMs });
  }

  /** Hands leadership to another voter, if this node leads; `onStatus` shows whether it worked. */
  transferLeadership(to: NodeId): void {
    // By name, too: whoever asks may not know of incarnations.
    this.#enqueue({ type: "transferLeader", to: this.#membership.latest(to) });
  }

  /** What a snapshot taken now stands for. `appliedIndex` says what the caller believes has been applied. */
  snapshotMetaAt(appliedIndex: LogIndex): SnapshotMeta {
    const { applied, isRestoring } = this.#applyQueue;
    invariant(!isRestoring, "a snapshot was taken while another one was being restored");
    invariant(
      applied.last.index === appliedIndex,
      `a snapshot at ${appliedIndex} was asked for: applied is ${applied.last.index}`,
    );
    return applied;
  }

  /**
   * Stores a snapshot of the applier; when it is durable the log forgets what it covers. One at a time. Resolves to whether
   * it was stored: there may be no room for it, or the node has stopped.
   */
  async saveSnapshot(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<boolean> {
    invariant(this.#saving === null, "a snapshot is being saved already");
    if (this.#state !== "running") return false;
    this.#saving = this.#options.storage.saveSnapshot(snapshot, chunks);
    try {
      await this.#saving;
      this.#enqueue({ type: "snapshotSaved", snapshot });
      return true;
    } catch (error) {
      // The log goes on without it, and the next one may find room.
      if (error instanceof DiskFullError) this.#options.onProblem?.(`No snapshot was saved: ${error.message}`);
      else this.#fail(error);
      return false;
    } finally {
      this.#saving = null;
    }
  }

  /**
   * The applier has come to `digest` at `index`, an integer in [0, 2^32) that is equal on replicas with equal states. Called
   * by the applier while it applies that entry; the node compares it with what the other replicas have come to, and stops
   * with a {@link DivergenceError} when it is not right.
   */
  reachedDigest(index: LogIndex, digest: number): void {
    if (this.#state === "running") this.#replicaCheck.reached(index, digest);
  }

  /** How the node is. */
  status(): NodeStatus {
    const status = this.#raft.status();
    const { agreedIndex } = this.#replicaCheck;
    const storage = this.#options.storage.status();
    const { isFull: isDiskFull } = this.#writer;
    const { standing } = this.#membership;
    return { ...status, state: this.#state, standing, agreedIndex, isDiskFull, storage };
  }

  /** What the disk holds. */
  storageStatus(): StorageStatus {
    return this.#options.storage.status();
  }

  /** Bytes of the log that a snapshot at `index` would make superfluous. */
  logBytesThrough(index: LogIndex): number {
    return this.#options.storage.logBytesThrough(index);
  }

  /** Stops taking part, tells everyone who waits, and resolves when neither transport nor storage is used any more. */
  async stop(): Promise<void> {
    this.#halt("stopped", null);
    await Promise.allSettled([
      this.#writer.writing,
      this.#saving,
      this.#applyQueue.idle(),
      this.#exchange.stop(),
      this.#transportClosed,
    ]);
  }

  /** See {@link stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Stops the node because something that belongs to it is broken. */
  fail(error: unknown): void {
    this.#fail(error);
  }

  #deliver(message: PeerMessage): void {
    if (message.type === "StateDigest") {
      if (this.#state === "running") this.#replicaCheck.receive(message);
      return;
    }
    // As if lost on their way: the leader notices at its next heartbeat, and sends them again.
    const isTooMuch = message.type === "AppendEntries" && message.entries.length > 0 &&
      this.#options.logRoom?.isExceeded === true;
    if (!isTooMuch) this.#enqueue({ type: "message", message });
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#reads.expire(nowMs);
    if (++this.#ticks % this.#timing.electionTimeoutTicks === 0) {
      this.#takeIn();
      this.#replicaCheck.tick();
      this.#careForWriter();
      this.#proposals.refuseOverdue(this.leader);
    }
    this.#enqueue({ type: "tick", nowMs });
  }

  /** As a leader, takes in who has come in place of a member. */
  #takeIn(): void {
    const change = this.#membership.replacement();
    if (change === null) return;
    this.#change(change, (outcome) => {
      if (outcome.kind === "accepted") this.#options.onProblem?.(change.reason);
    });
  }

  /** The only voter has nobody to wait for: it need not sit out an election timeout. */
  #campaignIfAlone(): void {
    const { voters, outgoing } = this.#raft.status().configuration;
    if (voters.length !== 1 || voters[0] !== this.id || outgoing.length > 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (let tick = 0; tick < 2 * this.#timing.electionTimeoutTicks; tick++) {
      if (this.#raft.hasReady()) break;
      this.#raft.step({ type: "tick", nowMs });
    }
    this.#schedule();
  }

  #enqueue(event: RaftEvent): void {
    if (this.#state !== "running") return;
    this.#inbox.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isTurnDue || this.#state !== "running") return;
    this.#isTurnDue = true;
    // Callers that go on in microtasks for ever would keep timers and sockets waiting for ever; now they wait for those.
    if (this.#ticker.isOverdue()) this.#turnLater();
    else queueMicrotask(() => this.#turn());
  }

  #turnLater(): void {
    this.#turnTimer ??= this.#options.clock.after(0, () => {
      this.#turnTimer = null;
      this.#turn();
    });
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#state !== "running") return;
    try {
      this.#stepInbox();
      const { clock } = this.#options;
      const writingBefore = this.#writer.writing;
      let isLater = false;
      let deadlineMs: number | null = null;
      do {
        while (this.#raft.hasReady()) this.#honour(this.#raft.takeReady());
        // Somebody waits for a follower to acknowledge what it has just been given, nobody for it to apply what came before.
        // The turn at the end of the write does that, or whichever comes first when the disk takes its time.
        const { writing } = this.#writer;
        isLater = this.#raft.role !== "leader" && writing !== null && writing !== writingBefore;
        // The clock is asked only when there is something to apply: most turns have nothing, and it costs as much as they do.
        if (this.#applyQueue.hasWork && !isLater) {
          this.#applyQueue.run(deadlineMs ??= clock.monotonicMs() + applySliceMs);
        }
      } while (this.#reportApplied());
      if (!this.#applyQueue.isRestoring) this.#reads.serve(this.#applyQueue.appliedIndex);
      this.#exchange.setPaused(this.#applyQueue.isRestoring);
      this.#tellStatus();
      if (this.#applyQueue.hasWork && !isLater) this.#turnLater();
    } catch (error) {
      this.#fail(error);
    }
  }

  #stepInbox(): void {
    const events = this.#inbox;
    this.#inbox = [];
    const step = (event: RaftEvent): void => this.#raft.step(event);
    for (const event of events) step(event);
    if (this.#proposals.hasWaiting) this.#propose(step);
    if (this.#reads.hasWaiting) this.#reads.stepAll(step, this.#options.clock.monotonicMs());
  }

  /** Proposes what waits, as far as the log has room. Whoever does not lead has none to give: it refuses. */
  #propose(step: (event: RaftEvent) => void): void {
    const { logRoom, clock } = this.#options;
    const { role, state: { log } } = this.#raft;
    const room = role === "leader" ? logRoom : undefined;
    const taken = this.#proposals.stepAll(step, clock.wallMs(), room?.bytes(log.unpersistedBytes) ?? Infinity);
    room?.fill(taken);
    if (!this.#proposals.hasWaiting) return;
    this.#paceTimer ??= clock.after(paceMs, () => {
      this.#paceTimer = null;
      this.#schedule();
    });
  }

  /** Honours the effects in the order that `core/ready.ts` demands; applying follows in {@link #turn}. */
  #honour(ready: Ready): void {
    const { transport } = this.#options;
    if (ready.lostEntries !== null) throw this.#brokenWord(ready.lostEntries);
    for (const message of ready.messages) transport.send(message);
    if (ready.persist !== null) this.#writer.write(ready.persist);
    for (const outcome of ready.proposals) {
      this.#proposals.answer(outcome, outcome.kind === "refused" ? this.#raft.leader : null);
    }
    if (ready.restoreSnapshot !== null) this.#replicaCheck.restored();
    this.#applyQueue.add(ready.restoreSnapshot, ready.committedEntries);
    for (const state of ready.readStates) {
      this.#reads.answer(state, state.kind === "refused" ? this.#raft.leader : null);
    }
    for (const chunk of ready.snapshotChunks) this.#exchange.receive(chunk);
    for (const request of ready.snapshotSends) this.#exchange.send(request);
  }

  #brokenWord({ leader, matchIndex, last }: LostEntries): Error {
    const reason =
      `${leader} remembers that ${this.id} has acknowledged entry ${matchIndex}, and its log ends at ${last}`;
    const { admission } = this.#options;
    return admission?.giveUp(reason) ?? new Error(`Cannot go on as ${this.id}: ${reason}`);
  }

  /** Once in an election timeout: has what found no room tried again, and hands over to who has a better disk. */
  #careForWriter(): void {
    const { leadership, log } = this.#raft.state;
    const successor = this.#writer.tick(log.configuration, leadership);
    if (successor !== null) this.#enqueue({ type: "transferLeader", to: successor });
  }

  /** Tells the core what was applied; returns whether that gave it something to say. */
  #reportApplied(): boolean {
    const index = this.#applyQueue.appliedIndex;
    if (index === this.#reportedIndex) return false;
    this.#reportedIndex = index;
    this.#raft.step({ type: "applied", index });
    return this.#raft.hasReady();
  }

  #tellStatus(): void {
    this.#membership.observe();
    const { role, currentTerm: term, leader } = this.#raft;
    const told = this.#told;
    if (role === told.role && term === told.term && leader === told.leader) return;
    this.#told = { role, term, leader };
    if (leader !== null && leader !== told.leader) {
      this.#reads.restart();
      if (this.#reads.hasWaiting) this.#schedule();
    }
    this.#options.onStatus?.(this.status());
  }

  #fail(error: unknown): void {
    const state = error instanceof DivergenceError ? "diverged" : "failed";
    this.#halt(state, error instanceof Error ? error : new Error(String(error)));
  }

  #halt(state: Exclude<NodeState, "running">, reason: Error | null): void {
    if (this.#state !== "running") return;
    this.#state = state;
    this.#failure = reason;
    this.#ticker.stop();
    this.#writer.stop();
    this.#turnTimer?.cancel();
    this.#paceTimer?.cancel();
    this.#inbox = [];
    this.#transportClosed = this.#options.transport[Symbol.asyncDispose]().catch(() => {});
    this.#proposals.abandon();
    this.#reads.abandon();
    this.#options.onStopped?.(reason);
  }
}
