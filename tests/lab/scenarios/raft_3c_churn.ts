/**
 * Lab 3C: clients that go on while servers come and go.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { RaftCluster } from "../harness/raft_cluster.ts";
import { demand } from "../harness/world.ts";
import { raftCase } from "./raft_case.ts";

/** How long a client waits for a command of its own between looks, in milliseconds. */
const pausesMs = [10, 20, 50, 100, 200];

/** Starts commands until told to stop; returns those that it saw committed. */
async function client(cluster: RaftCluster, number: number, isOver: () => boolean): Promise<string[]> {
  const { world } = cluster;
  const seen: string[] = [];
  while (!isOver()) {
    const command = cluster.command();
    let index: number | null = null;
    for (const server of cluster.everyone) {
      if (!cluster.isUp(server)) continue;
      index = (await cluster.start(server, command))?.index ?? index;
    }
    if (index === null) {
      await world.sleep(79 + number * 17);
      continue;
    }
    for (const pauseMs of pausesMs) {
      const committed = cluster.committed(index);
      if (committed.count > 0) {
        if (committed.command === command) seen.push(command);
        break;
      }
      await world.sleep(pauseMs);
    }
  }
  return seen;
}

/** Cuts, restarts and crashes servers at random. */
async function churn(cluster: RaftCluster): Promise<void> {
  const { world } = cluster;
  const { random } = world;
  for (let step = 0; step < 20; step++) {
    if (random.chance(0.2)) cluster.disconnect(random.pick(cluster.everyone));
    if (random.chance(0.5)) {
      const server = random.pick(cluster.everyone);
      if (!cluster.isUp(server)) await cluster.boot(server);
      cluster.connect(server);
    }
    if (random.chance(0.2)) await cluster.crash(random.pick(cluster.everyone));
    // Long enough for some to agree, and short enough for the next step to come before all have.
    await world.sleep(0.7 * electionTimeoutMs);
  }
}

async function scenario(cluster: RaftCluster): Promise<void> {
  const { world } = cluster;
  let isOver = false;
  const clients = [0, 1, 2].map((number) => client(cluster, number, () => isOver));
  await churn(cluster);

  await world.sleep(electionTimeoutMs);
  world.setReliable(true);
  for (const server of cluster.everyone) {
    if (!cluster.isUp(server)) await cluster.boot(server);
    cluster.connect(server);
  }
  isOver = true;
  const seen = (await Promise.all(clients)).flat();
  await world.sleep(electionTimeoutMs);

  const last = await cluster.one(cluster.command(), 5, true);
  const log = new Set<string | null>();
  for (let index = 1; index <= last; index++) log.add(await cluster.wait(index, 5, null));
  const missing = seen.filter((command) => !log.has(command));
  demand(missing.length === 0, `${missing.length} of ${seen.length} commands were seen committed and are missing`);
  demand(seen.length > 0, "no client saw any command committed");
}

/** The two churn tests. */
export const raft3CChurn: readonly LabCase[] = [
  raftCase("TestReliableChurn3C", 5, scenario, { seeds: 3 }),
  raftCase("TestUnreliableChurn3C", 5, scenario, { seeds: 3, isReliable: false }),
];
