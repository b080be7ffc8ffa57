/**
 * The course's generic key/value test of 2025: clients that race to put the next version of a key.
 *
 * @module
 */
import type { KvClient, KvCluster } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand } from "../harness/world.ts";
import { caseOptions, type GenericOptions, type Stop, usualIterations, withClients } from "./kv_clients.ts";
import { kvCase } from "./kv_case.ts";

/** What was answered to the puts on one key. */
interface Tally {
  ok: number;
  maybe: number;
}

/** By key. */
type Tallies = Map<string, Tally>;

function tallyOf(tallies: Tallies, key: string): Tally {
  let tally = tallies.get(key);
  if (tally === undefined) {
    tally = { ok: 0, maybe: 0 };
    tallies.set(key, tally);
  }
  return tally;
}

/** One client: puts, and reads what has become of it, until told to stop. */
async function racer(
  cluster: KvCluster,
  client: KvClient,
  number: number,
  keys: readonly string[],
  stop: Stop,
  tallies: Tallies,
): Promise<void> {
  const versions = new Map<string, number>();
  for (let turn = 0; !stop.isOver; turn++) {
    const key = cluster.world.random.pick(keys);
    const version = versions.get(key) ?? 0;
    const value = JSON.stringify({ client: client.name, number, turn });
    const { kind } = await client.putIfVersion(key, value, version);
    if (kind === "ok") tallyOf(tallies, key).ok++;
    else if (kind === "maybe") tallyOf(tallies, key).maybe++;
    else demand(kind !== "noKey" || version > 0, "a put of version 0 was told that there is no key");

    const got = await client.getWithVersion(key);
    demand(got.version >= version, `the version of ${key} went back from ${version} to ${got.version}`);
    if (kind === "ok") {
      demand(got.version > version, `${key} has version ${got.version} after a put that made ${version + 1}`);
      demand(got.version > version + 1 || got.value === value, `${key} has another value than the put that made it`);
    }
    versions.set(key, got.version);
  }
}

/** Fails unless each version is the number of puts that were done; of unsure ones any may have been. */
async function checkVersions(main: KvClient, tallies: Tallies): Promise<void> {
  await Promise.all(
    [...tallies].map(async ([key, { ok, maybe }]) => {
      const { version } = await main.getWithVersion(key);
      demand(
        version >= ok && version <= ok + maybe,
        `${key} has version ${version} after ${ok} puts that were done and ${maybe} that may have been`,
      );
    }),
  );
}

/** One of the generic tests. */
export function versionedCase(name: string, options: GenericOptions, suite: "kvsrv1" | "kvraft1" = "kvraft1"): LabCase {
  const { isUnreliable = false, crashes = false, partitions = false, iterations = usualIterations } = options;
  return kvCase(suite, name, caseOptions(options), async (cluster) => {
    const keys = options.randomKeys ? Array.from({ length: 100 }, (_, at) => `k${at}`) : ["k"];
    // Even seeds go without sessions, as the course's clients do: then a put that was sent twice may be unsure.
    const sessions = cluster.world.seed % 2 === 1;
    const main = cluster.client();
    const tallies: Tallies = new Map();
    for (let iteration = 0; iteration < iterations; iteration++) {
      await withClients(cluster, options, (number, stop) => {
        const client = cluster.client(cluster.everyone, { sessions });
        return racer(cluster, client, number, keys, stop, tallies);
      });
      await checkVersions(main, tallies);
      await cluster.checkSizes();
    }
    const unsure = [...tallies.values()].reduce((sum, { maybe }) => sum + maybe, 0);
    const hasSentAgain = !sessions && (isUnreliable || crashes || partitions);
    demand(hasSentAgain || unsure === 0, `${unsure} puts were unsure although each could be known`);
  });
}
