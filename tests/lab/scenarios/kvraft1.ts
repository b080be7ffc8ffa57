/**
 * Labs 4B and 4C of 2025 and 2026: the key/value store with versioned puts, without and with snapshots. The clients run for
 * five seconds, as in 2024, because in the one second of 2025 partitions would hardly meet a client.
 *
 * @module
 */
import type { KvClient, KvCluster } from "../harness/kv_cluster.ts";
import { electionTimeoutMs } from "../harness/lab_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { checkSnapshotSize, checkSpeed } from "./kv_checks.ts";
import { kvCase } from "./kv_case.ts";
import { versionedCase } from "./kvraft1_generic.ts";

/** Bytes beyond which the tests of 4C have a snapshot taken. */
const snapshotCap = 1_000;

function speedCase(name: string, maxRaftState: number): LabCase {
  return kvCase("kvraft1", name, { peers: 3, maxRaftState }, async (cluster) => {
    const { clock } = cluster.world;
    const client = cluster.client();
    // The first call waits for the election.
    await client.getWithVersion("x");
    const startedMs = clock.monotonicMs();
    for (let version = 0; version < 1_000; version++) {
      const { kind } = await client.putIfVersion("x", String(version), version);
      demand(kind === "ok", `put number ${version} of a single client was answered ${kind}`);
    }
    checkSpeed(clock.monotonicMs() - startedMs, 1_000);
    const { version } = await client.getWithVersion("x");
    demand(version === 1_000, `the version is ${version} after 1000 puts`);
  });
}

/** Puts, which must succeed although others may have to ask twice. */
async function put(client: KvClient, key: string, value: string, version: number): Promise<void> {
  const { kind } = await client.putIfVersion(key, value, version);
  demand(kind === "ok", `put of ${key} with the right version ${version} was answered ${kind}`);
}

/** Fails unless the key has this value and version. */
async function check(client: KvClient, key: string, value: string, version: number): Promise<void> {
  const got = await client.getWithVersion(key);
  demand(
    got.value === value && got.version === version,
    `get of ${key}: ${JSON.stringify(got)}, expected ${JSON.stringify({ value, version })}`,
  );
}

/** Three seconds are few for calls that get lost: so a client here notices nearly as fast as the course's. */
const onePartitionOptions = { peers: 5, isReliable: false, attemptTimeoutMs: 100 };

const onePartition = kvCase("kvraft1", "TestOnePartition4B", onePartitionOptions, async (cluster) => {
  const { world } = cluster;
  const main = cluster.client();
  await put(main, "1", "13", 0);
  const { minority, majority } = await cluster.putLeaderInMinority();
  const inMajority = cluster.client(majority);
  await put(inMajority, "1", "14", 1);
  await check(inMajority, "1", "14", 2);

  const [writer, reader] = [cluster.client(minority), cluster.client(minority)];
  const done = new Set<string>();
  const watch = (call: Promise<{ readonly kind?: string }>): void => {
    call.then((result) => done.add(result.kind ?? "get"), (error) => world.fail(error));
  };
  watch(writer.putIfVersion("1", "15", 2));
  watch(reader.getWithVersion("1").then(() => ({})));
  await world.sleep(1_000);
  demand(done.size === 0, () => `a call was answered in the minority: ${[...done].join(", ")}`);
  await check(inMajority, "1", "14", 2);
  await put(inMajority, "1", "16", 2);
  await check(inMajority, "1", "16", 3);

  cluster.partition();
  for (const client of [inMajority, writer, reader]) cluster.confine(client.name, cluster.everyone);
  await world.sleep(electionTimeoutMs);
  await cluster.until("the calls of the minority to be answered after the partition", () => done.size === 2, 3_000);
  demand(done.has("versionMismatch"), () => `the late put was answered otherwise: ${[...done].join(", ")}`);
  await check(main, "1", "16", 3);
});

const snapshotRpc = kvCase("kvraft1", "TestSnapshotRPC4C", { peers: 3, maxRaftState: snapshotCap }, async (cluster) => {
  const main = cluster.client();
  await put(main, "a", "A", 0);
  cluster.partition([0, 1], [2]);
  const first = cluster.client([0, 1]);
  for (let count = 0; count < 50; count++) await put(first, String(count), String(count), 0);
  await cluster.world.sleep(electionTimeoutMs);
  await put(first, "b", "B", 0);
  await cluster.checkSizes();

  cluster.partition([0, 2], [1]);
  const second = cluster.client([0, 2]);
  await put(second, "c", "C", 0);
  await put(second, "d", "D", 0);
  await check(second, "a", "A", 1);
  await check(second, "b", "B", 1);
  await check(second, "1", "1", 1);
  await check(second, "49", "49", 1);

  cluster.partition();
  await put(main, "e", "E", 0);
  await check(main, "c", "C", 1);
  await check(main, "e", "E", 1);
  await check(main, "1", "1", 1);
});

async function putsAndGets(cluster: KvCluster): Promise<void> {
  const client = cluster.client();
  for (let version = 0; version < 400; version++) {
    await put(client, "x", String(version % 2), version);
    await check(client, "x", String(version % 2), version + 1);
  }
  await cluster.checkSizes();
  checkSnapshotSize(cluster);
}

const cap = { maxRaftState: snapshotCap };
const harsh = { clients: 5, isUnreliable: true, crashes: true, partitions: true };
const harshest = { ...harsh, clients: 15, peers: 7, randomKeys: true };

/** The tests of the suite of 2025 and 2026. */
export const kvraft1Cases: readonly LabCase[] = [
  versionedCase("TestBasic4B", {}),
  speedCase("TestSpeed4B", -1),
  versionedCase("TestConcurrent4B", { clients: 5 }),
  versionedCase("TestUnreliable4B", { clients: 5, isUnreliable: true }),
  onePartition,
  versionedCase("TestManyPartitionsOneClient4B", { partitions: true }),
  versionedCase("TestManyPartitionsManyClients4B", { clients: 5, partitions: true }),
  versionedCase("TestPersistOneClient4B", { crashes: true }),
  versionedCase("TestPersistConcurrent4B", { clients: 5, crashes: true }),
  versionedCase("TestPersistConcurrentUnreliable4B", { clients: 5, isUnreliable: true, crashes: true }),
  versionedCase("TestPersistPartition4B", { clients: 5, crashes: true, partitions: true }),
  versionedCase("TestPersistPartitionUnreliable4B", harsh),
  versionedCase("TestPersistPartitionUnreliableLinearizable4B", harshest),
  snapshotRpc,
  kvCase("kvraft1", "TestSnapshotSize4C", { peers: 3, maxRaftState: snapshotCap }, putsAndGets),
  speedCase("TestSpeed4C", snapshotCap),
  versionedCase("TestSnapshotRecover4C", { crashes: true, ...cap }),
  versionedCase("TestSnapshotRecoverManyClients4C", { clients: 20, crashes: true, ...cap }),
  versionedCase("TestSnapshotUnreliable4C", { clients: 5, isUnreliable: true, ...cap }),
  versionedCase("TestSnapshotUnreliableRecover4C", { clients: 5, isUnreliable: true, crashes: true, ...cap }),
  versionedCase("TestSnapshotUnreliableRecoverConcurrentPartition4C", { ...harsh, ...cap }),
  versionedCase("TestSnapshotUnreliableRecoverConcurrentPartitionLinearizable4C", { ...harshest, ...cap }),
];
