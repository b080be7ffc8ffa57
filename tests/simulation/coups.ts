/**
 * Leaders that are deposed or succeeded in unusual ways.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { DiskProfile } from "../../raft/testing/mod.ts";
import type { StepListener } from "./monitor.ts";
import type { NemesisContext, Recovery } from "./nemesis_context.ts";

/**
 * The leader hands over, and in the moment in which it has said so whatever it is told begins to be late: it goes on leading,
 * as it believes, for an election timeout or two beside its successor, and hears what its followers said before. At times it
 * is the successor who is told late, when the leader has given up and goes on leading indeed; it hears of that as late.
 */
export function deposeUnawares(context: NemesisContext, recovery: Recovery): void {
  const { simulation, plan, cluster, monitor, readers, counters, random } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = cluster.ids.filter((id) => id !== leader);
  const successors = others.filter((id) => cluster.process(id).state === "running");
  if (successors.length === 0) return;
  const timeoutMs = electionTimeoutMs(plan.timing);
  const successor = random.pick(successors);
  const isToldLate = random.chance(0.3);
  const minMs = timeoutMs * (isToldLate ? random.between(1.1, 1.6) : random.between(0.3, 1.5));
  const late = { minMs, maxMs: isToldLate ? minMs : minMs + timeoutMs * random.next() };
  const links: readonly (readonly [from: NodeId, to: NodeId])[] = isToldLate
    ? [[leader, successor], [successor, leader]]
    : others.map((other) => [other, leader]);
  const listener: StepListener = ({ name, state }) => {
    if (name !== leader || state.leadership?.transfer?.timeoutNowSent !== true) return;
    monitor.stepListener = null;
    for (const [from, to] of links) simulation.network.setLinkLatency(from, to, late);
    counters.add(isToldLate ? "successor told late" : "leader deposed behind its back");
    readers.doubt(leader);
    recovery.later(2 * timeoutMs, 4 * timeoutMs, () => {
      for (const [from, to] of links) simulation.network.setLinkLatency(from, to, null);
    });
  };
  monitor.stepListener = listener;
  cluster.server(leader)?.replica.node.transferLeadership(successor);
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
  const setLeaderCut = (isCut: boolean): void => setCutOff(context, leader, others, isCut);
  const silence = (id: NodeId): void => {
    const audience = others.filter((other) => other !== id);
    for (const other of audience) network.block(id, other);
    recovery.later(timeoutMs / 4, 2 * timeoutMs, () => {
      for (const other of audience) network.unblock(id, other);
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

/**
 * Nobody hears the leader any more, while what its followers said before is late on its way to it: it goes on hearing from all
 * of them, and on committing what they have, when they have elected another one. That one has disks around it that stall.
 */
export function muteLeader(context: NemesisContext, recovery: Recovery): void {
  const { simulation: { network }, plan, cluster, monitor, readers, counters, random } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = cluster.ids.filter((id) => id !== leader);
  const timeoutMs = electionTimeoutMs(plan.timing);
  const minMs = timeoutMs * random.between(0.8, 1.6);
  const stalling = { ...plan.disk, sync: { minMs: timeoutMs / 8, maxMs: timeoutMs / 2 } };
  const setDisks = (profile: DiskProfile): void => {
    for (const other of others) cluster.process(other).disk.profile = profile;
  };
  const listener: StepListener = ({ name, state, before }) => {
    if (name === leader || state.role !== "leader" || before.role === "leader") return;
    monitor.stepListener = null;
    setDisks(stalling);
    recovery.later(timeoutMs / 2, timeoutMs, () => setDisks(plan.disk));
  };
  for (const other of others) network.setLinkLatency(other, leader, { minMs, maxMs: 1.1 * minMs });
  recovery.later(minMs / 4, minMs, () => {
    counters.add("leader heard by nobody");
    monitor.stepListener = listener;
    for (const other of others) network.block(leader, other);
    readers.doubt(leader);
    recovery.later(2 * timeoutMs, 4 * timeoutMs, () => {
      forget(context, listener);
      for (const other of others) {
        network.unblock(leader, other);
        network.setLinkLatency(other, leader, null);
      }
    });
  });
}

/**
 * The leader is cut off from the others while clients go on writing to it. It comes back in the moment in which somebody else
 * leads whose snapshot ends in the middle of what it has got since: an entry of that index it has, but of another history.
 */
export function leaveStaleTail(context: NemesisContext, recovery: Recovery): void {
  const { plan, cluster, monitor, counters } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = cluster.ids.filter((id) => id !== leader);
  const timeoutMs = electionTimeoutMs(plan.timing);
  const setLeaderCut = (isCut: boolean): void => setCutOff(context, leader, others, isCut);
  const listener: StepListener = ({ name, state }) => {
    const stale = monitor.viewOf(leader)?.state.log;
    const { index } = state.log.snapshot.last;
    if (name === leader || state.role !== "leader" || stale === undefined) return;
    if (index <= stale.commitIndex || index > stale.last.index) return;
    monitor.stepListener = null;
    counters.add("snapshot of another history");
    setLeaderCut(false);
  };
  monitor.stepListener = listener;
  setLeaderCut(true);
  recovery.later(4 * timeoutMs, 30 * timeoutMs, () => {
    forget(context, listener);
    setLeaderCut(false);
  });
}

/**
 * Some nodes do not hear the leader for a while, the others do: as many as it needs, or just one. When one of the former is
 * about to campaign the latter are all restarted at once, and do not hear it any more either. Whoever voted right after a
 * start would depose a leader that counts on having been heard.
 */
export function restartHearers(context: NemesisContext, recovery: Recovery): void {
  const { simulation: { network }, plan, cluster, monitor, readers, counters, random } = context;
  const leader = cluster.leader();
  if (leader === undefined) return;
  const others = random.shuffle(cluster.ids.filter((id) => id !== leader));
  const hearers = others.slice(0, random.pick([1, Math.floor(cluster.ids.length / 2)]));
  const deaf = others.slice(hearers.length);
  if (deaf.length === 0) return;
  const setCut = (ids: readonly NodeId[], isCut: boolean): void => {
    for (const id of ids) {
      if (isCut) network.block(leader, id);
      else network.unblock(leader, id);
    }
  };
  const listener: StepListener = ({ name, state }) => {
    const leftTicks = state.electionDeadlineTicks - state.electionElapsedTicks;
    if (!deaf.includes(name) || state.leadership !== null || leftTicks > 3) return;
    monitor.stepListener = null;
    counters.add("all who hear the leader restarted");
    readers.doubt(leader);
    setCut(hearers, true);
    for (const id of hearers) {
      cluster.kill(id, { kind: "process" });
      recovery.later(1, 20, () => cluster.start(id));
    }
  };
  monitor.stepListener = listener;
  setCut(deaf, true);
  const timeoutMs = electionTimeoutMs(plan.timing);
  recovery.later(4 * timeoutMs, 5 * timeoutMs, () => {
    forget(context, listener);
    setCut(others, false);
  });
}

/** Cuts a node off from others in both directions, or ends that. */
function setCutOff(
  { simulation: { network } }: NemesisContext,
  node: NodeId,
  others: readonly NodeId[],
  isCut: boolean,
): void {
  for (const other of others) {
    for (const [from, to] of [[node, other], [other, node]] as const) {
      if (isCut) network.block(from, to);
      else network.unblock(from, to);
    }
  }
}

function forget({ monitor }: NemesisContext, listener: StepListener): void {
  if (monitor.stepListener === listener) monitor.stepListener = null;
}
