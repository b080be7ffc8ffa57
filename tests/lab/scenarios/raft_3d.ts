/**
 * Lab 3D: log compaction and InstallSnapshot.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import type { RaftCluster } from "../harness/raft_cluster.ts";
import { snapshotInterval } from "../harness/raft_server.ts";
import { demand } from "../harness/world.ts";
import { raftCase } from "./raft_case.ts";

/** Bytes of Raft state that a server may keep at the end of a round. */
const mostRaftStateBytes = 2_000;

/** What happens to the victim of a round. */
type Harm = "none" | "disconnect" | "crash";

/** Agrees on `count` commands, on all servers. */
async function agree(cluster: RaftCluster, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await cluster.one(cluster.command(), cluster.size, true);
}

/** Thirty rounds in which a server may miss so much that only a snapshot helps it. */
async function snapshots(cluster: RaftCluster, harm: Harm): Promise<void> {
  const { random } = cluster.world;
  await agree(cluster, 1);
  let leader = await cluster.checkOneLeader();
  for (let round = 0; round < 30; round++) {
    const next = (leader + 1) % 3;
    const [victim, sender] = round % 3 === 1 ? [leader, next] : [next, leader];
    if (harm === "disconnect") cluster.disconnect(victim);
    if (harm === "crash") await cluster.crash(victim);
    const present = harm === "none" ? 3 : 2;
    if (harm !== "none") await cluster.one(cluster.command(), present, true);

    const commands = snapshotInterval / 2 + random.integer(snapshotInterval);
    for (let count = 0; count < commands; count++) await cluster.start(sender, cluster.command());
    await cluster.one(cluster.command(), present, true);
    await cluster.refresh();
    const bytes = cluster.raftStateBytes;
    demand(bytes < mostRaftStateBytes, `the Raft state is too large: ${bytes} bytes, in round ${round}`);

    if (harm === "none") continue;
    if (harm === "crash") await cluster.restart(victim);
    else cluster.connect(victim);
    await agree(cluster, 1);
    leader = await cluster.checkOneLeader();
  }
}

function snapshotCase(name: string, harm: Harm, isReliable: boolean): LabCase {
  return raftCase(name, 3, (cluster) => snapshots(cluster, harm), { takesSnapshots: true, isReliable, seeds: 2 });
}

/** The 2024 edition runs these on the reliable network, the later ones on the unreliable one: so odd seeds do, too. */
function allCrashCase(name: string, scenario: (cluster: RaftCluster) => Promise<void>): LabCase {
  return raftCase(name, 3, async (cluster) => {
    cluster.world.setReliable(cluster.world.seed % 2 === 0);
    await scenario(cluster);
  }, { takesSnapshots: true });
}

/** The tests of part 3D. */
export const raft3D: readonly LabCase[] = [
  snapshotCase("TestSnapshotBasic3D", "none", true),
  snapshotCase("TestSnapshotInstall3D", "disconnect", true),
  snapshotCase("TestSnapshotInstallUnreliable3D", "disconnect", false),
  snapshotCase("TestSnapshotInstallCrash3D", "crash", true),
  snapshotCase("TestSnapshotInstallUnCrash3D", "crash", false),
  allCrashCase("TestSnapshotAllCrash3D", async (cluster) => {
    await agree(cluster, 1);
    for (let round = 0; round < 5; round++) {
      await agree(cluster, snapshotInterval / 2 + cluster.world.random.integer(snapshotInterval));
      const before = await cluster.one(cluster.command(), 3, true);
      await cluster.restartAll();
      const after = await cluster.one(cluster.command(), 3, true);
      demand(after > before, `the index went from ${before} to ${after} over a restart of all`);
    }
  }),
  allCrashCase("TestSnapshotInit3D", async (cluster) => {
    // Enough for one snapshot.
    await agree(cluster, 2 + snapshotInterval);
    await cluster.restartAll();
    // One write after the restart: it must not lose the snapshot.
    await agree(cluster, 1);
    await cluster.restartAll();
    await agree(cluster, 1);
  }),
];
