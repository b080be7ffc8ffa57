/**
 * The end of a run: faults are taken back, and the cluster must come round. Within ten election timeouts a quorum serves
 * writes again, though a minority may still be down; leaders stay, also while some links stay cut; later all replicas are
 * equal, and hold what was acknowledged; and a replica that is then made to differ is found out.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import type { Configuration, NodeId } from "../../raft/core/types.ts";
import { checkDivergence } from "./divergence.ts";
import { describe, type HealingContext, probe, settlesWithin } from "./healing_context.ts";
import { maxStallMs } from "./nemesis_context.ts";
import { drawMinority } from "./operator.ts";
import { checkLastingDamage, checkStability } from "./stability.ts";
import { Violation } from "./violation.ts";

/** Replicas must be equal after so much more time, in milliseconds. */
const convergenceMs = 30_000;

/** How long the final reads may take, in milliseconds. */
const finalReadsMs = 60_000;

/** How it went. */
export interface Healing {
  /** Time from the heal to the first write, in election timeouts. */
  readonly recoveryTimeouts: number;
}

/** Heals and checks; rejects with a {@link Violation} when something does not hold. */
export async function healAndCheck(context: HealingContext): Promise<Healing> {
  const { simulation, workload, nemesis } = context;
  const recoveryTimeouts = await comeRound(context);
  await checkStability(context);
  await simulation.sleep(1_000);
  workload.stop();
  context.features.stop();
  nemesis.heal(new Set());
  await bringAllIn(context);
  await checkLastingDamage(context);
  await converge(context);
  await checkWrites(context);
  await checkDivergence(context);
  await context.features.audit();
  return { recoveryTimeouts };
}

/** Heals for a moment: a quorum must serve writes again. Then everybody is there, and the faults may go on. */
export async function truce(context: HealingContext): Promise<void> {
  await comeRound(context);
  context.nemesis.heal(new Set());
}

/** Heals, though a minority may stay down, and returns how many election timeouts the first write took. */
async function comeRound(context: HealingContext): Promise<number> {
  const { simulation, plan, cluster, nemesis, counters } = context;
  // What a disk has begun slowly it ends slowly; then it is a good disk.
  for (const id of cluster.ids) cluster.process(id).disk.profile = plan.disk;
  await simulation.sleep(maxStallMs);
  const down = drawDown(context);
  nemesis.heal(down);
  const recoveryTimeouts = await probe(context, down);
  if (down.size > 0) counters.add("write after healing with a minority down");
  return recoveryTimeouts;
}

/** In half of all cases nobody stays down. */
function drawDown({ simulation, cluster, monitor }: HealingContext): Set<NodeId> {
  const random = simulation.random.stream(`heal at ${simulation.nowMs}`);
  if (random.chance(0.5)) return new Set();
  const configurations: Configuration[] = [];
  for (const id of cluster.ids) {
    const log = monitor.viewOf(id)?.state.log;
    if (log === undefined) continue;
    // A configuration that is not committed may yet be undone.
    for (const index of [log.configurationIndex, log.commitIndex]) configurations.push(log.configurationAt(index));
  }
  return drawMinority(cluster.ids, configurations, (name) => monitor.identityOf(name), (ids) => random.shuffle(ids));
}

/** Makes everybody a voter again, so that all replicas can be compared. */
async function bringAllIn(context: HealingContext): Promise<void> {
  const { simulation, cluster, monitor } = context;
  const ids = (): NodeId[] => cluster.ids.map((name) => monitor.identityOf(name));
  const isDone = (): boolean => {
    const leader = cluster.leader();
    const log = leader === undefined ? undefined : monitor.viewOf(leader)?.state.log;
    if (log === undefined || log.configurationIndex > log.commitIndex) return false;
    const { voters, outgoing } = log.configuration;
    return voters.length === cluster.ids.length && ids().every((id) => voters.includes(id)) && outgoing.length === 0;
  };
  await waitUntil(context, convergenceMs, "all nodes to become voters", () => {
    if (isDone()) return true;
    const leader = cluster.leader();
    const server = leader === undefined ? undefined : cluster.server(leader);
    server?.replica.node.changeConfiguration({ voters: ids(), learners: [] }, () => {});
    return false;
  });
  await simulation.sleep(0);
}

async function converge(context: HealingContext): Promise<void> {
  const { cluster } = context;
  await waitUntil(context, convergenceMs, "all replicas to be equal", () => {
    const statuses = cluster.ids.map((id) => cluster.server(id)?.status());
    const [first] = statuses;
    return first !== undefined &&
      statuses.every((one) =>
        one !== undefined && one.lastApplied === first.lastApplied && one.commitIndex === one.lastApplied &&
        one.hash === first.hash
      );
  });
}

async function checkWrites(context: HealingContext): Promise<void> {
  const { simulation, cluster, workload } = context;
  const { network, clock, random } = simulation.process("auditor").start();
  const clerk = new Clerk(cluster.addresses, { network, clock, random });
  const problems: string[] = [];
  const read = async (key: string): Promise<void> => {
    // Calls that were under way when the workload was stopped may still end.
    const { ended } = workload.ledger;
    const problem = workload.ledger.problemOf(key, await workload.get(clerk, key), ended);
    if (problem !== null) problems.push(problem);
  };
  const isInTime = await settlesWithin(simulation, Promise.all(workload.ledger.keys.map(read)), finalReadsMs);
  if (!isInTime) throw new Violation("convergence", `the final reads took longer than ${finalReadsMs} ms`);
  if (problems[0] !== undefined) throw new Violation("acknowledged-writes", problems[0]);
}

async function waitUntil(
  context: HealingContext,
  limitMs: number,
  what: string,
  isReached: () => boolean,
): Promise<void> {
  const { simulation } = context;
  const deadlineMs = simulation.nowMs + limitMs;
  while (!isReached()) {
    if (simulation.nowMs >= deadlineMs) {
      throw new Violation("convergence", `waited ${limitMs} ms for ${what}: ${describe(context)}`);
    }
    await simulation.sleep(100);
  }
}
