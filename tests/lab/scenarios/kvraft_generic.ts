/**
 * The course's generic key/value test of 2024: clients that append and read for five seconds, three times over, while
 * servers are cut off, crashed and restarted.
 *
 * @module
 */
import type { KvClient, KvCluster } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { caseOptions, type GenericOptions, type Stop, usualIterations, withClients } from "./kv_clients.ts";
import { kvCase } from "./kv_case.ts";

/** One client on a key of its own; returns how often it has appended. */
async function ownKeyClient(cluster: KvCluster, client: KvClient, number: number, stop: Stop): Promise<number> {
  const { random } = cluster.world;
  const key = String(number);
  let expected = "";
  let appended = 0;
  await client.put(key, expected);
  while (!stop.isOver) {
    if (random.chance(0.5)) {
      const word = `x ${number} ${appended++} y`;
      await client.append(key, word);
      expected += word;
    } else {
      await client.check(key, expected);
    }
  }
  return appended;
}

/** One client on the keys of all; what it reads is left to the linearizability check. */
async function randomKeysClient(cluster: KvCluster, client: KvClient, number: number, clients: number, stop: Stop) {
  const { random } = cluster.world;
  for (let written = 0; !stop.isOver;) {
    const key = String(random.integer(clients));
    const word = `x ${number} ${written} y`;
    if (random.chance(0.5)) {
      await client.append(key, word);
      written++;
    } else if (random.chance(0.1)) {
      await client.put(key, word);
      written++;
    } else {
      await client.get(key);
    }
  }
  return 0;
}

/** Fails unless the value holds each word of the client once, in order, and nothing else. */
function checkAppends(value: string, number: number, count: number): void {
  const expected = Array.from({ length: count }, (_, at) => `x ${number} ${at} y`).join("");
  demand(value === expected, `the ${count} appends of client ${number} left ${JSON.stringify(value)}`);
}

async function iterate(cluster: KvCluster, options: GenericOptions, main: KvClient): Promise<void> {
  const { clients = 1, randomKeys = false } = options;
  const counts = await withClients(cluster, options, (number, stop) => {
    const client = cluster.client();
    if (randomKeys) return randomKeysClient(cluster, client, number, clients, stop);
    return ownKeyClient(cluster, client, number, stop);
  });
  for (const [number, count] of counts.entries()) {
    const value = await main.get(String(number));
    if (!randomKeys) checkAppends(value, number, count);
  }
  await cluster.checkSizes();
}

/** One of the generic tests. */
export function genericCase(name: string, options: GenericOptions, suite: "kvsrv" | "kvraft" = "kvraft"): LabCase {
  const { iterations = usualIterations } = options;
  return kvCase(suite, name, caseOptions(options), async (cluster) => {
    const main = cluster.client();
    for (let iteration = 0; iteration < iterations; iteration++) await iterate(cluster, options, main);
  });
}
