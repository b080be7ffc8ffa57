/**
 * Cuts links between nodes, and between nodes and clients.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import { drawBlockMode, type NemesisContext, type Recovery } from "./nemesis_context.ts";

/** Cuts some links for a while. */
export function inflictPartition(context: NemesisContext, recovery: Recovery): void {
  const { plan, cluster, random } = context;
  switch (random.pick(plan.faults.partitionKinds)) {
    case "isolate":
      return isolate(context, recovery, random.pick(cluster.ids));
    case "isolateLeader":
      return isolate(context, recovery, cluster.leader() ?? random.pick(cluster.ids));
    case "groups":
      return split(context, recovery);
    case "oneWay":
      return cutOneWay(context, recovery);
    case "partial":
      return cutPartially(context, recovery);
  }
}

function isolate(context: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { simulation, counters, random } = context;
  counters.add("node cut off");
  if (random.chance(0.6)) isolateFromPeers(context, recovery, id);
  else {
    simulation.network.disconnect(id, drawBlockMode(random));
    recovery.later(200, 15_000, () => simulation.network.reconnect(id));
  }
}

/**
 * Clients still reach the node. It does not hear the others, or they do not hear it, or both; or it hears only what they said
 * up to an election timeout ago.
 */
function isolateFromPeers(
  { simulation, plan, cluster, readers, counters, random }: NemesisContext,
  recovery: Recovery,
  id: NodeId,
): void {
  const { network } = simulation;
  const timeoutMs = electionTimeoutMs(plan.timing);
  const mode = drawBlockMode(random);
  const way = random.pick(["deaf", "mute", "both", "both", "late"] as const);
  const others = cluster.ids.filter((other) => other !== id);
  const cut: [NodeId, NodeId][] = [
    ...(way === "mute" || way === "late" ? [] : others.map((other): [NodeId, NodeId] => [other, id])),
    ...(way === "deaf" ? [] : others.map((other): [NodeId, NodeId] => [id, other])),
  ];
  if (way === "late") {
    for (const other of others) network.setLinkLatency(other, id, { minMs: timeoutMs / 4, maxMs: timeoutMs });
  }
  const block = (): void => {
    for (const [from, to] of cut) network.block(from, to, mode);
  };
  // Late answers are on their way by the time in which no more questions leave.
  if (way === "late") recovery.later(0, timeoutMs / 2, block);
  else block();
  counters.add("node cut off from its peers alone");
  readers.doubt(id);
  recovery.later(timeoutMs / 2, random.chance(0.8) ? 5 * timeoutMs : 15_000, () => {
    for (const [from, to] of cut) network.unblock(from, to);
    for (const other of others) network.setLinkLatency(other, id, null);
  });
}

function split({ simulation, cluster, counters, random }: NemesisContext, recovery: Recovery): void {
  const shuffled = random.shuffle(cluster.ids);
  const cut = 1 + random.integer(shuffled.length - 1);
  simulation.network.partition([shuffled.slice(0, cut), shuffled.slice(cut)], drawBlockMode(random));
  counters.add("partition into groups");
  recovery.later(200, 15_000, () => simulation.network.partition([]));
}

function cutOneWay({ simulation, cluster, workload, counters, random }: NemesisContext, recovery: Recovery): void {
  const from = random.pick(cluster.ids);
  const to = random.pick(random.chance(0.2) ? workload.clients : cluster.ids);
  simulation.network.block(from, to, drawBlockMode(random));
  counters.add("link cut one way");
  recovery.later(200, 15_000, () => simulation.network.unblock(from, to));
}

/** Each link goes with the same chance, in both directions: any graph may come of it. */
function cutPartially({ simulation, cluster, counters, random }: NemesisContext, recovery: Recovery): void {
  const mode = drawBlockMode(random);
  const share = random.next();
  const cut: [NodeId, NodeId][] = [];
  cluster.ids.forEach((from, position) => {
    for (const to of cluster.ids.slice(position + 1)) {
      if (random.chance(share)) cut.push([from, to], [to, from]);
    }
  });
  for (const [from, to] of cut) simulation.network.block(from, to, mode);
  counters.add("links cut partially");
  recovery.later(200, 15_000, () => {
    // One by one, in any order: links flap back rather than all at once.
    for (const [from, to] of random.shuffle(cut)) simulation.network.unblock(from, to);
  });
}
