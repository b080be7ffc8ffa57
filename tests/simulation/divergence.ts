/**
 * The end of some runs: one replica is made to differ from the others, and must be found out and stop within a thousand
 * entries, while the others go on.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import { ClerkError } from "../../kv/errors.ts";
import type { KvCommand } from "../../kv/commands.ts";
import type { KvResult, KvStateMachine } from "../../kv/state_machine.ts";
import type { LogIndex, NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { ApplyContext } from "../../raft/rsm/state_machine.ts";
import { describe, type HealingContext, probe } from "./healing_context.ts";
import { Violation } from "./violation.ts";

/** Share of the runs that end with it, of those that can. */
const divergenceShare = 0.3;

/** A replica that differs must stop before it has applied so many more entries. */
const maxEntries = 1000;

/** Entries between two looks at the values in memory, and how many keys and bytes a look takes in: `KvStateMachine.digest`. */
const look = { entries: 256, keys: 64, bytes: 64 * 1024 };

/** A replica that is cured by a snapshot of the others is spoiled anew so many times. */
const maxCures = 5;

/** The cluster has so long to get through those entries, in milliseconds. */
const limitMs = 120_000;

/** Writes that are under way at a time. */
const writers = 16;

/**
 * How the replica comes to differ: it executes what is not in the log; the same, and it saves that in a snapshot and starts
 * from it; it gives one answer of its own; one value in its memory changes.
 */
type DivergenceKind = "command" | "snapshot" | "answer" | "memory";

/** In some runs, spoils a replica and waits until it was found out. */
export async function checkDivergence(context: HealingContext): Promise<void> {
  const { simulation, plan, cluster, counters } = context;
  const random = simulation.random.stream("divergence");
  if (!random.chance(divergenceShare) || cluster.ids.length < 3) return;
  const victim = random.pick(cluster.ids);
  const kinds: DivergenceKind[] = ["command", "answer", "memory"];
  if (plan.maxRaftState > 0 && plan.maxRaftState <= 4_000) kinds.push("snapshot");
  const kind = random.pick(kinds);
  let error: Error | null = null;
  for (let attempt = 0; attempt < maxCures && error === null; attempt++) {
    error = await driveUntilStopped(context, victim, await spoil(context, victim, kind), kind);
  }
  if (error === null) return;
  const isOwnVerdict = kind === "memory" || ("verdict" in error && error.verdict === "minority");
  if (!isOwnVerdict) {
    throw new Violation("divergence", `${victim}, spoiled by ${kind}, has stopped for another reason: ${error}`);
  }
  for (const id of cluster.ids) {
    if (id === victim || cluster.server(id) !== undefined) continue;
    throw new Violation("divergence", `${id} has stopped, but ${victim} was spoiled by ${kind}: ${describe(context)}`);
  }
  await simulation.sleep(2 * electionTimeoutMs(plan.timing));
  await probe(context, new Set([victim]), `${victim} was found out`);
  counters.add("replica found to differ");
}

/** Spoils the replica; resolves to the last index that it had applied until then. */
async function spoil(context: HealingContext, victim: NodeId, kind: DivergenceKind): Promise<LogIndex> {
  const { cluster, monitor } = context;
  // A replica that has just come back by a snapshot has executed nothing: until then its machine is not known.
  const applied = (): LogIndex => cluster.server(victim)?.status().lastApplied ?? 0;
  const before = applied();
  await drive(context, "before", () => applied() > before + 2);
  const machine = monitor.machineOf(victim);
  const server = cluster.server(victim);
  if (machine === undefined || server === undefined) throw new Violation("harness", `${victim} has no machine`);
  cluster.expectStop(victim);
  const { lastApplied, term } = server.status();
  switch (kind) {
    case "command":
      monitor.disregard(machine);
      executeAlone(machine, { index: lastApplied, term, clusterTimeMs: server.replica.clusterTimeMs });
      return lastApplied;
    case "answer":
      monitor.disregard(machine);
      answerWrongOnce(machine);
      return lastApplied;
    case "memory":
      changeValue(machine);
      return lastApplied;
    case "snapshot": {
      monitor.disregard(machine);
      executeAlone(machine, { index: lastApplied, term, clusterTimeMs: server.replica.clusterTimeMs });
      const { snapshotIndex } = server.status();
      const isStopped = (): boolean => cluster.stopReason(victim) !== null;
      await drive(
        context,
        "spoiled",
        () => isStopped() || server.status().snapshotIndex > Math.max(snapshotIndex, lastApplied),
      );
      if (isStopped()) return lastApplied;
      monitor.disregardNext(victim);
      cluster.kill(victim, { kind: "process" });
      cluster.start(victim);
      await comeBack(context, victim);
      return hasStateOfLeader(context, victim) ? await spoil(context, victim, "command") : lastApplied;
    }
  }
}

