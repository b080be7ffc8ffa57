/**
 * Replicates a state machine of the embedder's own: commands go through the log, are applied on every node in the same
 * order, and their results come back to whoever submitted them.
 *
 * @module
 */
import type { LogIndex, NodeId } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import { sleep } from "../node/clock.ts";
import { RaftNode } from "../node/node.ts";
import type { NodePorts } from "../node/options.ts";
import type { ProposeOutcome } from "../node/proposals.ts";
import type { ReadIndexOutcome } from "../node/reads.ts";
import type { NodeStatus } from "../node/status.ts";
import type { NodeOptions } from "../open.ts";
import { openRaft } from "../open.ts";
import type { ReadOutcome } from "./errors.ts";
import { NotDoneError, UnknownOutcomeError } from "./errors.ts";
import { LeaderWatch } from "./leader_watch.ts";
import { MachineHost } from "./machine_host.ts";
import type { MachineOptions, MachineSettings } from "./options.ts";
import { cborCodec, machineSettings } from "./options.ts";
import type { SubmitCallback } from "./pending.ts";
import { PendingCommands } from "./pending.ts";
import type { CommandCodec } from "./state_machine.ts";

/** How fresh a read must be. */
export type Consistency =
  /** Sees every command that was done before the read began, on whichever node. Costs a round of messages. */
  | "linearizable"
  /**
   * The same without the messages, at a leader that has heard from a quorum lately; otherwise it *is* "linearizable". It
   * trusts clocks: see `Timing.clockDriftBound`.
   */
  | "lease"
  /** Sees what this node has applied, however long ago that was. Costs nothing. */
  | "stale";

/** Options of one submit. */
export interface SubmitOptions {
  /** How long to wait for an outcome, in milliseconds. */
  readonly timeoutMs?: number;
  /** Ends the wait; what was proposed stays proposed. */
  readonly signal?: AbortSignal;
}

/** Options of one read. */
export interface ReadOptions extends SubmitOptions {
  /** "linearizable" unless given. */
  readonly consistency?: Consistency;
}

/** A node's status with its machine's. */
export interface ReplicatedStatus extends NodeStatus {
  /** Cluster time as of the last entry applied, in milliseconds since the Unix epoch; 0 before the first. */
  readonly clusterTimeMs: number;
  /** Commands submitted here whose slot has not been decided. */
  readonly pendingCommands: number;
  /** Whether a snapshot is being written. */
  readonly isTakingSnapshot: boolean;
}

/** A state machine, replicated. One such object is one member of the cluster. */
export class ReplicatedStateMachine<Command, Result, Query = never, Answer = never> implements AsyncDisposable {
  /** The driver underneath: configuration changes, leadership transfer. */
  readonly node: RaftNode;
  readonly #clock: Clock;
  readonly #settings: MachineSettings;
  readonly #codec: CommandCodec<Command>;
  readonly #pending: PendingCommands<Result, Command>;
  readonly #host: MachineHost<Command, Result, Query, Answer>;
  readonly #leaderWatch: LeaderWatch;
  /** What {@link start} has opened and must close. */
  #opened: AsyncDisposable | null = null;

