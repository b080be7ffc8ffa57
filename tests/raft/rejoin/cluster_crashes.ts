/**
 * A cluster whose nodes lose power all at once, before or after every operation on any of their disks, with all, none, a
 * prefix or any subset of what was not synced surviving. A client appends all the while; each time all of it must be there.
 *
 * @module
 */
import type { CrashPolicy } from "../../../raft/testing/mod.ts";
import { RejoinWorld } from "./world.ts";

const policies: readonly CrashPolicy[] = ["none", "all", "prefix", "random"];

/** What became of the crashes. */
export interface ClusterCrashTally {
  /** How often all nodes lost power at once. */
  readonly crashes: number;
  /** Appends that were acknowledged. */
  readonly appends: number;
  /** What was lost, or why the cluster did not come back; the first only, since all that follows hangs on it. */
  readonly violations: readonly string[];
}

/** Waits until the disks of all nodes have been asked for so many more operations, then cuts the power of all. */
function cutPowerAfter(world: RejoinWorld, operations: number, policy: CrashPolicy): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const disks = world.names.map((id) => world.simulation.process(id).disk);
  // Twice as many phases as operations: before each, and when it is done and its caller does not know.
  let left = operations;
  for (const disk of disks) {
    disk.observer = () => {
      if (left-- !== 0) return;
      for (const id of world.names) world.kill(id, "power", policy);
      resolve();
    };
  }
  return promise.finally(() => {
    for (const disk of disks) disk.observer = null;
  });
}

/**
 * Cuts the power of all nodes `count` times, each time a little later after their start than the time before: `from` phases
 * of disk operations, then `from + step`, and so on up to `most`, and from the beginning again.
 */
export async function runClusterCrashes(
  count: number,
  { seed = 1, from = 1, step = 1, most = 200 }: {
    readonly seed?: number;
    readonly from?: number;
    readonly step?: number;
    readonly most?: number;
  } = {},
): Promise<ClusterCrashTally> {
  const world = new RejoinWorld(seed);
  let crashes = 0;
  let appends = 0;
  let expected = "";
  const violations: string[] = [];
  const life = async (operations: number, policy: CrashPolicy): Promise<void> => {
    const crashed = cutPowerAfter(world, operations, policy);
    let isOver = false;
    const client = (async () => {
      await using clerk = world.clerk();
      while (!isOver) {
        await clerk.append("log", `${appends} `);
        expected += `${appends++} `;
        // A disk that is asked for nothing does not come to the operation it is to die in.
        await world.simulation.sleep(1);
      }
    })();
    void world.startAll();
    await crashed;
    crashes++;
    // Also those that were about to start when the power went.
    for (const id of world.names) world.kill(id, "power", policy);
    await world.startAll();
    isOver = true;
    await client;
  };
  await world.simulation.run(async () => {
    await world.startAll();
    await world.until("a leader", () => world.leader() !== null);
    for (const id of world.names) world.kill(id);
    for (let at = 0; at < count; at++) {
      const operations = from + (at * step) % most;
      const policy = policies[at % policies.length] ?? "random";
      await life(operations, policy);
      await using clerk = world.clerk();
      const found = String(await clerk.get("log"));
      const what = `crash ${at}, after ${operations} operations, ${policy} of what was not synced survives`;
      if (found !== expected) violations.push(`${what}: found "${found}", right would be "${expected}"`);
      const damaged = world.reports.find((line) => line.includes("is damaged at offset"));
      if (damaged !== undefined) violations.push(`${what}: ${damaged}`);
      for (const [id, { message }] of world.refusals) violations.push(`${what}: ${id} was refused: ${message}`);
      if (violations.length > 0) return;
      for (const id of world.names) world.kill(id, "power", policy);
    }
  }, { timeoutMs: 24 * 3_600_000 }).catch((error) => {
    violations.push(`crash ${crashes} of seed ${seed}: ${error instanceof Error ? error.message : error}`);
  });
  return { crashes, appends, violations };
}
