/**
 * Leaders that are deposed or succeeded in unusual ways.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { StepListener } from "./monitor.ts";
import type { NemesisContext, Recovery } from "./nemesis_context.ts";

/**
 * The leader hands over, and in the moment in which it has said so whatever it is told begins to be late: it goes on leading,
 * as it believes, for an election timeout or two beside its successor, and hears what its followers said before.
 */
export function deposeUnawares(context: NemesisContext, recovery: Recovery): void {
  const { simulation, plan, cluster, monitor, readers, counters, random } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = cluster.ids.filter((id) => id !== leader);
  const successors = others.filter((id) => cluster.process(id).state === "running");
  if (successors.length === 0) return;
  const timeoutMs = electionTimeoutMs(plan.timing);
  const minMs = timeoutMs * random.between(0.3, 1.5);
  const late = { minMs, maxMs: minMs + timeoutMs * random.next() };
  const listener: StepListener = ({ name, state }) => {
    if (name !== leader || state.leadership?.transfer?.timeoutNowSent !== true) return;
    monitor.stepListener = null;
    for (const other of others) simulation.network.setLinkLatency(other, leader, late);
    counters.add("leader deposed behind its back");
    readers.doubt(leader);
    recovery.later(2 * timeoutMs, 4 * timeoutMs, () => {
      for (const other of others) simulation.network.setLinkLatency(other, leader, null);
    });
  };
  monitor.stepListener = listener;
  cluster.server(leader)?.replica.node.transferLeadership(random.pick(successors));
  recovery.later(timeoutMs, timeoutMs, () => forget(context, listener));
}

/**
 * The leader is cut off with whatever it was just given. Whoever then campaigns falls silent in that moment, and speaks again a
 * little later, to no avail: terms grow, and no log does.
 */
export function spoilElections(context: NemesisContext, recovery: Recovery): void {
  const { simulation: { network }, plan, cluster, monitor, counters } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = cluster.ids.filter((id) => id !== leader);
  const timeoutMs = electionTimeoutMs(plan.timing);
  const setCut = (from: NodeId, to: NodeId, isCut: boolean): void =>
    isCut ? network.block(from, to) : network.unblock(from, to);
  const setLeaderCut = (isCut: boolean): void => {
    for (const other of others) {
      setCut(leader, other, isCut);
      setCut(other, leader, isCut);
    }
  };
  const silence = (id: NodeId): void => {
    const audience = others.filter((other) => other !== id);
    for (const other of audience) setCut(id, other, true);
    recovery.later(timeoutMs / 4, 2 * timeoutMs, () => {
      for (const other of audience) setCut(id, other, false);
    });
  };
  const listener: StepListener = ({ name, state, before }) => {
    if (name === leader || state.role !== "candidate" || before.role === "candidate") return;
    counters.add("election spoilt");
    silence(name);
  };
  monitor.stepListener = listener;
  setLeaderCut(true);
  recovery.later(8 * timeoutMs, 60 * timeoutMs, () => {
    forget(context, listener);
    setLeaderCut(false);
  });
}

function forget({ monitor }: NemesisContext, listener: StepListener): void {
  if (monitor.stepListener === listener) monitor.stepListener = null;
}
