/**
 * Lab 2 of 2025 and 2026: versioned puts on a single server. The test of memory stands in `memory.ts`.
 *
 * @module
 */
import type { KvClient } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { kvCase } from "./kv_case.ts";
import { versionedCase } from "./kvraft1_generic.ts";

const reliablePut = kvCase("kvsrv1", "TestReliablePut", { peers: 1 }, async (cluster) => {
  const client = cluster.client(cluster.everyone, { sessions: false });
  const expect = async (key: string, version: number, expected: string): Promise<void> => {
    const { kind } = await client.putIfVersion(key, "6.5840", version);
    demand(kind === expected, `put of ${key} at version ${version} was answered ${kind}, not ${expected}`);
  };
  await expect("k", 0, "ok");
  const { value, version } = await client.getWithVersion("k");
  demand(value === "6.5840" && version === 1, `the value is ${value} at version ${version}`);
  await expect("k", 0, "versionMismatch");
  await expect("y", 1, "noKey");
  const missing = await client.getWithVersion("y");
  demand(missing.version === 0 && missing.value === "", `a key that was never put has version ${missing.version}`);
});

/**
 * Puts a round's version until the answer is sure; returns how often it was not. A put that was unsure has been done, as
 * nobody else puts: so asking again must be refused.
 */
async function putUntilSure(client: KvClient, key: string, round: number): Promise<number> {
  for (let unsure = 0;; unsure++) {
    const { kind } = await client.putIfVersion(key, String(unsure), round);
    if (kind === "maybe") continue;
    demand(kind === (unsure === 0 ? "ok" : "versionMismatch"), `round ${round}: put ${unsure} was answered ${kind}`);
    return unsure;
  }
}

const rounds = 100;
/** Lost calls are noticed nearly as fast as by the course's client, which its network tells of the loss. */
const unreliableOptions = { peers: 1, isReliable: false, attemptTimeoutMs: 100 };

const unreliableNet = kvCase("kvsrv1", "TestUnreliableNet", unreliableOptions, async (cluster) => {
  const client = cluster.client(cluster.everyone, { sessions: false });
  let unsure = 0;
  for (let round = 0; round < rounds; round++) {
    unsure += await putUntilSure(client, "k", round);
    const { value, version } = await client.getWithVersion("k");
    demand(version === round + 1 && value === "0", `round ${round}: the value is ${value} at version ${version}`);
  }
  demand(unsure > 0, "no put was unsure although one reply in ten is lost");

  // What the course cannot ask for: in a session the truth always comes out.
  const inSession = cluster.client();
  for (let round = 0; round < rounds; round++) {
    demand(await putUntilSure(inSession, "s", round) === 0, `round ${round}: a put in a session was unsure`);
  }
});

/** The tests of the suite, in its order. */
export const kvsrv1Cases: readonly LabCase[] = [
  reliablePut,
  versionedCase(
    "TestPutConcurrentReliable",
    { peers: 1, clients: 10, clientsMs: 1_000, iterations: 1, latency: { minMs: 0.5, maxMs: 3 } },
    "kvsrv1",
  ),
  unreliableNet,
];
