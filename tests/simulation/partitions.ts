/**
 * Cuts links between nodes, and between nodes and clients.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
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

function isolate({ simulation, counters, random }: NemesisContext, recovery: Recovery, id: NodeId): void {
  simulation.network.disconnect(id, drawBlockMode(random));
  counters.add("node cut off");
  recovery.later(200, 15_000, () => simulation.network.reconnect(id));
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