  private constructor(ports: NodePorts, options: MachineOptions<Command, Result, Query, Answer>) {
    this.#clock = ports.clock;
    this.#settings = machineSettings(ports.id, options);
    this.#codec = options.machine.commandCodec ?? cborCodec();
    this.#leaderWatch = new LeaderWatch(ports.clock);
    this.#pending = new PendingCommands(ports.clock, () => this.node.leader);
    this.#host = new MachineHost({
      machine: options.machine,
      codec: this.#codec,
      pending: this.#pending,
      maxRaftStateBytes: this.#settings.maxRaftStateBytes,
      clock: ports.clock,
      node: () => this.node,
      onFailed: (error) => this.node.fail(error),
    });
    this.node = new RaftNode({
      ...ports,
      // A quarter of what the log may hold: enough for a follower that lags by moments, little beside the rest.
      limits: { maxRetainedBytes: Math.max(0, this.#settings.maxRaftStateBytes / 4), ...ports.limits },
      applier: this.#host,
      logRoom: this.#host.logRoom,
      onStatus: (status) => {
        if (status.leader !== null) this.#leaderWatch.wake();
        options.onStatus?.(status);
      },
      onStopped: (reason) => {
        this.#host.stop();
        this.#pending.abandon();
        this.#leaderWatch.wake();
        options.onStopped?.(reason);
      },
    });
  }

  /**
   * Starts one member of a cluster on this machine: opens its data directory and its port, restores what is stored, and
   * takes part. Resolves when the node runs, which may be before the cluster has a leader; a submit waits for that.
   */
  static async start<Command, Result, Query = never, Answer = never>(
    options: NodeOptions & MachineOptions<Command, Result, Query, Answer>,
  ): Promise<ReplicatedStateMachine<Command, Result, Query, Answer>> {
    machineSettings(options.id, options);
    const opened = await openRaft(options);
    try {
      const machine = await ReplicatedStateMachine.attach(opened, options);
      machine.#opened = opened;
      return machine;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a member on ports that the caller has opened and will close: for servers with more to do, and for tests. */
  static async attach<Command, Result, Query = never, Answer = never>(
    ports: NodePorts,
    options: MachineOptions<Command, Result, Query, Answer>,
  ): Promise<ReplicatedStateMachine<Command, Result, Query, Answer>> {
    const machine = new ReplicatedStateMachine(ports, options);
    await machine.node.run();
    return machine;
  }

  /** This node's name. */
  get id(): NodeId {
    return this.node.id;
  }

  /** The leader, as far as known; may be this node. */
  get leader(): NodeId | null {
    return this.node.leader;
  }

  /** Index of the last entry applied to the machine. */
  get appliedIndex(): LogIndex {
    return this.node.appliedIndex;
  }

  /** Cluster time as of the last entry applied, in milliseconds since the Unix epoch; 0 before the first. */
  get clusterTimeMs(): number {
    return this.#host.clusterTimeMs;
  }

  /**
   * Has a command executed on every node, and resolves with its result on this one. Only the leader can; while no leader
   * is known it waits for one.
   *
   * Rejects with {@link NotDoneError} when the command was not executed and never will be, and with
   * {@link UnknownOutcomeError} when nobody can say.
   */
  async submit(command: Command, options: SubmitOptions = {}): Promise<Result> {
    const { signal, timeoutMs = this.#settings.timeoutMs } = options;
    const bytes = this.#codec.encode(command);
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    await this.#leaderKnown(timeoutMs, signal);
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new UnknownOutcomeError("aborted", { cause: signal?.reason }));
      signal?.addEventListener("abort", onAbort);
      this.submitWith(bytes, (outcome) => {
        signal?.removeEventListener("abort", onAbort);
        if (outcome.kind === "done") resolve(outcome.result);
        else if (outcome.kind === "notDone") reject(new NotDoneError(outcome.reason, outcome.leader));
        else reject(new UnknownOutcomeError(outcome.reason));
      }, deadlineMs - this.#clock.monotonicMs());
    });
  }

  /**
   * What {@link submit} is built on, for those who submit a hundred thousand commands a second: takes encoded bytes, makes
   * no promise, waits for no leader. The bytes must not be written to any more. The callback must not throw.
   */
  submitWith(
    command: Uint8Array,
    callback: SubmitCallback<Result>,
    timeoutMs: number = this.#settings.timeoutMs,
  ): void {
    this.#submit(command, undefined, callback, timeoutMs);
  }

  /**
   * The same for those who have the command besides its bytes: this node then need not decode it. `command` must equal
   * what the codec makes of `encoded`, and must not change any more.
   */
  submitDecoded(command: Command, encoded: Uint8Array, callback: SubmitCallback<Result>): void {
    this.#submit(encoded, command, callback, this.#settings.timeoutMs);
  }

  #submit(
    encoded: Uint8Array,
    command: Command | undefined,
    callback: SubmitCallback<Result>,
    timeoutMs: number,
  ): void {
    if (encoded.length > this.#settings.maxCommandBytes) {
      return callback({ kind: "notDone", reason: "tooLarge", leader: this.node.leader });
    }
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    this.node.propose(encoded, (outcome: ProposeOutcome) => {
      switch (outcome.kind) {
        case "accepted":
          return this.#pending.add(outcome.entry, deadlineMs, callback, command);
        case "refused":
          return callback({ kind: "notDone", reason: outcome.reason, leader: outcome.leader });
        case "unknown":
          return callback({ kind: "unknown", reason: "stopped" });
      }
    });
  }

  /**
   * Asks the machine; works on every node that knows a leader. Rejects with {@link NotDoneError} when no leader confirmed
   * the read in time, and with what the machine's `query` throws.
   */
  async read(query: Query, options: ReadOptions = {}): Promise<Answer> {
    const { consistency = "linearizable", signal, timeoutMs = this.#settings.timeoutMs } = options;
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    for (;;) {
      const restMs = deadlineMs - this.#clock.monotonicMs();
      if (consistency !== "stale") await this.#leaderKnown(restMs, signal);
      const outcome = await this.#readOnce(query, consistency, restMs, signal);
      if (outcome.kind === "done") return outcome.answer;
      if (outcome.kind === "failed") throw outcome.error;
      const isPassing = outcome.reason === "notLeader" && this.#clock.monotonicMs() < deadlineMs;
      if (!isPassing) throw new NotDoneError(outcome.reason, outcome.leader);
      // Leadership has just moved. A read does no harm when repeated, so the caller need not be troubled.
      await sleep(this.#clock, retryDelayMs);
    }
  }

  /** What {@link read} is built on; makes no promise, waits for no leader. The callback must not throw. */
  readWith(
    query: Query,
    consistency: Consistency,
    callback: (outcome: ReadOutcome<Answer>) => void,
    timeoutMs: number = this.#settings.timeoutMs,
  ): void {
    if (consistency === "stale") {
      return this.#host.whenReadable(() => {
        if (this.node.state === "running") callback(this.#query(query));
        else callback({ kind: "notDone", reason: "stopped", leader: null });
      });
    }
    const onIndex = (outcome: ReadIndexOutcome): void => {
      switch (outcome.kind) {
        case "ready":
          return callback(this.#query(query));
        case "refused":
          return callback({ kind: "notDone", reason: outcome.reason, leader: outcome.leader });
        case "timeout":
          return callback({ kind: "notDone", reason: "timeout", leader: this.node.leader });
      }
    };
    if (consistency === "lease") this.node.readLease(onIndex, timeoutMs);
    else this.node.readIndex(onIndex, timeoutMs);
  }

  /** How this member is. */
  status(): ReplicatedStatus {
    return {
      ...this.node.status(),
      clusterTimeMs: this.#host.clusterTimeMs,
      pendingCommands: this.#pending.size,
      isTakingSnapshot: this.#host.isTakingSnapshot,
    };
  }

  /** Leaves the cluster's work to the others: stops the node, tells everyone who waits, and closes what `start` opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
    await this.#opened?.[Symbol.asyncDispose]();
  }

  /** Waits until a leader is known, or time is up, or the node has stopped; rejects when the signal is aborted. */
  async #leaderKnown(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted !== true && (this.node.leader !== null || this.node.state !== "running")) return;
    if (signal?.aborted !== true) await this.#leaderWatch.wait(timeoutMs, signal);
    if (signal?.aborted === true) throw new NotDoneError("aborted", this.node.leader, { cause: signal.reason });
  }

  #readOnce(
    query: Query,
    consistency: Consistency,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<ReadOutcome<Answer>> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new NotDoneError("aborted", this.node.leader, { cause: signal?.reason }));
      signal?.addEventListener("abort", onAbort);
      this.readWith(query, consistency, (outcome) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(outcome);
      }, timeoutMs);
    });
  }

  #query(query: Query): ReadOutcome<Answer> {
    try {
      return { kind: "done", answer: this.#host.query(query) };
    } catch (error) {
      return { kind: "failed", error };
    }
  }
}

/** Pause before a refused read is asked again, in milliseconds. */
const retryDelayMs = 20;
