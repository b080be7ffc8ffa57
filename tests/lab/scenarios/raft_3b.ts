/**
 * Lab 3B: agreement on a log.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { RaftCluster } from "../harness/raft_cluster.ts";
import { demand } from "../harness/world.ts";
import { raftCase } from "./raft_case.ts";
import { raft3BCounts } from "./raft_3b_counts.ts";

/** Offers a command to one server, which must lead and give it this number; nobody must commit it within 2 s. */
async function demandUncommitted(cluster: RaftCluster, leader: number, index: number): Promise<void> {
  const started = await cluster.start(leader, cluster.command());
  demand(started !== null, "the leader refused a command");
  demand(started.index === index, `expected the index ${index}, got ${started.index}`);
  await cluster.world.sleep(2 * electionTimeoutMs);
  const { count } = cluster.committed(index);
  demand(count === 0, `${count} servers committed without a majority`);
}

/** Leaves a leader without its followers: it takes commands, and commits none. */
const followerFailure = raftCase("TestFollowerFailure3B", 3, async (cluster) => {
  const { world } = cluster;
  await cluster.one(cluster.command(), 3, false);
  const first = await cluster.checkOneLeader();
  cluster.disconnect((first + 1) % 3);
  await cluster.one(cluster.command(), 2, false);
  await world.sleep(electionTimeoutMs);
  await cluster.one(cluster.command(), 2, false);

  const second = await cluster.checkOneLeader();
  cluster.disconnect((second + 1) % 3);
  cluster.disconnect((second + 2) % 3);
  await demandUncommitted(cluster, second, 4);
});

const leaderFailure = raftCase("TestLeaderFailure3B", 3, async (cluster) => {
  const { world } = cluster;
  await cluster.one(cluster.command(), 3, false);
  cluster.disconnect(await cluster.checkOneLeader());
  await cluster.one(cluster.command(), 2, false);
  await world.sleep(electionTimeoutMs);
  await cluster.one(cluster.command(), 2, false);

  cluster.disconnect(await cluster.checkOneLeader());
  for (const server of cluster.everyone) await cluster.start(server, cluster.command());
  await world.sleep(2 * electionTimeoutMs);
  const { count } = cluster.committed(4);
  demand(count === 0, `${count} servers committed without a majority`);
});

const failAgree = raftCase("TestFailAgree3B", 3, async (cluster) => {
  const { world } = cluster;
  await cluster.one(cluster.command(), 3, false);
  const leader = await cluster.checkOneLeader();
  cluster.disconnect((leader + 1) % 3);
  for (let count = 0; count < 2; count++) await cluster.one(cluster.command(), 2, false);
  await world.sleep(electionTimeoutMs);
  for (let count = 0; count < 2; count++) await cluster.one(cluster.command(), 2, false);
  cluster.connect((leader + 1) % 3);
  await cluster.one(cluster.command(), 3, true);
  await world.sleep(electionTimeoutMs);
  await cluster.one(cluster.command(), 3, true);
});

const failNoAgree = raftCase("TestFailNoAgree3B", 5, async (cluster) => {
  await cluster.one(cluster.command(), 5, false);
  const leader = await cluster.checkOneLeader();
  const away = [1, 2, 3].map((distance) => (leader + distance) % 5);
  for (const server of away) cluster.disconnect(server);
  await demandUncommitted(cluster, leader, 2);

  for (const server of away) cluster.connect(server);
  // The others may have elected a leader without the command, or the old one may have kept its place.
  const started = await cluster.start(await cluster.checkOneLeader(), cluster.command());
  demand(started !== null, "the leader refused a command");
  demand(started.index === 2 || started.index === 3, `expected the index 2 or 3, got ${started.index}`);
  await cluster.one(cluster.command(), 5, true);
});

const rejoin = raftCase("TestRejoin3B", 3, async (cluster) => {
  await cluster.one(cluster.command(), 3, true);
  const first = await cluster.checkOneLeader();
  cluster.disconnect(first);
  for (let count = 0; count < 3; count++) await cluster.start(first, cluster.command());
  await cluster.one(cluster.command(), 2, true);

  cluster.disconnect(await cluster.checkOneLeader());
  cluster.connect(first);
  await cluster.one(cluster.command(), 2, true);
  for (const server of cluster.everyone) cluster.connect(server);
  await cluster.one(cluster.command(), 3, true);
});

const backup = raftCase("TestBackup3B", 5, async (cluster) => {
  const { world } = cluster;
  const startFifty = async (leader: number): Promise<void> => {
    for (let count = 0; count < 50; count++) await cluster.start(leader, cluster.command());
    await world.sleep(electionTimeoutMs / 2);
  };
  const agreeOnFifty = async (): Promise<void> => {
    for (let count = 0; count < 50; count++) await cluster.one(cluster.command(), 3, true);
  };
  await cluster.one(cluster.command(), 5, true);
  const first = await cluster.checkOneLeader();
  const minority = [first, (first + 1) % 5];
  const majority = [2, 3, 4].map((distance) => (first + distance) % 5);
  for (const server of majority) cluster.disconnect(server);
  await startFifty(first);

  for (const server of minority) cluster.disconnect(server);
  for (const server of majority) cluster.connect(server);
  await agreeOnFifty();

  // Now one of the majority leaves, and what the leader takes is not committed either.
  const second = await cluster.checkOneLeader();
  const other = majority.find((server) => server !== second) ?? first;
  cluster.disconnect(other);
  await startFifty(second);

  for (const server of cluster.everyone) cluster.disconnect(server);
  for (const server of [...minority, other]) cluster.connect(server);
  await agreeOnFifty();
  for (const server of cluster.everyone) cluster.connect(server);
  await cluster.one(cluster.command(), 5, true);
});

/** The tests of part 3B. */
export const raft3B: readonly LabCase[] = [
  raftCase("TestBasicAgree3B", 3, async (cluster) => {
    for (let index = 1; index <= 3; index++) {
      demand(cluster.committed(index).count === 0, "some servers have committed before anything was started");
      const got = await cluster.one(cluster.command(), 3, false);
      demand(got === index, `got index ${got}, expected ${index}`);
    }
  }),
  raft3BCounts.rpcBytes,
  followerFailure,
  leaderFailure,
  failAgree,
  failNoAgree,
  raft3BCounts.concurrentStarts,
  rejoin,
  backup,
  raft3BCounts.count,
];
