/**
 * Makes a key/value scenario a test case.
 *
 * @module
 */
import { KvCluster } from "../harness/kv_cluster.ts";
import type { MsRange } from "../../../raft/testing/mod.ts";
import type { LabCase, SuiteName } from "../harness/lab_test_case.ts";

/** What differs between key/value tests. */
export interface KvCaseOptions {
  /** Servers. */
  readonly peers: number;
  /** False for the course's unreliable network; true unless given. */
  readonly isReliable?: boolean;
  /** Bytes beyond which a snapshot is taken; -1, for never, unless given. */
  readonly maxRaftState?: number;
  /** Seeds in `deno task test`; 3 unless given. */
  readonly seeds?: number;
  /** See `KvClusterOptions`. */
  readonly attemptTimeoutMs?: number;
  /** One-way latency in virtual time; that of a quick local network unless given. */
  readonly latency?: MsRange;
}

/** A test of one of the course's key/value suites; the history of its calls is checked at the end. */
export function kvCase(
  suite: Exclude<SuiteName, "raft" | "rsm">,
  name: string,
  options: KvCaseOptions,
  scenario: (cluster: KvCluster) => Promise<void>,
): LabCase {
  const { peers, isReliable = true, maxRaftState = -1, seeds = 3, latency, attemptTimeoutMs } = options;
  return {
    ...{ suite, name, peers, seedsInTest: seeds },
    run: async (world) => {
      const profile = {
        ...(latency === undefined ? {} : { latency }),
        ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
      };
      const cluster = await KvCluster.make(world, { size: peers, isReliable, maxRaftState, ...profile });
      await scenario(cluster);
      await cluster.finish();
      return { operations: cluster.operations };
    },
  };
}
