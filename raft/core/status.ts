/**
 * What a node shows of itself.
 *
 * @module
 */
import type { ProgressState } from "./progress.ts";
import type { RaftState } from "./state.ts";
import type { Configuration, EntryId, LogIndex, NodeId, Role, SnapshotMeta, Term } from "./types.ts";

/** A leader's view of one follower. */
export interface ProgressStatus {
  /** The follower. */
  readonly id: NodeId;
  /** How it is sent to. */
  readonly state: ProgressState;
  /** Highest index known to be replicated there. */
  readonly matchIndex: LogIndex;
  /** Next index to send. */
  readonly nextIndex: LogIndex;
  /** Whether it was heard from since the last CheckQuorum. */
  readonly recentActive: boolean;
}

/** A copy of a node's state. */
export interface RaftStatus {
  /** This node. */
  readonly id: NodeId;
  /** Its role. */
  readonly role: Role;
  /** Latest term seen. */
  readonly currentTerm: Term;
  /** Its vote in that term. */
  readonly votedFor: NodeId | null;
  /** The leader of that term, as far as known. */
  readonly leader: NodeId | null;
  /** Highest index known to be committed. */
  readonly commitIndex: LogIndex;
  /** Highest index applied. */
  readonly lastApplied: LogIndex;
  /** Highest index durable here. */
  readonly persistedIndex: LogIndex;
  /** First index still in the log. */
  readonly firstIndex: LogIndex;
  /** Last entry of the log. */
  readonly last: EntryId;
  /** The newest snapshot. */
  readonly snapshot: SnapshotMeta;
  /** The active configuration. */
  readonly configuration: Configuration;
  /** Bytes of commands proposed and not committed; 0 unless leader. */
  readonly uncommittedBytes: number;
  /** The successor while leadership is being handed over. */
  readonly transferTarget: NodeId | null;
  /** One per follower; empty unless leader. */
  readonly progress: readonly ProgressStatus[];
}

/** Copies what is worth showing. */
export function statusOf(state: RaftState): RaftStatus {
  const { log, leadership } = state;
  return {
    id: state.config.id,
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leader: state.leader,
    commitIndex: log.commitIndex,
    lastApplied: log.lastApplied,
    persistedIndex: log.persistedIndex,
    firstIndex: log.firstIndex,
    last: { index: log.last.index, term: log.last.term },
    snapshot: log.snapshot,
    configuration: log.configuration,
    uncommittedBytes: leadership?.uncommittedBytes ?? 0,
    transferTarget: leadership?.transfer?.to ?? null,
    progress: [...(leadership?.progress.values() ?? [])].map((progress) => ({
      id: progress.id,
      state: progress.state,
      matchIndex: progress.matchIndex,
      nextIndex: progress.nextIndex,
      recentActive: progress.recentActive,
    })),
  };
}
