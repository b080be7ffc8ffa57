/**
 * What happened in a run, counted: each fault that was injected, and each rare event without which a run proves little. The
 * lists below are the contract: a counter that stays at zero fails a swarm.
 *
 * @module
 */

/** Faults, and how each is called in reports. */
export const faultNames = [
  "frames lost",
  "frames delayed",
  "frames repeated",
  "frames damaged",
  "connections cut within a frame",
  "frames blocked by a partition",
  "connections reset",
  "node cut off",
  "node cut off from its peers alone",
  "partition into groups",
  "link cut one way",
  "links cut partially",
  "links cut in peace",
  "node kept away for long",
  "leader cut off in a change of members",
  "change of members by a minority",
  "leader deposed behind its back",
  "successor told late",
  "election spoilt",
  "all who hear the leader restarted",
  "leader heard by nobody",
  "snapshot of another history",
  "process killed",
  "power lost",
  "whole cluster without power",
  "crash at an I/O",
  "crash, and power lost on the way back",
  "crash at a new segment",
  "crash at a step of the core",
  "process paused",
  "clock at a wrong rate",
  "wall clock jump",
  "client killed",
  "disk in slow phase",
  "disk in stalling phase",
  "fsync failed",
  "write failed",
  "disk full",
  "disk without room",
] as const;

/** Rare events, and how each is called in reports. */
export const rareNames = [
  "leader elected",
  "leader crashed",
  "split vote",
  "candidate refused by pre-vote",
  "leader stepped down for lack of a quorum",
  "snapshot taken",
  "snapshot installed",
  "snapshot chunk sent again",
  "snapshot in several chunks",
  "start from a snapshot",
  "start from several segments",
  "unsynced write torn by a power cut",
  "unsynced write lost by a power cut",
  "vote lost by a crash",
  "log truncated by a conflict",
  "follower reminded of what it has",
  "configuration entry truncated",
  "entry of an earlier term committed",
  "reads refused on stepping down",
  "read answered by lease",
  "read not answered by a lease that is over",
  "repeated write answered from the session table",
  "writes executed by one command",
  "session expired",
  "write of unknown outcome",
  "put of a wrong version refused",
  "sessionless put of unknown outcome",
  "transaction whose comparisons did not hold",
  "transaction refused for one of its writes",
  "lock lost by its holder",
  "lease lost by its holder",
  "lease found to be over",
  "key gone with its lease",
  "watch taken up again",
  "watch told a snapshot",
  "watch from a forgotten index",
  "write refused for its fencing token",
  "leadership transferred",
  "joint configuration committed",
  "new configuration committed",
  "snapshot taken in a joint configuration",
  "leader left the configuration",
  "node stopped by a failing disk",
  "restart of the whole cluster",
  "write after healing with a minority down",
  "replica found to differ",
] as const;

/** The name of a fault. */
export type FaultName = typeof faultNames[number];
/** The name of a rare event. */
export type RareName = typeof rareNames[number];
/** Any counter's name. */
export type CounterName = FaultName | RareName;

/** Counts by name; every name is there from the beginning. */
export class Counters {
  readonly #counts: Map<CounterName, number> = new Map(
    [...faultNames, ...rareNames].map((name) => [name, 0]),
  );

  /** Counts an event, or several. */
  add(name: CounterName, times = 1): void {
    this.#counts.set(name, this.of(name) + times);
  }

  /** How often it was counted. */
  of(name: CounterName): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Adds the counts of another run; unknown names are refused. */
  addAll(counts: Readonly<Record<string, number>>): void {
    for (const name of this.#counts.keys()) this.add(name, counts[name] ?? 0);
  }

  /** The counts as a plain object, in the order of the lists. */
  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
