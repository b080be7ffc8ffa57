/**
 * A cluster in which a quorum hears each other keeps its leader: neither a node that hears nothing, nor one that comes back,
 * nor a cut link may unseat it again and again (thesis 4.2.3, 6.2, 9.6). Safety does not depend on that, so nothing else sees
 * it missing.
 *
 * @module
 */
import { nameOf, type NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { SeededRandom } from "../../raft/testing/mod.ts";
import { describe, type HealingContext, probe } from "./healing_context.ts";
import { Violation } from "./violation.ts";

/** The cluster is looked at for so many election timeouts. */
const watchedTimeouts = 12;

/** Somebody who comes back has so many election timeouts to do harm. */
const returnTimeouts = 4;

/** How often the leader may change after the heal: something that was under way may end in an election. */
const electionsAfterHeal = 1;

/** Share of the runs in which some links stay cut for longer. */
const lastingShare = 0.6;

type Link = readonly [from: NodeId, to: NodeId];

interface Damage {
  readonly name: string;
  readonly cut: readonly Link[];
  /** How many leaders may be elected because of it. */
  readonly elections: number;
}

/** Nothing is wrong any more: the leader stays. */
export async function checkStability(context: HealingContext): Promise<void> {
  await expectElections(context, watchedTimeouts, electionsAfterHeal, "everything was healed");
}

/**
 * Few links are cut that nobody needs, in a cluster that rests otherwise; clients reach all nodes. A quorum keeps its leader,
 * or finds another one and keeps that, and serves writes; and it does not notice when the links are back.
 */
export async function checkLastingDamage(context: HealingContext): Promise<void> {
  const { simulation, nemesis, counters } = context;
  const random = simulation.random.stream("lasting damage");
  if (!random.chance(lastingShare)) return;
  await simulation.sleep(1_000);
  const drawn = drawDamage(context, random);
  if (drawn === null) return;
  const { name, cut, elections } = drawn;
  for (const [from, to] of cut) simulation.network.block(from, to);
  counters.add("links cut in peace");
  await expectElections(context, watchedTimeouts, elections, name);
  await probe(context, new Set(), name);
  await simulation.sleep(electionTimeoutMs(context.plan.timing));
  nemesis.heal(new Set());
  await expectElections(context, returnTimeouts, 0, `links were back after ${name}`);
}

function damage(name: string, cut: readonly Link[], elections = 0): Damage {
  return { name, cut, elections };
}

/** Null when the cluster is not one of three voters or more who agree who they are, and whom they follow. */
function drawDamage({ cluster, monitor }: HealingContext, random: SeededRandom): Damage | null {
  const leader = cluster.leader();
  const log = leader === undefined ? undefined : monitor.viewOf(leader)?.state.log;
  if (leader === undefined || log === undefined || log.configurationIndex > log.commitIndex) return null;
  const { outgoing } = log.configuration;
  const voters = log.configuration.voters.map(nameOf);
  if (voters.length < 3 || outgoing.length > 0 || !voters.includes(leader)) return null;
  const follower = random.pick(voters.filter((id) => id !== leader));
  const into = (node: NodeId): Link[] => cluster.ids.filter((id) => id !== node).map((id) => [id, node]);
  switch (random.pick(["link", "link", "deaf leader", "deaf leader", "deaf follower", "away"] as const)) {
    case "link":
      return damage(`${leader} and ${follower} lost each other`, [[leader, follower], [follower, leader]]);
    case "deaf leader":
      return damage(`leader ${leader} went deaf`, into(leader), 1);
    case "deaf follower":
      return damage(`follower ${follower} went deaf`, into(follower));
    case "away":
      return damage(
        `follower ${follower} was cut off`,
        into(follower).flatMap(([from, to]): Link[] => [[from, to], [to, from]]),
      );
  }
}

async function expectElections(
  context: HealingContext,
  timeouts: number,
  most: number,
  since: string,
): Promise<void> {
  const { simulation, plan, counters } = context;
  const before = counters.of("leader elected");
  await simulation.sleep(timeouts * electionTimeoutMs(plan.timing));
  const elections = counters.of("leader elected") - before;
  if (elections <= most) return;
  throw new Violation(
    "liveness",
    `${elections} leaders were elected within ${timeouts} election timeouts after ${since}, ${most} at most are right; ` +
      describe(context),
  );
}
