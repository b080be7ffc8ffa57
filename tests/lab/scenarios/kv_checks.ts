/**
 * Limits of the key/value suites.
 *
 * @module
 */
import type { KvCluster } from "../harness/kv_cluster.ts";
import { demand } from "../harness/world.ts";

/** A third of a heartbeat: what one call may take on average, in milliseconds. */
const mostMsPerCall = 100 / 3;

/** Fails when calls made one after another took too long. */
export function checkSpeed(tookMs: number, calls: number): void {
  const meanMs = tookMs / calls;
  demand(meanMs <= mostMsPerCall, `a call took ${meanMs.toFixed(1)} ms, more than ${mostMsPerCall.toFixed(1)} ms`);
}

/** Fails when the snapshot of one short key and one client is large: what tells repeated calls apart must be small. */
export function checkSnapshotSize(cluster: KvCluster): void {
  const bytes = Math.max(...cluster.lives.map((life) => life.snapshotBytes));
  demand(bytes > 0 && bytes <= 500, `the snapshot has ${bytes} bytes; it should have 1 to 500`);
}
