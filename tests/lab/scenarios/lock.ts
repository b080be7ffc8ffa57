/**
 * The lock of lab 2, 2025 and 2026, on a single server.
 *
 * @module
 */
import type { KvClient, KvCluster } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { kvCase } from "./kv_case.ts";

/** How long clients go on, and how long each holds the lock; in milliseconds. */
const clientsMs = 2_000;
const holdMs = 10;

/** The key that only who holds the lock may touch. */
const guarded = "l0";

/** Two locks, held at the same time for a while; taken by all in the same order. */
async function interleave(client: KvClient): Promise<void> {
  const first = await client.acquire("first");
  const second = await client.acquire("second");
  demand(await client.release(first), "the first of two locks was lost");
  demand(await client.release(second), "the second of two locks was lost");
}

/** Takes the lock, marks the key as its own for a while, and gives the lock up. */
async function holdOnce(cluster: KvCluster, client: KvClient): Promise<void> {
  const held = await client.acquire("l");
  await client.check(guarded, "");
  await client.put(guarded, client.name);
  await cluster.world.sleep(holdMs);
  await client.check(guarded, client.name);
  await client.put(guarded, "");
  demand(held.isHeld && await client.release(held), "the lock was lost by who held it");
}

function clientsCase(name: string, clients: number, isReliable: boolean): LabCase {
  const options = { peers: 1, isReliable, attemptTimeoutMs: 100 };
  return kvCase("lock", name, options, async (cluster) => {
    const { clock } = cluster.world;
    const turns = await Promise.all(Array.from({ length: clients }, async () => {
      const client = cluster.client();
      await interleave(client);
      const endMs = clock.monotonicMs() + clientsMs;
      let count = 0;
      for (; clock.monotonicMs() < endMs; count++) await holdOnce(cluster, client);
      return count;
    }));
    demand(turns.some((count) => count > 1), "nobody had the lock more than once");
  });
}

/** The tests of the suite, in its order. */
export const lockCases: readonly LabCase[] = [
  kvCase("lock", "TestReliableBasic", { peers: 1 }, async (cluster) => {
    const client = cluster.client();
    demand(await client.release(await client.acquire("l")), "the lock was lost");
  }),
  kvCase("lock", "TestReliableNested", { peers: 1 }, async (cluster) => {
    await interleave(cluster.client());
  }),
  clientsCase("TestOneClientReliable", 1, true),
  clientsCase("TestManyClientsReliable", 10, true),
  clientsCase("TestOneClientUnreliable", 1, false),
  clientsCase("TestManyClientsUnreliable", 10, false),
];
