/**
 * Replicate a state machine of your own.
 *
 * Write a {@link StateMachine}: a class that executes commands and knows how to write its state down. Start a
 * {@link ReplicatedStateMachine} with it on every node of a cluster. A command that is submitted to the leader is
 * executed on every node in the same order, once a majority has it on disk.
 *
 * @example A counter, replicated. One node makes a cluster too; give more peers for a cluster that survives failures.
 * ```ts
 * import { ReplicatedStateMachine } from "@balsa/balsa";
 *
 * class Counter {
 *   total = 0;
 *   apply(command: { add: number }): number {
 *     return this.total += command.add;
 *   }
 *   query(_query: "total"): number {
 *     return this.total;
 *   }
 *   snapshot() {
 *     const bytes = new TextEncoder().encode(String(this.total));
 *     return { chunks: () => ReadableStream.from([bytes]), release: () => {} };
 *   }
 *   async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
 *     this.total = Number(await new Response(ReadableStream.from(chunks)).text());
 *   }
 * }
 *
 * await using counter = await ReplicatedStateMachine.start({
 *   id: "n1",
 *   listen: "127.0.0.1:17351",
 *   peers: { n1: "127.0.0.1:17351" },
 *   dataDir: await Deno.makeTempDir(),
 *   machine: new Counter(),
 * });
 * console.log(await counter.submit({ add: 5 })); // 5
 * console.log(await counter.submit({ add: 2 })); // 7
 * console.log(await counter.read("total")); // 7
 * ```
 *
 * Failures come in two types: {@link NotDoneError} (it was not executed; try again, at `error.leader`) and
 * {@link UnknownOutcomeError} (nobody can say; a command that must not run twice needs an identifier of its own).
 *
 * @module
 */
export { type Consistency, type ReadOptions, ReplicatedStateMachine, type ReplicatedStatus } from "./rsm/rsm.ts";
export type { SubmitOptions } from "./rsm/rsm.ts";
export type { MachineOptions } from "./rsm/options.ts";
export type { SubmitCallback } from "./rsm/pending.ts";
export {
  NotDoneError,
  type NotDoneReason,
  type ReadOutcome,
  type SubmitOutcome,
  UnknownOutcomeError,
  type UnknownReason,
} from "./rsm/errors.ts";
export type { ApplyContext, CommandCodec, SnapshotSource, StateMachine } from "./rsm/state_machine.ts";

export { MemoryPlatform } from "./memory/memory_platform.ts";
export { type NodeOptions, NodeOptionsError, type Platform, realPlatform, RetiredError } from "./open.ts";

export { RaftNode } from "./node/node.ts";
export type { Applier } from "./node/apply_queue.ts";
export type { ProposeCallback, ProposeOutcome } from "./node/proposals.ts";
export type { ReadIndexCallback, ReadIndexOutcome } from "./node/reads.ts";
export type { NodeState, NodeStatus, Standing } from "./node/status.ts";
export { DivergenceError, type DivergenceVerdict } from "./node/divergence_error.ts";
export {
  type AdmissionPort,
  defaultLimits,
  defaultTiming,
  type LendableState,
  type LogRoom,
  type NodePorts,
  type RaftLimits,
  type RaftNodeOptions,
  type Timing,
} from "./node/options.ts";
export { type Clock, realClock, type Timer } from "./node/clock.ts";
export { type Random, realRandom } from "./node/random.ts";

export type { ProgressState } from "./core/progress.ts";
export type { ProgressStatus, RaftStatus } from "./core/status.ts";
export type { RaftConfig } from "./core/config.ts";
export { InvariantError } from "./core/invariant.ts";
export type * from "./core/types.ts";
export { nameOf } from "./core/types.ts";
export type * from "./core/message.ts";
export { DiskFullError } from "./storage/storage.ts";
export type {
  ChunkOutcome,
  LatencyFigures,
  SnapshotChunk,
  Storage,
  StorageStatus,
  StoredState,
  WriteBatch,
} from "./storage/storage.ts";
export type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "./storage/file_system.ts";
export { type DamagedPlace, StorageError, type StorageErrorCode } from "./storage/storage_error.ts";
export type { WalLimits } from "./storage/wal.ts";
export type { ClusterView, Transport } from "./wire/transport.ts";
export { SharedPort, type SharedPortOptions } from "./wire/shared_port.ts";
export type { Listener, Network, Socket, SocketHandler } from "./wire/network.ts";
export type { CborValue } from "./encoding/cbor.ts";
export {
  type DirectoryProblem,
  type DirectoryReport,
  inspectDataDirectory,
  type RecordReport,
  type RepairReport,
  type SegmentReport,
  type SnapshotReport,
} from "./disk.ts";
export type { Meta } from "./storage/meta.ts";
export type { TornTail } from "./storage/wal_recovery.ts";
