/**
 * Lab 3B: what agreement may cost, and agreement on many commands at once.
 *
 * @module
 */
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { RaftCluster } from "../harness/raft_cluster.ts";
import { demand, LabFailure } from "../harness/world.ts";
import { raftCase } from "./raft_case.ts";

const rpcBytes = raftCase("TestRPCBytes3B", 3, async (cluster) => {
  const { world } = cluster;
  await cluster.one(cluster.command(), 3, false);
  const before = world.traffic().bytes;
  let payload = 0;
  for (let index = 2; index <= 11; index++) {
    const command = cluster.command().padEnd(5_000, "x");
    const got = await cluster.one(command, 3, false);
    demand(got === index, `got index ${got}, expected ${index}`);
    payload += command.length;
  }
  const bytes = world.traffic().bytes - before;
  demand(bytes <= 3 * payload + 50_000, `too many bytes: ${bytes} for ${payload} bytes of commands`);
});

/** Runs `attempt` until it says that the term held still, as the course does. */
async function whileTermMoves(cluster: RaftCluster, attempt: (leader: number) => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    if (tries > 0) await cluster.world.sleep(3_000);
    if (await attempt(await cluster.checkOneLeader())) return;
  }
  throw new LabFailure("the term changed too often");
}

const concurrentStarts = raftCase("TestConcurrentStarts3B", 3, async (cluster) => {
  await whileTermMoves(cluster, async (leader) => {
    const first = await cluster.start(leader, cluster.command());
    if (first === null) return false;
    const commands = Array.from({ length: 5 }, () => cluster.command());
    const starts = await Promise.all(commands.map((command) => cluster.start(leader, command)));
    const indexes = starts.flatMap((started) => started?.term === first.term ? started.index : []);
    if (cluster.everyone.some((server) => cluster.state(server).term !== first.term)) return false;
    const applied = new Set<string>();
    for (const index of indexes) {
      const command = await cluster.wait(index, 3, first.term);
      if (command === null) return false;
      applied.add(command);
    }
    const missing = commands.filter((command) => !applied.has(command));
    demand(missing.length === 0, `commands ${missing.join(", ")} were started and are missing`);
    return true;
  });
});

/** RPCs that an agreement of so many commands may take: one each and some more, for each of three servers. */
const mostAgreementRpcs = (10 + 1 + 3) * 3;

/** Starts 12 commands in one term and waits for 10: whether the term held, and how many RPCs it took. */
async function countAgreement(cluster: RaftCluster, leader: number): Promise<boolean> {
  const { world } = cluster;
  const before = world.traffic().rpcs;
  const first = await cluster.start(leader, cluster.command());
  if (first === null) return false;
  const commands: string[] = [];
  for (let count = 1; count < 12; count++) {
    const command = cluster.command();
    const started = await cluster.start(leader, command);
    if (started === null || started.term !== first.term) return false;
    demand(started.index === first.index + count, `command ${count} got the index ${started.index}`);
    commands.push(command);
  }
  for (const [at, command] of commands.slice(0, 10).entries()) {
    const applied = await cluster.wait(first.index + 1 + at, 3, first.term);
    if (applied === null) return false;
    demand(applied === command, `wrong command ${applied} at ${first.index + 1 + at}, expected ${command}`);
  }
  if (cluster.everyone.some((server) => cluster.state(server).term !== first.term)) return false;
  const rpcs = world.traffic().rpcs - before;
  demand(rpcs <= mostAgreementRpcs, `too many RPCs (${rpcs}, at most ${mostAgreementRpcs}) for 12 commands`);
  return true;
}

const count = raftCase("TestCount3B", 3, async (cluster) => {
  const { world } = cluster;
  await cluster.checkOneLeader();
  const electionRpcs = world.traffic().rpcs;
  demand(
    electionRpcs >= 1 && electionRpcs <= 30,
    `too many or too few RPCs (${electionRpcs}, should be 1 to 30) to elect the first leader`,
  );
  await whileTermMoves(cluster, (leader) => countAgreement(cluster, leader));
  const before = world.traffic().rpcs;
  await world.sleep(electionTimeoutMs);
  const idleRpcs = world.traffic().rpcs - before;
  demand(idleRpcs <= 60, `too many RPCs (${idleRpcs}, at most 60) for one second of idleness`);
});

/** The tests of part 3B that count. */
export const raft3BCounts = { rpcBytes, concurrentStarts, count };
