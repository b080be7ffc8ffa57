/**
 * Everything one node says to another: one union, each member a row of the paper's Figure 2 or 13, or of the thesis.
 *
 * Messages are one-way. Each stands by itself: any of them may be lost, delayed, repeated or overtaken without harm, so a
 * reply carries all that is needed to use it, and none depends on what was sent on the same connection before.
 *
 * @module
 */
import type { Configuration, Entry, EntryId, LogIndex, NodeId, SnapshotMeta, Term } from "./types.ts";

/** What every message carries. */
export interface MessageHeader {
  /** The sender. */
  readonly from: NodeId;
  /** The receiver; a message for somebody else is dropped. */
  readonly to: NodeId;
  /** The sender's currentTerm; in a {@link PreVote} the term it *would* campaign in, which nobody adopts. */
  readonly term: Term;
}

/** Asks whether an election could be won, without disturbing anyone's term (thesis section 9.6). */
export interface PreVote extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "PreVote";
  /** Last entry of the candidate's log. */
  readonly lastLog: EntryId;
}

/** Answer to a {@link PreVote}; when granted its term is the one asked about, otherwise the answerer's currentTerm. */
export interface PreVoteReply extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "PreVoteReply";
  /** Whether the answerer would vote for the candidate. */
  readonly voteGranted: boolean;
}

/** RequestVote RPC of Figure 2. */
export interface RequestVote extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "RequestVote";
  /** Last entry of the candidate's log (lastLogIndex, lastLogTerm). */
  readonly lastLog: EntryId;
  /** Set when the leader asked for this election by {@link TimeoutNow}: leader stickiness then does not apply. */
  readonly leadershipTransfer: boolean;
}

/** Answer to a {@link RequestVote}. */
export interface RequestVoteReply extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "RequestVoteReply";
  /** True means the vote is on stable storage. */
  readonly voteGranted: boolean;
}

/** AppendEntries RPC of Figure 2; a heartbeat when `entries` is empty. */
export interface AppendEntries extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "AppendEntries";
  /** The entry right before the new ones (prevLogIndex, prevLogTerm). */
  readonly prevLog: EntryId;
  /** Entries with consecutive indexes from prevLog.index + 1; empty in a heartbeat. */
  readonly entries: readonly Entry[];
  /** The leader's commitIndex. */
  readonly leaderCommit: LogIndex;
  /** The leader's latest ReadIndex round (thesis section 6.4), echoed in the reply; unique within its term. */
  readonly readRound: number;
}

/** Answer to {@link AppendEntries}. */
export interface AppendEntriesReply extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "AppendEntriesReply";
  /** False when the follower's log does not contain prevLog. */
  readonly success: boolean;
  /** On success: the follower's log equals the leader's up to here, durably. On failure: the rejected prevLog.index. */
  readonly matchIndex: LogIndex;
  /**
   * On failure, where the logs may still agree: the follower's last entry whose index is at most prevLog.index and whose
   * term is at most prevLog.term (conflict back-up by term, paper section 5.3, end). Zero on success.
   */
  readonly hint: EntryId;
  /** Echo of the request's readRound. */
  readonly readRound: number;
}

/** One chunk of a snapshot (Figure 13). */
export interface InstallSnapshot extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "InstallSnapshot";
  /** What the snapshot stands for. */
  readonly snapshot: SnapshotMeta;
  /** Where in the snapshot the chunk begins, in bytes. */
  readonly offset: number;
  /** The bytes. The core passes them on and never looks. */
  readonly data: Uint8Array;
  /** CRC-32 of `data`. */
  readonly checksum: number;
  /** Set in the last chunk. */
  readonly done: boolean;
}

/** Says how much of a snapshot is on the follower; its completion is told by a successful {@link AppendEntriesReply}. */
export interface InstallSnapshotReply extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "InstallSnapshotReply";
  /** The snapshot the reply is about. */
  readonly snapshot: EntryId;
  /** Bytes received without a gap; the leader continues there. */
  readonly nextOffset: number;
}

/**
 * Tells a follower that has refused it what that follower has acknowledged. No part of the paper, which trusts in disks: one
 * that has lost an fsynced write does not know, and the leader, which counts the entry as replicated there, never sends it
 * again. The follower's own {@link AppendEntriesReply} was durable when it left, and nothing is truncated that the leader of
 * the same term was told of; so whoever has less has broken its word.
 */
