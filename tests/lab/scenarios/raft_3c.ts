/**
 * Lab 3C: what survives crashes, and what a bad network does.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { RaftCluster } from "../harness/raft_cluster.ts";
import { raft3CChurn } from "./raft_3c_churn.ts";
import { raftCase } from "./raft_case.ts";

const persist1 = raftCase("TestPersist13C", 3, async (cluster) => {
  await cluster.one(cluster.command(), 3, true);
  await cluster.restartAll();
  await cluster.one(cluster.command(), 3, true);

  await cluster.restart(await cluster.checkOneLeader());
  const third = await cluster.one(cluster.command(), 3, true);

  const leader = await cluster.checkOneLeader();
  await cluster.crash(leader);
  await cluster.one(cluster.command(), 2, true);
  await cluster.restart(leader);
  await cluster.wait(third + 1, 3, null);

  const follower = (await cluster.checkOneLeader() + 1) % 3;
  await cluster.crash(follower);
  await cluster.one(cluster.command(), 2, true);
  await cluster.restart(follower);
  await cluster.one(cluster.command(), 3, true);
});

const persist2 = raftCase("TestPersist23C", 5, async (cluster) => {
  for (let round = 1; round <= 5; round++) {
    await cluster.one(cluster.command(), 5, true);
    const leader = await cluster.checkOneLeader();
    const at = (distance: number): number => (leader + distance) % 5;
    await cluster.crash(at(1));
    await cluster.crash(at(2));
    await cluster.one(cluster.command(), 3, true);

    for (const distance of [0, 3, 4]) await cluster.crash(at(distance));
    await cluster.restart(at(1));
    await cluster.restart(at(2));
    await cluster.world.sleep(electionTimeoutMs);
    await cluster.restart(at(3));
    await cluster.one(cluster.command(), 3, true);
    await cluster.restart(at(4));
    await cluster.restart(at(0));
  }
  await cluster.one(cluster.command(), 5, true);
});

const persist3 = raftCase("TestPersist33C", 3, async (cluster) => {
  await cluster.one(cluster.command(), 3, true);
  const leader = await cluster.checkOneLeader();
  const [next, away] = [(leader + 1) % 3, (leader + 2) % 3];
  cluster.disconnect(away);
  await cluster.one(cluster.command(), 2, true);

  await cluster.crash(leader);
  await cluster.crash(next);
  cluster.connect(away);
  await cluster.restart(leader);
  await cluster.one(cluster.command(), 2, true);
  await cluster.restart(next);
  await cluster.one(cluster.command(), 3, true);
});

/** Slow enough for a leader to be gone before its entries are everywhere: rounds last 0 to 12 ms. */
const figure8Latency = { minMs: 1, maxMs: 6 };

/** How the two Figure 8 tests differ. */
interface Figure8Options {
  /** Called before each round. */
  readonly before: (round: number) => void;
  /** Whether the leader is to be put out of action in this round. */
  readonly strikes: () => boolean;
  /** Puts a leader out of action. */
  readonly remove: (leader: number) => Promise<void>;
  /** Whether a server is out of action. */
  readonly isOut: (server: number) => boolean;
  /** Brings a server back. */
  readonly restore: (server: number) => Promise<void>;
}

/** Figure 8 of the paper, a thousand times: leaders that come and go before their entries are everywhere. */
async function figure8(cluster: RaftCluster, options: Figure8Options): Promise<void> {
  const { world } = cluster;
  const { random } = world;
  await cluster.one(cluster.command(), 1, true);
  for (let round = 0; round < 1_000; round++) {
    options.before(round);
    const up = cluster.everyone.filter((server) => cluster.isUp(server));
    const started = await Promise.all(up.map((server) => cluster.start(server, cluster.command())));
    const leader = up.findLast((server, at) => started[at] !== null && !options.isOut(server));
    await world.sleep(random.chance(0.1) ? random.integer(electionTimeoutMs / 2) : random.integer(13));
    if (leader !== undefined && options.strikes()) await options.remove(leader);
    if (cluster.everyone.filter((server) => !options.isOut(server)).length >= 3) continue;
    const server = random.pick(cluster.everyone);
    if (options.isOut(server)) await options.restore(server);
  }
  for (const server of cluster.everyone) {
    if (options.isOut(server)) await options.restore(server);
  }
  await cluster.one(cluster.command(), 5, true);
}

const figure8Crashing = raftCase("TestFigure83C", 5, (cluster) =>
  figure8(cluster, {
    before: () => {},
    strikes: () => true,
    remove: (leader) => cluster.crash(leader),
    isOut: (server) => !cluster.isUp(server),
    restore: (server) => cluster.restart(server),
  }), { seeds: 4, latency: figure8Latency });

const figure8Unreliable = raftCase("TestFigure8Unreliable3C", 5, (cluster) =>
  figure8(cluster, {
    before: (round) => {
      if (round === 200) cluster.world.setLongReordering(true);
    },
    strikes: () => cluster.world.random.chance(0.5),
    remove: (leader) => Promise.resolve(cluster.disconnect(leader)),
    isOut: (server) => !cluster.isConnected(server),
    restore: (server) => Promise.resolve(cluster.connect(server)),
  }), { seeds: 4, isReliable: false, latency: figure8Latency });

const unreliableAgree = raftCase("TestUnreliableAgree3C", 5, async (cluster) => {
  const agreements: Promise<number>[] = [];
  for (let round = 1; round < 50; round++) {
    for (let count = 0; count < 4; count++) agreements.push(cluster.one(cluster.command(), 1, true));
    await cluster.one(cluster.command(), 1, true);
  }
  cluster.world.setReliable(true);
  await Promise.all(agreements);
  await cluster.one(cluster.command(), 5, true);
}, { isReliable: false });

/** The tests of part 3C. */
export const raft3C: readonly LabCase[] = [
  persist1,
  persist2,
  persist3,
  figure8Crashing,
  unreliableAgree,
  figure8Unreliable,
  ...raft3CChurn,
];