/** Waits, while nobody writes, until the replica is where the leader is, or has stopped. */
async function comeBack({ simulation, cluster }: HealingContext, victim: NodeId): Promise<void> {
  const deadlineMs = simulation.nowMs + limitMs;
  const isBack = (): boolean => {
    const leader = cluster.leader();
    const applied = leader === undefined ? undefined : cluster.server(leader)?.status().lastApplied;
    return applied !== undefined && cluster.server(victim)?.status().lastApplied === applied;
  };
  while (cluster.stopReason(victim) === null && !isBack()) {
    if (simulation.nowMs > deadlineMs) throw new Violation("convergence", `${victim} was restarted and is not back`);
    await simulation.sleep(20);
  }
}

/**
 * Whether a replica that has come back has the state of the leader's again: the others were ahead when it was killed, and have
 * sent it a snapshot of theirs.
 */
function hasStateOfLeader({ cluster }: HealingContext, victim: NodeId): boolean {
  const leader = cluster.leader();
  const hash = cluster.server(victim)?.status().hash;
  return leader !== undefined && hash !== undefined && hash === cluster.server(leader)?.status().hash;
}

/** A command that no other replica executes. */
function executeAlone(machine: KvStateMachine, context: ApplyContext): void {
  const operation = { kind: "putIfVersion", key: "stray", value: "nobody wrote this", version: 0 } as const;
  machine.apply({ kind: "sessionlessWrite", operation }, context);
}

/** One write, or those of one entry, are done and said to have been refused. */
function answerWrongOnce(machine: KvStateMachine): void {
  const { apply } = machine;
  const refused: KvResult & { readonly kind: "wrongType" } = { kind: "wrongType" };
  machine.apply = (command: KvCommand, context: ApplyContext): KvResult => {
    const result = apply.call(machine, command, context);
    if (result.kind === "sessionOpened") return result;
    machine.apply = apply;
    return result.kind === "writes" ? { ...result, outcomes: result.outcomes.map(() => refused) } : refused;
  };
}

/** A character of a value changes in memory: the entry that a read returns is the one that is stored. */
function changeValue(machine: KvStateMachine): void {
  const entry = machine.query({ kind: "get", key: "probe" });
  const { value } = entry;
  if (typeof value !== "string" || value === "") throw new Violation("harness", "there is no value to change");
  Object.assign(entry, { value: String.fromCharCode(value.charCodeAt(0) ^ 1) + value.slice(1) });
}

/**
 * Writes until the replica has stopped; it must do so in time, and say why. Resolves to null if it need not: it lagged behind,
 * and a snapshot of the others has taken the place of its state.
 */
async function driveUntilStopped(
  context: HealingContext,
  victim: NodeId,
  spoiledAt: LogIndex,
  kind: DivergenceKind,
): Promise<Error | null> {
  const { cluster, monitor } = context;
  const machine = monitor.machineOf(victim);
  const restores = (): number => machine === undefined ? 0 : monitor.restoresOf(machine);
  const restoresBefore = restores();
  const isCured = (): boolean => restores() > restoresBefore;
  const { keys, storeBytes } = machine?.figures() ?? { keys: 0, storeBytes: 0 };
  // The writers' own keys come on top, and the round that is under way begins behind the key.
  const looks = Math.ceil((keys + writers) / look.keys + storeBytes / look.bytes) + 1;
  const limit = kind === "memory" ? Math.max(maxEntries, look.entries * (looks + 1)) : maxEntries;
  const appliedIndex = (): LogIndex => cluster.server(victim)?.replica.appliedIndex ?? 0;
  const isLate = (): boolean => appliedIndex() > spoiledAt + limit;
  await drive(context, "diverging", () => cluster.stopReason(victim) !== null || isCured() || isLate());
  const reason = cluster.stopReason(victim);
  if (reason !== null || isCured()) return reason;
  throw new Violation(
    "divergence",
    `${victim}, spoiled by ${kind} at index ${spoiledAt}, serves at index ${appliedIndex()}: ${describe(context)}`,
  );
}

/** Writes until `isReached`, at the latest until time is up. */
async function drive(context: HealingContext, name: string, isReached: () => boolean): Promise<void> {
  const { simulation, cluster } = context;
  const process = simulation.process(name);
  const { network, clock, random } = process.start();
  const clerk = new Clerk(cluster.addresses, { network, clock, random, timeoutMs: 5_000 });
  const deadlineMs = simulation.nowMs + limitMs;
  const write = async (place: number): Promise<void> => {
    for (let round = 0; !isReached() && simulation.nowMs < deadlineMs; round++) {
      await clerk.put(`${name}-${place}`, `${round}`).catch((error) => {
        if (!(error instanceof ClerkError)) throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, place) => write(place)));
  await clerk[Symbol.asyncDispose]();
  process.kill();
}