export interface Reminder extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "Reminder";
  /** Highest index that the follower has acknowledged in this term. */
  readonly matchIndex: LogIndex;
}

/** The leader asks its chosen successor to campaign at once (thesis section 3.10). */
export interface TimeoutNow extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "TimeoutNow";
}

/** A follower asks the leader for an index at which it may serve a linearizable read itself (thesis section 6.4). */
export interface ReadIndex extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "ReadIndex";
  /** Chosen by the asker, never used twice by one process. */
  readonly context: number;
}

/** Answer to {@link ReadIndex}. */
export interface ReadIndexReply extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "ReadIndexReply";
  /** Echo of the request's context. */
  readonly context: number;
  /** The read is linearizable once the asker has applied this index. */
  readonly index: LogIndex;
}

/** Any message between nodes. */
export type Message =
  | PreVote
  | PreVoteReply
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | InstallSnapshot
  | InstallSnapshotReply
  | Reminder
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply;

/**
 * What a replica has come to at an index, so that replicas that have gone apart notice it. No part of Raft: drivers compare
 * digests, the core never sees them; see `node/replica_check.ts`.
 */
export interface StateDigest extends MessageHeader {
  /** Discriminates the union. */
  readonly type: "StateDigest";
  /** Which way of computing digests this is; different ones are not compared. */
  readonly version: number;
  /** Everything up to here has been applied. */
  readonly index: LogIndex;
  /** Digest of all that was applied up to `index`; an integer in [0, 2^32). */
  readonly digest: number;
  /** Whether the sender wants to hear the receiver's digest at this index. */
  readonly isQuestion: boolean;
}

/** Everything that travels between peers: the core's messages, and what drivers say to each other. */
export type PeerMessage = Message | StateDigest;

/** What can happen to a node; the only input of the core. */
export type RaftEvent =
  /** One tick of the driver's clock has passed; `nowMs` is its monotonic time, read when the tick came or before. */
  | { readonly type: "tick"; readonly nowMs: number }
  /** A message arrived. */
  | { readonly type: "message"; readonly message: Message }
  /** Commands to append, in order. `proposalId` names the batch in {@link ProposalOutcome}. */
  | {
    readonly type: "propose";
    readonly proposalId: number;
    readonly commands: readonly Uint8Array[];
    readonly clusterTimeMs: number;
  }
  /** A linearizable read wants an index; answered in Ready.readStates. `context` is never used twice by one process. */
  | { readonly type: "readIndex"; readonly context: number }
  /** The batch in flight is on stable storage; `last` must be its PersistBatch.last. */
  | { readonly type: "persisted"; readonly last: EntryId }
  /** The state machine has applied everything up to `index`. */
  | { readonly type: "applied"; readonly index: LogIndex }
  /** A snapshot of the own state machine is on stable storage: the log may forget what it covers. */
  | { readonly type: "snapshotSaved"; readonly snapshot: SnapshotMeta }
  /** A chunk accepted from the leader is stored; `nextOffset` bytes are there without a gap. */
  | {
    readonly type: "snapshotChunkStored";
    readonly from: NodeId;
    readonly snapshot: EntryId;
    readonly nextOffset: number;
  }
  /** A snapshot received from the leader is complete, verified and on stable storage. */
  | { readonly type: "snapshotReceived"; readonly from: NodeId; readonly snapshot: SnapshotMeta }
  /** The snapshot a send was asked for can no longer be read: start over with the latest one. */
  | { readonly type: "snapshotUnavailable"; readonly to: NodeId; readonly snapshot: EntryId }
  /** Hand leadership to `to`. */
  | { readonly type: "transferLeader"; readonly to: NodeId }
  /** Change to a configuration with these voters and learners, through joint consensus. */
  | {
    readonly type: "changeConfiguration";
    readonly proposalId: number;
    readonly voters: readonly NodeId[];
    readonly learners: readonly NodeId[];
    readonly clusterTimeMs: number;
  };

/** Fate of a proposal at the moment it was stepped. Accepted means appended to the leader's log, no more. */
export type ProposalOutcome =
  | { readonly kind: "accepted"; readonly proposalId: number; readonly first: EntryId; readonly count: number }
  | { readonly kind: "refused"; readonly proposalId: number; readonly reason: RefusalReason };

/** Why a proposal was refused; in each case nothing was appended. */
export type RefusalReason = "notLeader" | "transferringLeadership" | "overloaded" | "configurationChangeInProgress";

/** Re-exported for the codecs, which need every type a message is made of. */
export type { Configuration };
