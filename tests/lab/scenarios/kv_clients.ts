/**
 * What the course's generic key/value tests have in common: clients that go on for some seconds, while servers are cut off,
 * crashed and restarted.
 *
 * @module
 */
import type { MsRange } from "../../../raft/testing/mod.ts";
import type { KvCluster } from "../harness/kv_cluster.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { KvCaseOptions } from "./kv_case.ts";

/** What differs between the generic tests. */
export interface GenericOptions {
  /** Clients; 1 unless given. */
  readonly clients?: number;
  /** Servers; 5 unless given. */
  readonly peers?: number;
  /** Whether the network is the course's unreliable one. */
  readonly isUnreliable?: boolean;
  /** Whether all servers crash at the end of each iteration. */
  readonly crashes?: boolean;
  /** Whether a partition is drawn again every second. */
  readonly partitions?: boolean;
  /** Bytes beyond which a snapshot is taken; -1, for never, unless given. */
  readonly maxRaftState?: number;
  /** Whether clients share keys, and put as well. */
  readonly randomKeys?: boolean;
  /** Seeds in `deno task test`; 2 unless given. */
  readonly seeds?: number;
  /** How long the clients of an iteration go on, in milliseconds; 5000 unless given. */
  readonly clientsMs?: number;
  /** Iterations; 3 unless given. */
  readonly iterations?: number;
  /** One-way latency in virtual time; such that there are about as many calls as in the course unless given. */
  readonly latency?: MsRange;
}

/** How often clients, faults and checks follow each other, and how long the clients go on; unless told otherwise. */
export const usualIterations = 3;
const usualClientsMs = 5_000;

/** A flag that others look at. */
export interface Stop {
  isOver: boolean;
}

/** Draws another partition every second, until told to stop. */
async function partitioner(cluster: KvCluster, stop: Stop): Promise<void> {
  const { world } = cluster;
  while (!stop.isOver) {
    const sides = cluster.everyone.map((server) => ({ server, side: world.random.integer(2) }));
    const groupOf = (wanted: number): number[] => sides.flatMap(({ server, side }) => side === wanted ? server : []);
    cluster.partition(groupOf(0), groupOf(1));
    await world.sleep(electionTimeoutMs + world.random.integer(200));
  }
}

/** With these, clients that call as fast as they can make about as many calls as those of the course did. */
const oneClientLatency = { minMs: 1.5, maxMs: 5 };
const manyClientsLatency = { minMs: 5, maxMs: 15 };

/** Options of the case that a generic test is. */
export function caseOptions(options: GenericOptions): KvCaseOptions {
  const { clients = 1, peers = 5, isUnreliable = false, maxRaftState = -1, seeds = 2 } = options;
  const { latency = clients === 1 ? oneClientLatency : manyClientsLatency } = options;
  return { peers, isReliable: !isUnreliable, maxRaftState, seeds, latency };
}

/** Lets clients run for a while, does to the servers what the options say, and returns what the clients return. */
export async function withClients<T>(
  cluster: KvCluster,
  options: GenericOptions,
  run: (number: number, stop: Stop) => Promise<T>,
): Promise<T[]> {
  const { world } = cluster;
  const { clients = 1, partitions = false, crashes = false, clientsMs = usualClientsMs } = options;
  const stop: Stop = { isOver: false };
  const running = Array.from({ length: clients }, (_, number) => run(number, stop));
  // A client that fails must be heard now, not when it is waited for.
  for (const client of running) client.catch((error) => world.fail(error));
  if (partitions) {
    // Clients get going first.
    await world.sleep(1_000);
    const stopPartitions: Stop = { isOver: false };
    const partitioning = partitioner(cluster, stopPartitions);
    await world.sleep(clientsMs);
    stop.isOver = stopPartitions.isOver = true;
    await partitioning;
    cluster.partition();
    await world.sleep(electionTimeoutMs);
  } else {
    await world.sleep(clientsMs);
    stop.isOver = true;
  }
  if (crashes) {
    await cluster.crashAll();
    await world.sleep(electionTimeoutMs);
    await cluster.restartAll();
  }
  return await Promise.all(running);
}
