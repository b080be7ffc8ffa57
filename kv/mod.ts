/**
 * A linearizable key/value store, replicated: {@link KvServer} is one member of a cluster, {@link Clerk} talks to it.
 *
 * Keys are texts of 1 to 4096 bytes in UTF-8; values are texts or bytes of up to 1 MiB. A missing key reads as "". Each
 * write of a Clerk is executed exactly once, whatever the network or the servers do meanwhile.
 *
 * @example A cluster of one, and a Clerk
 * ```ts
 * import { Clerk, KvServer } from "@balsa/balsa";
 *
 * const address = "127.0.0.1:17311";
 * await using _server = await KvServer.start({
 *   id: "n1",
 *   listen: address,
 *   peers: { n1: address },
 *   dataDir: await Deno.makeTempDir(),
 * });
 * await using clerk = new Clerk([address]);
 * await clerk.put("greeting", "hello");
 * await clerk.append("greeting", ", world");
 * console.log(await clerk.get("greeting")); // hello, world
 * ```
 *
 * @module
 */
export { Clerk } from "./clerk.ts";
export type {
  AcquireResult,
  CallOptions,
  ClerkOptions,
  CountOptions,
  GetOptions,
  KeyAndVersion,
  KeyRange,
  LeaseOptions,
  LockState,
  Page,
  PutIfVersionResult,
  PutOptions,
  RangeEntry,
  RangeOptions,
  Transaction,
  TransactionComparison,
} from "./clerk_options.ts";
export { HeldLease, type LeaseClerk } from "./lease.ts";
export type { LeaseAnswer, LeaseQuery, LeasesQuery, LeaseState } from "./lease_queries.ts";
export type { LeaseOptions as LeaseTableOptions } from "./leases.ts";
export { LeaseKeeper, type LeaseKeeperOptions } from "./lease_keeper.ts";
export { HeldLock, Lock, type LockClerk, type LockOptions } from "./lock.ts";
export { Election, type ElectionLeader, Leadership } from "./election.ts";
export { Barrier } from "./barrier.ts";
export type { ClerkWaiting } from "./clerk_engine.ts";
export type { WaitingReason } from "./clerk_link.ts";
export { ClerkError, type ClerkErrorCode, CompactedError } from "./errors.ts";
export { Watch, type WatchEvent, type WatchOptions, type WatchSource, type WatchTarget } from "./watch.ts";
export { WatchHistory, type WatchHistoryOptions, type WatchListener } from "./watch_history.ts";
export type { KeyChange, WatchPosition, WatchReading, WatchSelection } from "./watch_history.ts";
export { KvServer, type KvServerOptions, type MemoryServerOptions } from "./server.ts";
export type { KvStatus, PeerConnection } from "./status.ts";
export type { KvCommand, SessionlessWriteCommand, WriteCommand } from "./commands.ts";
export type {
  Comparison,
  KeyWrite,
  LeaseOperation,
  LockOperation,
  Operation,
  PutIfVersion,
  TransactionOperation,
} from "./operations.ts";
export type { WriteFailure } from "./outcomes.ts";
export type { CountQuery, KeySelection, LockQuery, PageEntry, RangeQuery, WideAnswer, WideQuery } from "./queries.ts";
export type {
  GetQuery,
  KvAnswer,
  KvFigures,
  KvMachineOptions,
  KvQuery,
  KvResult,
  ReadsAnswer,
  ReadsQuery,
  WatchQuery,
} from "./state_machine.ts";
export { KvStateMachine } from "./state_machine.ts";
export type { LockOptions as LockTableOptions } from "./locks.ts";
export type { ReadResult, StoreChanges, StoreEntry, StoreOptions, WriteOutcome } from "./store.ts";
export type { SessionOptions, SessionOutcome } from "./sessions.ts";
export type { Value } from "./values.ts";
export type { Consistency } from "../raft/rsm/rsm.ts";
export { maxKeyBytes, maxValueBytes } from "./limits.ts";
export { ShardController, type ShardControllerOptions } from "./shards/controller.ts";
export { ShardClerk, type SharedCalls } from "./shards/shard_clerk.ts";
export { ShardServer, type ShardServerOptions } from "./shards/shard_server.ts";
export type { GroupReport } from "./shards/group_reports.ts";
export type { GroupStatus, ShardStatus } from "./shards/shard_protocol.ts";
export { defaultShardCount, shardOf } from "./shards/shard_config.ts";
export type {
  GroupId,
  Groups,
  Placement,
  ShardChange,
  ShardConfiguration,
  ShardRefusal,
} from "./shards/shard_config.ts";
export type { BatchedOperation, WritesCommand } from "./write_batch.ts";
