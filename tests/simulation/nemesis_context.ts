/**
 * What all faults have in common.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import type { BlockMode, CrashPolicy, SeededRandom, Simulation } from "../../raft/testing/mod.ts";
import type { SimulatedCluster } from "./cluster.ts";
import type { Counters } from "./counters.ts";
import type { Monitor } from "./monitor.ts";
import type { Readers } from "./readers.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import type { Workload } from "./workload.ts";

/** What a fault works with. */
export interface NemesisContext {
  /** The world. */
  readonly simulation: Simulation;
  /** What is to happen in it. */
  readonly plan: SwarmPlan;
  /** The victims. */
  readonly cluster: SimulatedCluster;
  /** What is known of them. */
  readonly monitor: Monitor;
  /** Their clients. */
  readonly workload: Workload;
  /** Those who look closely when a leader is in doubt. */
  readonly readers: Readers;
  /** Counts of what was done. */
  readonly counters: Counters;
  /** The nemesis's own random numbers. */
  readonly random: SeededRandom;
}

/** How faults end. */
export interface Recovery {
  /** Calls back after a while, unless everything was taken back by then. */
  later(minMs: number, maxMs: number, callback: () => void): void;
  /** Cuts a node's power, and gives it back later; what survives on its disk is drawn unless given. */
  cutPower(id: NodeId, disk?: CrashPolicy): void;
}

/** The longest that a fault of the disk slows down one fsync, in milliseconds. */
export const maxStallMs = 1_500;

/** Writes must be served again so many election timeouts after everything was taken back. */
export const maxRecoveryTimeouts = 10;

/** What may survive a power cut, in the frequency in which it is drawn. */
export const crashPolicies: readonly CrashPolicy[] = ["none", "all", "prefix", "random", "random"];

/** A way to block links. */
export function drawBlockMode(random: SeededRandom): BlockMode {
  return random.pick(["drop", "drop", "hold", "reset"]);
}
