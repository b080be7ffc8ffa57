/**
 * What the core needs to know about its node and its limits. Time is counted in ticks of the driver's clock.
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import type { NodeId } from "./types.ts";

/** Settings of one {@link Raft}. */
export interface RaftConfig {
  /** This node's name. */
  readonly id: NodeId;
  /**
   * Ticks without word from a leader before a follower campaigns; the actual timeout is drawn anew each time from
   * [electionTimeoutTicks, 2 * electionTimeoutTicks) (paper section 5.2). > 2 * heartbeatTicks.
   */
  readonly electionTimeoutTicks: number;
  /** Milliseconds of a tick; reads by lease need it, nothing else does. > 0. */
  readonly tickMs: number;
  /**
   * How many times as fast as the clock of one member that of another may run: a bound on the ratio of what they measure
   * between any two moments; >= 1, without a unit. Reads by lease are linearizable as long as, for any two members,
   *
   *     leaseDurationMs <= (electionTimeoutTicks - tickSlack) * tickMs / clockDriftBound
   *
   * and their clocks keep to the bound: on the left what the leader waits at most, by its clock; on the right, by the
   * leader's clock still, what a follower waits at least before it votes for anybody else. All members must have the same
   * electionTimeoutTicks and tickMs for that. Nothing else depends on it; see `lease.ts`.
   */
  readonly clockDriftBound: number;
  /** Ticks between heartbeats of a leader; >= 1. */
  readonly heartbeatTicks: number;
  /** Bytes of commands in one AppendEntries, exceeded only by a single larger command; >= 1. */
  readonly maxAppendBytes: number;
  /** Entries in one AppendEntries; >= 1. */
  readonly maxAppendEntries: number;
  /** AppendEntries with entries that may be under way to one follower unacknowledged; >= 1. */
  readonly maxInflightAppends: number;
  /** Bytes of uncommitted commands a leader holds before it refuses proposals as overloaded; >= maxAppendBytes. */
  readonly maxUncommittedBytes: number;
  /** Bytes of commands in one Ready's committedEntries, exceeded only by a single larger command; >= 1. */
  readonly maxApplyBytes: number;
  /** Bytes of entries kept in memory behind a snapshot, for followers that are a little late; >= 0. */
  readonly maxRetainedBytes: number;
  /** Injected randomness for election timeouts: uniform in [0, 1). */
  readonly random: () => number;
}

/** Fails on settings under which Raft could not make progress. */
export function validateConfig(config: RaftConfig): void {
  invariant(config.id.length > 0, "RaftConfig.id must not be empty");
  invariant(config.heartbeatTicks >= 1, `heartbeatTicks must be at least 1: it is ${config.heartbeatTicks}`);
  invariant(
    config.electionTimeoutTicks > 2 * config.heartbeatTicks,
    `electionTimeoutTicks must exceed 2 * heartbeatTicks: ${config.electionTimeoutTicks} <= 2 * ${config.heartbeatTicks}`,
  );
  invariant(config.tickMs > 0 && config.tickMs < Infinity, `tickMs must be positive: it is ${config.tickMs}`);
  invariant(
    config.clockDriftBound >= 1 && config.clockDriftBound < Infinity,
    `clockDriftBound must be at least 1: it is ${config.clockDriftBound}`,
  );
  invariant(config.maxAppendBytes >= 1, "maxAppendBytes must be at least 1");
  invariant(config.maxAppendEntries >= 1, "maxAppendEntries must be at least 1");
  invariant(config.maxInflightAppends >= 1, "maxInflightAppends must be at least 1");
  invariant(config.maxApplyBytes >= 1, "maxApplyBytes must be at least 1");
  invariant(
    config.maxUncommittedBytes >= config.maxAppendBytes,
    "maxUncommittedBytes must be at least maxAppendBytes",
  );
}
