/**
 * What all checks of a healed cluster have in common.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import type { NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { Simulation } from "../../raft/testing/mod.ts";
import type { SimulatedCluster } from "./cluster.ts";
import type { Counters } from "./counters.ts";
import type { Features } from "./features/features.ts";
import type { Monitor } from "./monitor.ts";
import type { Nemesis } from "./nemesis.ts";
import { maxRecoveryTimeouts } from "./nemesis_context.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import { Violation } from "./violation.ts";
import type { Workload } from "./workload.ts";

/** What healing works with. */
export interface HealingContext {
  /** The world. */
  readonly simulation: Simulation;
  /** The run's plan. */
  readonly plan: SwarmPlan;
  /** The nodes. */
  readonly cluster: SimulatedCluster;
  /** What is known of them. */
  readonly monitor: Monitor;
  /** The clients. */
  readonly workload: Workload;
  /** Clients of single features. */
  readonly features: Features;
  /** Takes the faults back. */
  readonly nemesis: Nemesis;
  /** Counts of rare events. */
  readonly counters: Counters;
}

/**
 * A new client writes, and must be served within {@link maxRecoveryTimeouts}; resolves to how many election timeouts it took.
 * It is not told of the nodes that are down.
 */
export async function probe(
  context: HealingContext,
  down: ReadonlySet<NodeId> = new Set(),
  since = "the heal",
): Promise<number> {
  const { simulation, plan, cluster, workload } = context;
  const timeoutMs = electionTimeoutMs(plan.timing);
  const startedMs = simulation.nowMs;
  const process = simulation.process("probe");
  process.kill();
  const { network, clock, random } = process.start();
  const addresses = cluster.addresses.filter((_, position) => !down.has(cluster.ids[position] ?? ""));
  const clerk = new Clerk(addresses, { network, clock, random, attemptTimeoutMs: timeoutMs });
  const written = workload.write(clerk, "append", "probe", 0);
  const limitMs = maxRecoveryTimeouts * timeoutMs;
  const isInTime = await settlesWithin(simulation, written, limitMs);
  if (!isInTime) {
    throw new Violation(
      "liveness",
      `no write was served within ${maxRecoveryTimeouts} election timeouts (${limitMs} ms) of ${since}; down: ` +
        `${[...down].join(", ") || "none"}; ${describe(context)}`,
    );
  }
  return (simulation.nowMs - startedMs) / timeoutMs;
}

/** Whether a promise is fulfilled in time; rejects when it does. */
export async function settlesWithin(
  simulation: Simulation,
  promise: Promise<unknown>,
  limitMs: number,
): Promise<boolean> {
  const late = Symbol("late");
  return await Promise.race([promise, simulation.sleep(limitMs).then(() => late)]) !== late;
}

/** What all nodes are doing. */
export function describe({ cluster, monitor }: HealingContext): string {
  return cluster.ids.map((id) => {
    const state = monitor.viewOf(id)?.state;
    if (state === undefined) return `${id} has never run`;
    const { log, role, currentTerm, leader } = state;
    const { voters, outgoing, learners } = log.configuration;
    const members = [voters, outgoing, learners].map((names) => names.join(",")).join("|");
    return `${id} ${cluster.process(id).state} ${role} of term ${currentTerm} (leader ${
      leader ?? "unknown"
    }), log to ` +
      `${log.last.index}, committed ${log.commitIndex}, members ${members}`;
  }).join("; ");
}
