/**
 * What an operator does to a living cluster: hands leadership over, changes who is a member.
 *
 * @module
 */
import { hasQuorum } from "../../raft/core/quorum.ts";
import type { Configuration, NodeId } from "../../raft/core/types.ts";
import type { NemesisContext } from "./nemesis_context.ts";

/** Asks the leader to hand over to some node, which may be any. */
export function transferLeadership({ cluster, random }: Pick<NemesisContext, "cluster" | "random">): void {
  const leader = cluster.leader();
  if (leader !== undefined) cluster.server(leader)?.replica.node.transferLeadership(random.pick(cluster.ids));
}

/** Asks the leader for another set of members; nodes that are left out keep running. */
export function changeMembers({ cluster, random }: Pick<NemesisContext, "cluster" | "random">): void {
  const leader = cluster.leader();
  if (leader === undefined) return;
  const share = random.pick([0.5, 0.8, 1]);
  const voters = cluster.ids.filter(() => random.chance(share));
  if (voters.length === 0) return;
  const learners = cluster.ids.filter((id) => !voters.includes(id) && random.chance(0.5));
  cluster.server(leader)?.replica.node.changeConfiguration({ voters, learners }, () => {});
}

/**
 * Some nodes without which every configuration that any node still believes in has a quorum: a minority that may stay down.
 */
export function drawMinority(
  ids: readonly NodeId[],
  configurations: readonly Configuration[],
  pick: (members: readonly NodeId[]) => NodeId[],
): Set<NodeId> {
  const down = new Set<NodeId>();
  for (const id of pick(ids)) {
    down.add(id);
    const isEnough = configurations.every((one) => hasQuorum(one, (member) => !down.has(member)));
    if (!isEnough) down.delete(id);
  }
  return down;
}
