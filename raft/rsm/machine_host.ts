/**
 * Stands between the log and a state machine: decodes commands, keeps cluster time, answers the callers that wait, and
 * has snapshots taken and restored.
 *
 * @module
 */
import type { CommandEntry, Entry, LogIndex, SnapshotMeta } from "../core/types.ts";
import type { Applier } from "../node/apply_queue.ts";
import type { Clock } from "../node/clock.ts";
import type { RaftNode } from "../node/node.ts";
import type { LogRoom } from "../node/options.ts";
import { LogPace } from "./log_bound.ts";
import type { PendingCommands } from "./pending.ts";
import { encodeSnapshotHeader, openSnapshot, SnapshotFormatError, type SnapshotHeader } from "./snapshot_codec.ts";
import type { SnapshotView } from "./snapshotter.ts";
import { Snapshotter } from "./snapshotter.ts";
import { checkpointEntries, ReplicaDigest } from "./replica_digest.ts";
import type { CommandCodec, StateMachine } from "./state_machine.ts";
import { digestOf } from "./value_digest.ts";

/** What a {@link MachineHost} works with. */
export interface MachineHostOptions<Command, Result, Query, Answer> {
  /** The state machine. */
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  /** How its commands are stored. */
  readonly codec: CommandCodec<Command>;
  /** Callers to be answered. */
  readonly pending: PendingCommands<Result, Command>;
  /** See {@link Snapshotter}. */
  readonly maxRaftStateBytes: number;
  /** Time. */
  readonly clock: Clock;
  /** The node this host is the applier of. */
  readonly node: () => RaftNode;
  /** A snapshot could not be taken: the node must stop. */
  readonly onFailed: (error: unknown) => void;
}

/** Applies entries to one state machine. */
export class MachineHost<Command, Result, Query, Answer> implements Applier {
  /** How much more the log may take; undefined when there are no snapshots to shorten it. */
  readonly logRoom: LogRoom | undefined;
  readonly #options: MachineHostOptions<Command, Result, Query, Answer>;
  readonly #snapshotter: Snapshotter;
  /** Running maximum over the entries applied. */
  #clusterTimeMs = 0;
  #appliedIndex: LogIndex = 0;
  /** Null after a snapshot that does not tell. */
  #digest: ReplicaDigest | null;
  #isRestoring = false;
  #waitingReads: (() => void)[] = [];

