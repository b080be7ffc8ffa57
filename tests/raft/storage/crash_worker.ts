/**
 * A thread of `crash_states.ts`: clusters whose nodes all lose power at once.
 *
 * @module
 */
import { type ClusterCrashTally, runClusterCrashes } from "../rejoin/cluster_crashes.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: (() => void) | null;
  postMessage(tallies: ClusterCrashTally[]): void;
}

async function crashAll(): Promise<ClusterCrashTally[]> {
  return [
    // While they start, and while their logs are put right; then while they serve; then while they take snapshots.
    await runClusterCrashes(400, { seed: 1, from: 1, step: 1, most: 400 }),
    await runClusterCrashes(400, { seed: 2, from: 100, step: 7, most: 2_800 }),
    await runClusterCrashes(400, { seed: 3, from: 300, step: 11, most: 1_200 }),
  ];
}

function serve(scope: WorkerScope): void {
  scope.onmessage = async () => scope.postMessage(await crashAll());
}

declare const self: WorkerScope;
serve(self);
