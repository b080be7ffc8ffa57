/**
 * The core's only output: effects as data. `takeReady` hands out one Ready; the driver must honour it in this order.
 *
 * 0. With `lostEntries` stop: nothing may be said any more under this identity, this Ready's messages included.
 * 1. Send `messages` at once. A leader's AppendEntries leave in parallel with its own disk write (thesis 10.2.1).
 * 2. Start `persist`, if any: one write, one fsync. At most one is in flight; what arrives meanwhile gathers in the core.
 *    When it is durable: send its `messagesAfterPersist`, then step `{ type: "persisted", last }`.
 * 3. Answer `proposals`; apply `restoreSnapshot`, then `committedEntries`; then step `{ type: "applied", index }`.
 * 4. Serve `readStates` whose index has been applied.
 * 5. Work off the snapshot effects at leisure.
 *
 * @module
 */
import type { InstallSnapshot, Message, ProposalOutcome } from "./message.ts";
import type { Entry, EntryId, HardState, LogIndex, NodeId, SnapshotMeta } from "./types.ts";

/** What must reach stable storage in one write, and what may be said only afterwards. */
export interface PersistBatch {
  /** The new hard state, or null when it has not changed. */
  readonly hardState: HardState | null;
  /** When set, the stored log is to begin after this snapshot (which is already durable), with nothing before or after. */
  readonly logStart: SnapshotMeta | null;
  /** Entries to append; a first index within the stored log means that the suffix from there on is replaced. */
  readonly entries: readonly Entry[];
  /** Every promise the batch makes true: vote grants, acks of entries, candidacies. */
  readonly messagesAfterPersist: readonly Message[];
  /** The last entry of the log once the batch is written: what `persisted` must report. */
  readonly last: EntryId;
}

/** Answer to a `readIndex` event. */
export type ReadState =
  /** The read is linearizable once `index` has been applied. */
  | { readonly kind: "ready"; readonly context: number; readonly index: number }
  /** The node cannot confirm the read (not leader and none known, or leadership was lost): ask elsewhere or again. */
  | { readonly kind: "refused"; readonly context: number };

/** A chunk the leader wants sent: the driver reads `snapshot` at `offset` and sends an InstallSnapshot. */
export interface SnapshotSend {
  /** The follower that needs it. */
  readonly to: NodeId;
  /** Which snapshot; it may be one of the two that storage keeps. */
  readonly snapshot: SnapshotMeta;
  /** Where the chunk begins, in bytes. */
  readonly offset: number;
  /** The leader's term, for the message. */
  readonly term: number;
}

/** Entries that the node has acknowledged, and that are not in its log. */
export interface LostEntries {
  /** To whom they were acknowledged, and who says so. */
  readonly leader: NodeId;
  /** The last one that was acknowledged; > last. */
  readonly matchIndex: LogIndex;
  /** Where the log ends. */
  readonly last: LogIndex;
}

/** The effects of the steps since the last Ready; an empty list or null means nothing to do. */
export interface Ready {
  /** The disk has lost what was durable: no promise of this identity can be trusted. */
  readonly lostEntries: LostEntries | null;
  /** To be sent at once. */
  readonly messages: readonly Message[];
  /** To be written, or null: nothing to write, or a write is still in flight. */
  readonly persist: PersistBatch | null;
  /** Fates of the proposals stepped since the last Ready, in order. */
  readonly proposals: readonly ProposalOutcome[];
  /** The state machine must be replaced by this stored snapshot before `committedEntries` are applied. */
  readonly restoreSnapshot: SnapshotMeta | null;
  /** Newly committed and durable here, in order, each exactly once. */
  readonly committedEntries: readonly Entry[];
  /** Answers to `readIndex` events. */
  readonly readStates: readonly ReadState[];
  /** Chunks from the leader to be stored; answered by `snapshotChunkStored` or `snapshotReceived`. */
  readonly snapshotChunks: readonly InstallSnapshot[];
  /** Chunks to be sent to followers. */
  readonly snapshotSends: readonly SnapshotSend[];
}
