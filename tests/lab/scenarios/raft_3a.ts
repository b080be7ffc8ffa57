/**
 * Lab 3A: leader election.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import { raftCase } from "./raft_case.ts";
import { demand } from "../harness/world.ts";

/** The tests of part 3A. */
export const raft3A: readonly LabCase[] = [
  raftCase("TestInitialElection3A", 3, async (cluster) => {
    const { world } = cluster;
    await cluster.checkOneLeader();
    await world.sleep(50);
    const term = cluster.checkTerms();
    demand(term >= 1, `the term is ${term}, but should be at least 1`);
    // A change of term without a failure is only a warning in the course.
    await world.sleep(2 * electionTimeoutMs);
    demand(cluster.checkTerms() === term, "the term changed although there were no failures");
    await cluster.checkOneLeader();
  }),

  raftCase("TestReElection3A", 3, async (cluster) => {
    const { world } = cluster;
    const first = await cluster.checkOneLeader();
    cluster.disconnect(first);
    await cluster.checkOneLeader();
    // The old leader's return disturbs nobody.
    cluster.connect(first);
    const second = await cluster.checkOneLeader();

    cluster.disconnect(second);
    cluster.disconnect((second + 1) % 3);
    await world.sleep(2 * electionTimeoutMs);
    cluster.checkNoLeader();

    cluster.connect((second + 1) % 3);
    await cluster.checkOneLeader();
    cluster.connect(second);
    await cluster.checkOneLeader();
  }),

  raftCase("TestManyElections3A", 7, async (cluster) => {
    await cluster.checkOneLeader();
    for (let round = 1; round < 10; round++) {
      const away = cluster.world.random.shuffle(cluster.everyone).slice(0, 3);
      for (const server of away) cluster.disconnect(server);
      await cluster.checkOneLeader();
      for (const server of away) cluster.connect(server);
    }
    await cluster.checkOneLeader();
  }),
];
