/**
 * What a {@link RaftNode} is made of, and the defaults of its timing and limits.
 *
 * @module
 */
import type { RaftConfig } from "../core/config.ts";
import type { Entry, EntryId, LogIndex, NodeId, Term } from "../core/types.ts";
import type { Storage } from "../storage/storage.ts";
import type { Transport } from "../wire/transport.ts";
import type { Applier } from "./apply_queue.ts";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import type { NodeStatus } from "./status.ts";

/**
 * How fast a node notices and tells. All nodes of a cluster should have the same; reads by lease are linearizable only if
 * they have.
 */
export interface Timing {
  /** Milliseconds of a tick, the unit of the other two; > 0. */
  readonly tickMs: number;
  /** Ticks between heartbeats of a leader; >= 1. */
  readonly heartbeatTicks: number;
  /** Ticks without a leader before a follower campaigns, drawn from [n, 2n); > 2 * heartbeatTicks. */
  readonly electionTimeoutTicks: number;
  /**
   * How many times as fast as one node's monotonic clock another's may run; >= 1. Reads by lease count on it, and nothing
   * else does: the larger, the shorter a lease. See {@link RaftConfig.clockDriftBound}.
   */
  readonly clockDriftBound: number;
}

/**
 * Heartbeats every 50 ms, elections after 300 to 600 ms: for nodes in one data centre. Clocks are trusted not to differ by
 * more than a factor of two, which leaves a lease 112 ms.
 */
export const defaultTiming: Timing = {
  tickMs: 25,
  heartbeatTicks: 2,
  electionTimeoutTicks: 12,
  clockDriftBound: 2,
};

/** The core's limits; see {@link RaftConfig} for each. */
export type RaftLimits = Pick<
  RaftConfig,
  | "maxAppendBytes"
  | "maxAppendEntries"
  | "maxInflightAppends"
  | "maxUncommittedBytes"
  | "maxApplyBytes"
  | "maxRetainedBytes"
>;

/** Limits under which every AppendEntries fits a peer's frame (4 MiB; a single command may have 1.5 MiB). */
export const defaultLimits: RaftLimits = {
  maxAppendBytes: 1024 * 1024,
  maxAppendEntries: 4096,
  maxInflightAppends: 64,
  maxUncommittedBytes: 32 * 1024 * 1024,
  maxApplyBytes: 1024 * 1024,
  maxRetainedBytes: 0,
};

/** How much more the log may take. Without one it takes whatever comes. */
export interface LogRoom {
  /**
   * Bytes of commands that a leader may take in now, one command more than that at the most, while `unwrittenBytes` of its
   * log have not been given to a write. At 0 or below commands wait.
   */
  bytes(unwrittenBytes: number): number;
  /** A leader has taken in so many. */
  fill(bytes: number): void;
  /** Whether a follower must take no more entries for now. */
  readonly isExceeded: boolean;
}

/** Whether the node may speak under its identity. */
export interface AdmissionPort {
  /** Whether it may make promises; once true, always. */
  readonly isFounded: boolean;
  /** Resolves when it may. */
  readonly founded: Promise<void>;
  /** Resolves when it may not speak under its identity any more, and must stop. */
  readonly retired: Promise<Error>;
  /** The identity cannot be kept, since a promise of it was broken: sees to it that no later start keeps it. Returns why. */
  giveUp(reason: string): Error;
}

/** What others may be told of a running node's log. It changes as the node goes on. */
export interface LendableState {
  /** Latest term the node has seen. */
  readonly currentTerm: Term;
  /** Its log. */
  readonly log: {
    /** Index of the first entry that is still there, or would be. */
    readonly firstIndex: LogIndex;
    /** The last entry. */
    readonly last: EntryId;
    /** Term of the entry at an index; undefined when it is compacted away or not there yet. */
    termAt(index: LogIndex): Term | undefined;
    /** Entries from an index on. */
    slice(from: LogIndex, maxEntries: number, maxBytes: number): readonly Entry[];
  };
}

/** What {@link RaftNode.start} needs. */
export interface RaftNodeOptions {
  /** This node's identity. */
  readonly id: NodeId;
  /** Stable storage. Stays open when the node stops: it belongs to whoever opened it. */
  readonly storage: Storage;
  /** Messages. Started and closed by the node, for a node that has failed must fall silent. */
  readonly transport: Transport;
  /** Time. */
  readonly clock: Clock;
  /** Randomness, for election timeouts. */
  readonly random: Random;
  /** Where committed entries go. */
  readonly applier: Applier;
  /** How much more the log may take. */
  readonly logRoom?: LogRoom | undefined;
  /** How fast a node notices; {@link defaultTiming} where left out. */
  readonly timing?: Partial<Timing>;
  /** The core's limits; {@link defaultLimits} where left out. */
  readonly limits?: Partial<RaftLimits>;
  /** Whether the node may take part; it may unless given. */
  readonly admission?: AdmissionPort;
  /** Given term and log once, when the node is made, for whoever lends entries to nodes that have lost theirs. */
  readonly onState?: (state: LendableState) => void;
  /** Told what an operator may want to know; for logs. */
  readonly onProblem?: (text: string) => void;
  /** Called when the role, the term or the known leader has changed. Must not throw. */
  readonly onStatus?: (status: NodeStatus) => void;
  /** Called once when the node has stopped: with null when asked to, with the error when it failed. Must not throw. */
  readonly onStopped?: (reason: Error | null) => void;
}

/** The ports a node stands on, its name and its pace: everything but what is replicated. */
export type NodePorts = Omit<RaftNodeOptions, "applier" | "logRoom" | "onStatus" | "onStopped">;

/** Milliseconds of the shortest election timeout. */
export function electionTimeoutMs(timing: Timing): number {
  return timing.tickMs * timing.electionTimeoutTicks;
}
