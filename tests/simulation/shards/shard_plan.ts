/**
 * What is to happen in one run of the sharded swarm, drawn from its seed.
 *
 * @module
 */
import {
  courseLongReordering,
  courseUnreliable,
  type FrameFaults,
  type SeededRandom,
} from "../../../raft/testing/mod.ts";
import type { GroupId } from "../../../kv/shards/shard_config.ts";

/** See the module. */
export interface ShardPlan {
  /** Groups by number. */
  readonly groups: readonly GroupId[];
  /** Servers of each group and of the controller. */
  readonly servers: number;
  /** Shards. */
  readonly shardCount: number;
  /** Bytes of log beyond which a snapshot is taken. */
  readonly maxRaftState: number;
  /** Bytes of the pieces in which a shard moves. */
  readonly pieceBytes: number;
  /** How long faults go on, in milliseconds of virtual time. */
  readonly chaosMs: number;
  /** Clients, those among them who only read, and keys that are used at a time: fewer than ten. */
  readonly clients: number;
  readonly readers: number;
  readonly keys: number;
  /** Pause of a client between two calls, on average, in milliseconds. */
  readonly thinkMs: number;
  /** Time of a client's call. */
  readonly timeoutMs: number;
  /** Bytes of padding in what is appended. */
  readonly paddingBytes: number;
  /** Pause between two changes of the configuration, on average, in milliseconds. */
  readonly changeMs: number;
  /** Faults per minute. */
  readonly kills: number;
  readonly partitions: number;
  readonly pauses: number;
  readonly blackouts: number;
  readonly rifts: number;
  /** Faults of the network, one of which is on at a time; none in some runs. */
  readonly weather: readonly FrameFaults[];
}

/** What is appended, and sizes of the pieces that go with it: a shard comes in hundreds of them at the most, or in one. */
const sizes: readonly { readonly paddingBytes: number; readonly pieceBytes: readonly number[] }[] = [
  { paddingBytes: 0, pieceBytes: [64, 200, 1_000, 100_000] },
  { paddingBytes: 0, pieceBytes: [64, 200, 1_000, 100_000] },
  { paddingBytes: 30, pieceBytes: [200, 1_000, 10_000, 100_000] },
  { paddingBytes: 300, pieceBytes: [2_000, 10_000, 100_000] },
];

/** Draws a plan. */
export function drawShardPlan(random: SeededRandom, chaosMs: number): ShardPlan {
  const rate = (most: number): number => random.chance(0.6) ? most * random.next() : 0;
  const weather: FrameFaults[] = [courseUnreliable, courseLongReordering, {
    request: { drop: 0.05, duplicate: 0.2, delay: { probability: 0.2, minMs: 0, spreadMs: 50 } },
    reply: { drop: 0.05, duplicate: 0.2, delay: { probability: 0.2, minMs: 0, spreadMs: 50 } },
  }].filter(() => random.chance(0.3));
  const clients = 2 + random.integer(4);
  const { paddingBytes, pieceBytes } = random.pick(sizes);
  return {
    groups: random.chance(0.5) ? [1, 2] : [1, 2, 3],
    servers: random.pick([1, 3, 3]),
    shardCount: random.pick([1, 2, 3, 5, 8]),
    maxRaftState: random.pick([200, 1_000, 4_000, 20_000]),
    pieceBytes: random.pick(pieceBytes),
    chaosMs: chaosMs * random.between(0.5, 1.5),
    clients,
    readers: random.integer(clients),
    keys: 2 + random.integer(5),
    thinkMs: random.pick([10, 30, 60]),
    timeoutMs: random.pick([Infinity, Infinity, 1_000, 4_000]),
    paddingBytes,
    changeMs: random.pick([300, 1_000, 3_000]),
    kills: rate(40),
    partitions: rate(30),
    pauses: rate(15),
    blackouts: rate(4),
    rifts: rate(20),
    weather,
  };
}
