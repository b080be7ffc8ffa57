/**
 * Labs 4A and 4B of 2024: the key/value store on Raft, without and with snapshots.
 *
 * @module
 */
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { checkSnapshotSize, checkSpeed } from "./kv_checks.ts";
import { kvCase } from "./kv_case.ts";
import { genericCase } from "./kvraft_generic.ts";
import { unreliableOneKeyCase } from "./one_key.ts";

/** Bytes beyond which the tests of 4B have a snapshot taken. */
const snapshotCap = 1_000;

function speedCase(name: string, maxRaftState: number): LabCase {
  return kvCase("kvraft", name, { peers: 3, maxRaftState }, async (cluster) => {
    const { clock } = cluster.world;
    const client = cluster.client();
    // The first call waits for the election.
    await client.get("x");
    const startedMs = clock.monotonicMs();
    let expected = "";
    for (let call = 0; call < 1_000; call++) {
      const word = `x 0 ${call} y`;
      await client.append("x", word);
      expected += word;
    }
    checkSpeed(clock.monotonicMs() - startedMs, 1_000);
    await client.check("x", expected);
  });
}

const onePartition = kvCase("kvraft", "TestOnePartition4A", { peers: 5 }, async (cluster) => {
  const { world } = cluster;
  const main = cluster.client();
  await main.put("1", "13");
  const { minority, majority } = await cluster.putLeaderInMinority();
  const inMajority = cluster.client(majority);
  await inMajority.put("1", "14");
  await inMajority.check("1", "14");

  const [writer, reader] = [cluster.client(minority), cluster.client(minority)];
  const done = new Set<string>();
  const watch = (name: string, call: Promise<unknown>): void => {
    call.then(() => done.add(name), (error) => world.fail(error));
  };
  watch("put", writer.put("1", "15"));
  watch("get", reader.get("1"));
  await world.sleep(1_000);
  demand(done.size === 0, () => `a ${[...done].join(" and a ")} was answered in the minority`);
  await inMajority.check("1", "14");
  await inMajority.put("1", "16");
  await inMajority.check("1", "16");

  cluster.partition();
  for (const client of [inMajority, writer, reader]) cluster.confine(client.name, cluster.everyone);
  await world.sleep(electionTimeoutMs);
  await cluster.until("the calls of the minority to be answered after the partition", () => done.size === 2, 3_000);
  await main.check("1", "15");
});

const snapshotRpc = kvCase("kvraft", "TestSnapshotRPC4B", { peers: 3, maxRaftState: snapshotCap }, async (cluster) => {
  const main = cluster.client();
  await main.put("a", "A");
  await main.check("a", "A");

  cluster.partition([0, 1], [2]);
  const first = cluster.client([0, 1]);
  for (let count = 0; count < 50; count++) await first.put(String(count), String(count));
  await cluster.world.sleep(electionTimeoutMs);
  await first.put("b", "B");
  await cluster.checkSizes();

  // What server 2 has missed is in nobody's log any more: it needs a snapshot before this pair can go on.
  cluster.partition([0, 2], [1]);
  const second = cluster.client([0, 2]);
  await second.put("c", "C");
  await second.put("d", "D");
  await second.check("a", "A");
  await second.check("b", "B");
  await second.check("1", "1");
  await second.check("49", "49");

  cluster.partition();
  await main.put("e", "E");
  await main.check("c", "C");
  await main.check("e", "E");
  await main.check("1", "1");
});

const snapshotSize = kvCase(
  "kvraft",
  "TestSnapshotSize4B",
  { peers: 3, maxRaftState: snapshotCap },
  async (cluster) => {
    const client = cluster.client();
    for (let count = 0; count < 200; count++) {
      for (const value of ["0", "1"]) {
        await client.put("x", value);
        await client.check("x", value);
      }
    }
    await cluster.checkSizes();
    checkSnapshotSize(cluster);
  },
);

const cap = { maxRaftState: snapshotCap };
const harsh = { clients: 5, isUnreliable: true, crashes: true, partitions: true };
const harshest = { ...harsh, clients: 15, peers: 7, randomKeys: true };

/** The tests of the 2024 suite. */
export const kvraftCases: readonly LabCase[] = [
  genericCase("TestBasic4A", {}),
  speedCase("TestSpeed4A", -1),
  genericCase("TestConcurrent4A", { clients: 5 }),
  genericCase("TestUnreliable4A", { clients: 5, isUnreliable: true }),
  unreliableOneKeyCase("kvraft", "TestUnreliableOneKey4A", 3),
  onePartition,
  genericCase("TestManyPartitionsOneClient4A", { partitions: true }),
  genericCase("TestManyPartitionsManyClients4A", { clients: 5, partitions: true }),
  genericCase("TestPersistOneClient4A", { crashes: true }),
  genericCase("TestPersistConcurrent4A", { clients: 5, crashes: true }),
  genericCase("TestPersistConcurrentUnreliable4A", { clients: 5, isUnreliable: true, crashes: true }),
  genericCase("TestPersistPartition4A", { clients: 5, crashes: true, partitions: true }),
  genericCase("TestPersistPartitionUnreliable4A", harsh),
  genericCase("TestPersistPartitionUnreliableLinearizable4A", harshest),
  snapshotRpc,
  snapshotSize,
  speedCase("TestSpeed4B", snapshotCap),
  genericCase("TestSnapshotRecover4B", { crashes: true, ...cap }),
  genericCase("TestSnapshotRecoverManyClients4B", { clients: 20, crashes: true, ...cap }),
  genericCase("TestSnapshotUnreliable4B", { clients: 5, isUnreliable: true, ...cap }),
  genericCase("TestSnapshotUnreliableRecover4B", { clients: 5, isUnreliable: true, crashes: true, ...cap }),
  genericCase("TestSnapshotUnreliableRecoverConcurrentPartition4B", { ...harsh, ...cap }),
  genericCase("TestSnapshotUnreliableRecoverConcurrentPartitionLinearizable4B", { ...harshest, ...cap }),
];
