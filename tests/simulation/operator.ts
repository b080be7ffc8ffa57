/**
 * What an operator does to a living cluster: hands leadership over, changes who is a member.
 *
 * @module
 */
import { hasQuorum } from "../../raft/core/quorum.ts";
import { type Configuration, nameOf, type NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { NemesisContext, Recovery } from "./nemesis_context.ts";

/** Asks the leader to hand over to some node, which may be any. */
export function transferLeadership({ cluster, random }: Pick<NemesisContext, "cluster" | "random">): void {
  const leader = cluster.leader();
  if (leader !== undefined) cluster.server(leader)?.replica.node.transferLeadership(random.pick(cluster.ids));
}

/**
 * Asks the leader for another set of members; nodes that are left out keep running. Changes are most dangerous when they fail
 * half-way: at times the leader is cut off in that very moment, or asked for the next change shortly afterwards.
 */
export function changeMembers(context: NemesisContext, recovery: Recovery): void {
  const { random } = context;
  const leader = askForMembers(context);
  if (leader === undefined) return;
  if (random.chance(0.4)) cutOffLeader(context, recovery, leader);
  else if (random.chance(0.3)) recovery.later(5, 500, () => askForMembers(context));
}

/** Returns who was asked. */
function askForMembers({ cluster, monitor, random }: NemesisContext): NodeId | undefined {
  const leader = cluster.leader();
  const log = leader === undefined ? undefined : monitor.viewOf(leader)?.state.log;
  if (leader === undefined || log === undefined) return undefined;
  const share = random.pick([0.5, 0.8, 1]);
  const ids = cluster.ids.map((name) => monitor.identityOf(name));
  const others = ids.filter((id) => !log.configuration.voters.includes(id));
  // Now and then nobody stays.
  const voters = random.chance(0.2) && others.length > 0 ? others : ids.filter(() => random.chance(share));
  if (voters.length === 0) return undefined;
  const learners = ids.filter((id) => !voters.includes(id) && random.chance(0.5));
  cluster.server(leader)?.replica.node.changeConfiguration({ voters, learners }, () => {});
  return leader;
}

/**
 * Splits the cluster so that the leader has no quorum, and has it asked again and again for a configuration in which its side
 * would be one. Whoever lets the second change begin before the first is committed has two clusters then.
 */
export function changeMembersInMinority(context: NemesisContext, recovery: Recovery): void {
  const { simulation, plan, cluster, monitor, counters, random } = context;
  const leader = cluster.leader();
  const log = leader === undefined ? undefined : monitor.viewOf(leader)?.state.log;
  const voters = log?.configuration.voters.map(nameOf) ?? [];
  if (leader === undefined || voters.length < 2 || !voters.includes(leader)) return;
  const side = [leader];
  for (const id of random.shuffle(cluster.ids)) {
    const isQuorum = 2 * voters.filter((voter) => voter === id || side.includes(voter)).length >= voters.length;
    if (id !== leader && !isQuorum && random.chance(0.5)) side.push(id);
  }
  const members = side.map((name) => monitor.identityOf(name));
  simulation.network.partition([side, cluster.ids.filter((id) => !side.includes(id))]);
  counters.add("change of members by a minority");
  const ask = (): void => {
    cluster.server(leader)?.replica.node.changeConfiguration({ voters: members, learners: [] }, () => {});
  };
  const timeoutMs = electionTimeoutMs(plan.timing);
  ask();
  for (let times = 0; times < 3; times++) recovery.later(1, timeoutMs / 2, ask);
  recovery.later(3 * timeoutMs, 10 * timeoutMs, () => simulation.network.partition([]));
}

/** Nobody hears the leader for the next few elections, or one node alone. */
function cutOffLeader(
  { simulation, plan, cluster, counters, random }: NemesisContext,
  recovery: Recovery,
  id: NodeId,
): void {
  const others = random.shuffle(cluster.ids.filter((other) => other !== id));
  const deaf = random.chance(0.5) ? others : others.slice(1);
  for (const other of deaf) simulation.network.block(id, other);
  counters.add("leader cut off in a change of members");
  const timeoutMs = electionTimeoutMs(plan.timing);
  recovery.later(2 * timeoutMs, 8 * timeoutMs, () => {
    for (const other of deaf) simulation.network.unblock(id, other);
  });
}

/**
 * Some nodes without which every configuration that any node still believes in has a quorum: a minority that may stay down.
 * Identities that were given up are down for ever.
 */
export function drawMinority(
  ids: readonly string[],
  configurations: readonly Configuration[],
  identityOf: (name: string) => NodeId,
  pick: (names: readonly string[]) => string[],
): Set<string> {
  const down = new Set<string>();
  const isUp = (member: NodeId): boolean => !down.has(nameOf(member)) && identityOf(nameOf(member)) === member;
  for (const id of pick(ids)) {
    down.add(id);
    const isEnough = configurations.every((one) => hasQuorum(one, isUp));
    if (!isEnough) down.delete(id);
  }
  return down;
}
