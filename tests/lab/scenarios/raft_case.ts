/**
 * Makes a Raft scenario a test case.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { RaftCluster, type RaftClusterOptions } from "../harness/raft_cluster.ts";

/** What differs between Raft tests. */
export interface RaftCaseOptions extends RaftClusterOptions {
  /** Seeds in `deno task test`; 10 unless given. */
  readonly seeds?: number;
}

/** A test of the course's Raft suite. */
export function raftCase(
  name: string,
  peers: number,
  scenario: (cluster: RaftCluster) => Promise<void>,
  options: RaftCaseOptions = {},
): LabCase {
  return {
    suite: "raft",
    name,
    peers,
    seedsInTest: options.seeds ?? 10,
    run: async (world) => {
      const cluster = await RaftCluster.make(world, peers, options);
      await scenario(cluster);
      return { operations: cluster.agreements };
    },
  };
}
