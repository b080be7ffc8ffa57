/**
 * Cuts links between nodes, and between nodes and clients.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { drawBlockMode, type Nemesis, type NemesisContext } from "./nemesis.ts";

/** Cuts some links for a while. */
export function inflictPartition(context: NemesisContext, nemesis: Nemesis): void {
  const { plan, cluster, random } = context;
  switch (random.pick(plan.faults.partitionKinds)) {
    case "isolate":
      return isolate(context, nemesis, random.pick(cluster.ids));
    case "isolateLeader":
      return isolate(context, nemesis, cluster.leader() ?? random.pick(cluster.ids));
    case "groups":
      return split(context, nemesis);
    case "oneWay":
      return cutOneWay(context, nemesis);
    case "partial":
      return cutPartially(context, nemesis);
  }
}

function isolate({ simulation, counters, random }: NemesisContext, nemesis: Nemesis, id: NodeId): void {
  simulation.network.disconnect(id, drawBlockMode(random));
  counters.add("node cut off");
  nemesis.later(200, 15_000, () => simulation.network.reconnect(id));
}

function split({ simulation, cluster, counters, random }: NemesisContext, nemesis: Nemesis): void {
  const shuffled = random.shuffle(cluster.ids);
  const cut = 1 + random.integer(shuffled.length - 1);
  simulation.network.partition([shuffled.slice(0, cut), shuffled.slice(cut)], drawBlockMode(random));
  counters.add("partition into groups");
  nemesis.later(200, 15_000, () => simulation.network.partition([]));
}

function cutOneWay({ simulation, cluster, workload, counters, random }: NemesisContext, nemesis: Nemesis): void {
  const from = random.pick(cluster.ids);
  const to = random.pick(random.chance(0.2) ? workload.clients : cluster.ids);
  simulation.network.block(from, to, drawBlockMode(random));
  counters.add("link cut one way");
  nemesis.later(200, 15_000, () => simulation.network.unblock(from, to));
}

/** Each link goes with the same chance, in both directions: any graph may come of it. */
function cutPartially({ simulation, cluster, counters, random }: NemesisContext, nemesis: Nemesis): void {
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
  nemesis.later(200, 15_000, () => {
    // One by one, in any order: links flap back rather than all at once.
    for (const [from, to] of random.shuffle(cut)) simulation.network.unblock(from, to);
  });
}
