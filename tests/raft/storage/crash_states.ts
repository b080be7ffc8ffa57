/**
 * `deno task crash-states`: power is lost at every I/O operation of a workload, and of the recovery after it, with all,
 * none, a prefix or a random subset of unsynced writes and renames surviving: on one node's directory, and on all nodes of a
 * cluster at once. Prints the counts, and exits with 1 when anything acknowledged is missing or anything does not open.
 *
 * @module
 */
import type { ClusterCrashTally } from "../rejoin/cluster_crashes.ts";
import { runCrashStates } from "./crash_run.ts";
import { printTable } from "./print_table.ts";

/** Runs the whole-cluster part on a thread of its own. */
function crashClusters(): Promise<ClusterCrashTally[]> {
  const worker = new Worker(new URL("./crash_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<ClusterCrashTally[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage("begin");
  return promise.finally(() => worker.terminate());
}

if (import.meta.main) {
  const started = performance.now();
  const clusters = crashClusters();
  const directory = await runCrashStates({ index: 0, count: 1 }, 8);
  const together = await clusters;
  const crashes = together.reduce((sum, tally) => sum + tally.crashes, 0);
  const appends = together.reduce((sum, tally) => sum + tally.appends, 0);
  const violations = [...directory.violations, ...together.flatMap((tally) => tally.violations)];
  printTable(["crash", "points", "states", "violations"], [
    [
      "one node, at each I/O operation",
      directory.points,
      directory.states - directory.again,
      directory.violations.length,
    ],
    ["  and once more in the recovery", "", directory.again, ""],
    ["all nodes at once", "", crashes, violations.length - directory.violations.length],
    ["all", "", directory.states + crashes, violations.length],
  ]);
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  console.log(
    `${directory.states + crashes} crash states (${appends} appends acknowledged between those of all nodes) in ` +
      `${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  if (violations.length > 0) Deno.exit(1);
}