  /** Makes a host for a machine in its initial state. */
  constructor(options: MachineHostOptions<Command, Result, Query, Answer>) {
    this.#options = options;
    const { maxRaftStateBytes, clock, node, onFailed } = options;
    this.#digest = new ReplicaDigest(options.machine.digest === undefined);
    const logBytes = (): number => node().storageStatus().logBytes;
    const snapshotBytes = (): number => node().storageStatus().snapshotBytes;
    this.#snapshotter = new Snapshotter({
      maxRaftStateBytes,
      clock,
      logBytes,
      freeableBytes: () => node().logBytesThrough(this.#appliedIndex),
      snapshotBytes,
      take: () => this.#takeSnapshot(),
      save: (snapshot, chunks) => node().saveSnapshot(snapshot, chunks),
      onFailed,
    });
    this.logRoom = maxRaftStateBytes < 0 ? undefined : new LogPace({
      ...{ maxRaftStateBytes, clock, logBytes, snapshotBytes },
      isSnapshotRunning: () => this.#snapshotter.isRunning,
      snapshotMs: () => this.#snapshotter.expectedMs,
    });
  }

  /** Cluster time as of the last entry applied, in milliseconds since the Unix epoch; 0 before the first. */
  get clusterTimeMs(): number {
    return this.#clusterTimeMs;
  }

  /** Whether a snapshot is being written. */
  get isTakingSnapshot(): boolean {
    return this.#snapshotter.isRunning;
  }

  /** Applies committed entries and answers whoever waits for them. */
  apply(entries: readonly Entry[]): void {
    const { pending } = this.#options;
    for (const entry of entries) {
      if (entry.clusterTimeMs > this.#clusterTimeMs) this.#clusterTimeMs = entry.clusterTimeMs;
      this.#appliedIndex = entry.index;
      this.#digest?.entry(entry);
      if (entry.kind === "command") {
        pending.executed(entry.index, entry.term, this.#execute(entry));
      } else {
        pending.taken(entry.index, entry.term);
      }
      if (entry.index % checkpointEntries === 0) this.#checkpoint(entry.index);
    }
    this.#snapshotter.check();
  }

  /** Replaces the machine's state by a stored snapshot. Whoever waits for a slot that it covers will never know. */
  async restore(snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#isRestoring = true;
    await this.#snapshotter.hold();
    this.#options.pending.skipped(snapshot.last.index);
    const { header, chunks: machineChunks } = await openSnapshot(chunks);
    const { index, term } = header.applied;
    if (index !== snapshot.last.index || term !== snapshot.last.term) {
      throw new SnapshotFormatError(
        `Cannot restore snapshot of index ${snapshot.last.index}, term ${snapshot.last.term}: ` +
          `it says that it was taken at index ${index}, term ${term}`,
      );
    }
    await this.#options.machine.restore(machineChunks);
    this.#restoreDigest(header);
    this.#clusterTimeMs = header.clusterTimeMs;
    this.#appliedIndex = index;
    this.#isRestoring = false;
    this.#snapshotter.restored();
    const reads = this.#waitingReads;
    this.#waitingReads = [];
    for (const read of reads) read();
  }

  /** Calls back when the machine can be read: now, or when the snapshot that is being restored is complete. */
  whenReadable(callback: () => void): void {
    if (this.#isRestoring) this.#waitingReads.push(callback);
    else callback();
  }

  /** Asks the machine; throws what it throws. */
  query(query: Query): Answer {
    const { machine } = this.#options;
    if (machine.query === undefined) throw new Error("Cannot read: the state machine has no query method");
    return machine.query(query);
  }

  /** The node has stopped. Reads that waited are called back, to find that out. */
  stop(): void {
    this.#snapshotter.stop();
    const reads = this.#waitingReads;
    this.#waitingReads = [];
    for (const read of reads) read();
  }

  #execute(entry: CommandEntry): Result {
    const { index, term, data } = entry;
    try {
      const { pending, codec, machine } = this.#options;
      const command = pending.commandIn(index, term) ?? codec.decode(data);
      const result = machine.apply(command, { index, term, clusterTimeMs: this.#clusterTimeMs });
      this.#digest?.mix(machine.digestOfResult?.(result) ?? digestOf(result));
      return result;
    } catch (cause) {
      const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new Error(
        `Cannot apply the command at index ${index}, term ${term}: the state machine threw ${text}. The node stops, ` +
          `because a replica that leaves out a command would differ from the others; correct the machine and restart`,
        { cause },
      );
    }
  }

  #checkpoint(index: LogIndex): void {
    const digest = this.#digest;
    if (digest === null) return;
    const { machine, node } = this.#options;
    if (machine.digest !== undefined) digest.mix(machine.digest());
    node().reachedDigest(index, digest.word);
  }

  #takeSnapshot(): SnapshotView {
    const { machine, node } = this.#options;
    const snapshot = node().snapshotMetaAt(this.#appliedIndex);
    const header = encodeSnapshotHeader({
      clusterTimeMs: this.#clusterTimeMs,
      applied: snapshot.last,
      replicaDigest: this.#digest?.word ?? null,
      machineDigest: machine.digest === undefined ? null : machine.digest() >>> 0,
    });
    return { snapshot, header, source: machine.snapshot() };
  }

  /** Goes on from a snapshot's digests; throws when the machine has come to another state than the snapshot was taken of. */
  #restoreDigest({ applied, replicaDigest, machineDigest }: SnapshotHeader): void {
    const { machine } = this.#options;
    const hasDigest = machine.digest !== undefined;
    this.#digest = replicaDigest === null ? null : new ReplicaDigest(!hasDigest, replicaDigest);
    const restored = machine.digest === undefined ? null : machine.digest() >>> 0;
    if (machineDigest === null || restored === null || machineDigest === restored) return;
    throw new SnapshotFormatError(
      `Cannot restore snapshot of index ${applied.index}, term ${applied.term}: the state machine's digest was ` +
        `${machineDigest} when it was taken, and is ${restored} now, so that the state is another one`,
    );
  }
}
