/**
 * What makes a state so large that its snapshots travel in several chunks, without making anything else slow: a few large values
 * that are written in the beginning and never again.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import type { Simulation } from "../../raft/testing/mod.ts";
import type { SimulatedCluster } from "./cluster.ts";
import type { Workload } from "./workload.ts";

/** Bytes of one value, less than the most that a value may have. */
const valueBytes = 400_000;

/** What it takes. */
export interface BallastContext {
  /** The world. */
  readonly simulation: Simulation;
  /** Where to write. */
  readonly cluster: SimulatedCluster;
  /** Keeps the account. */
  readonly workload: Workload;
}

/** Writes so many bytes; to be called before anything goes wrong. */
export async function loadBallast(
  { simulation, cluster, workload }: BallastContext,
  bytes: number,
): Promise<void> {
  if (bytes === 0) return;
  const process = simulation.process("loader");
  const { network, clock, random } = process.start();
  const clerk = new Clerk(cluster.addresses, { network, clock, random });
  for (let left = bytes, number = 1; left > 0; left -= valueBytes, number++) {
    await workload.write(clerk, "put", `ballast-${number}`, Math.floor(Math.min(left, valueBytes)));
  }
  process.kill();
}
