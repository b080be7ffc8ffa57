/**
 * Reads: at the leader, at every node, by the leader's lease, and those that ask nobody.
 *
 * @module
 */
import { Clerk, type Consistency } from "../../../mod.ts";
import { fail, LoadedCluster } from "../load.ts";
import { measure, type Operation } from "../measure.ts";
import type { Findings } from "../report.ts";
import type { Sizes } from "../sizes.ts";

const many = 256;
const keys = 1000;

/** See the module. */
export async function reads({ seconds }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  for (let key = 0; key < keys; key += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, at) => cluster.clerk.put(`key${key + at}`, "v".repeat(100))));
  }
  const leader = cluster.nodes.peers[await cluster.nodes.leader()] ?? "";
  const followers = cluster.nodes.addresses.filter((address) => address !== leader);
  const rows: (string | number)[][] = [];
  const run = async (name: string, addresses: readonly string[], consistency: Consistency, inFlight = many) => {
    const clerks = addresses.map((address) => new Clerk([address]));
    let serial = 0;
    const operation: Operation = (done) => {
      const clerk = clerks[serial++ % clerks.length];
      void clerk?.get(`key${serial % keys}`, { consistency }).then(done, fail);
    };
    const { perSecond, p50Ms, p99Ms } = await measure(inFlight, seconds, operation);
    for (const clerk of clerks) await clerk.close();
    rows.push([name, inFlight, Math.round(perSecond), p50Ms, p99Ms]);
  };
  await run("linearizable, at the leader", [leader], "linearizable");
  await run("by lease, at the leader", [leader], "lease");
  await run("linearizable, at one follower", followers.slice(0, 1), "linearizable");
  await run("linearizable, at all nodes", cluster.nodes.addresses, "linearizable");
  await run("stale, at one follower", followers.slice(0, 1), "stale");
  await run("stale, at all nodes", cluster.nodes.addresses, "stale");
  await run("linearizable, at the leader", [leader], "linearizable", 1);
  await run("by lease, at the leader", [leader], "lease", 1);
  await run("stale, at the leader", [leader], "stale", 1);
  return {
    tables: [{
      title: "Reads",
      note: "all in flight from one process; a linearizable read at a follower asks the leader for its index",
      columns: ["where", "in flight", "ops/s", "p50 ms", "p99 ms"],
      rows,
    }],
    charts: [],
  };
}
