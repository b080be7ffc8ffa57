/**
 * Gathers effects between two Readies and keeps their order: what may be said at once, and what only after a write.
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import type { RaftLog } from "./log.ts";
import type { InstallSnapshot, Message, ProposalOutcome } from "./message.ts";
import type { LostEntries, PersistBatch, ReadState, Ready, SnapshotSend } from "./ready.ts";
import { type EntryId, type HardState, isSameEntry, type SnapshotMeta } from "./types.ts";

/** What a write in flight will have made durable. */
interface WriteInFlight {
  readonly hardState: HardState;
  readonly last: EntryId;
}

function isSameHardState(left: HardState, right: HardState): boolean {
  return left.currentTerm === right.currentTerm && left.votedFor === right.votedFor;
}

/** Effects of the steps since the last Ready. */
export class Effects {
  #messages: Message[] = [];
  #promises: Message[] = [];
  #proposals: ProposalOutcome[] = [];
  #readStates: ReadState[] = [];
  #snapshotChunks: InstallSnapshot[] = [];
  #snapshotSends: SnapshotSend[] = [];
  #restoreSnapshot: SnapshotMeta | null = null;
  #logStart: SnapshotMeta | null = null;
  #lostEntries: LostEntries | null = null;
  #inFlight: WriteInFlight | null = null;
  /** The hard state given to the last write. */
  #written: HardState;
  /** The hard state that is on stable storage. */
  #durable: HardState;

  /** Starts from the hard state found on stable storage. */
  constructor(stored: HardState) {
    this.#written = stored;
    this.#durable = stored;
  }

  /** The hard state that is on stable storage. */
  get durableHardState(): HardState {
    return this.#durable;
  }

  /** A message that promises nothing. */
  send(message: Message): void {
    this.#messages.push(message);
  }

  /** A message that may leave only when everything known now is durable. */
  sendAfterPersist(message: Message): void {
    this.#promises.push(message);
  }

  /** The fate of a proposal. */
  answerProposal(outcome: ProposalOutcome): void {
    this.#proposals.push(outcome);
  }

  /** The answer to a read. */
  answerRead(state: ReadState): void {
    this.#readStates.push(state);
  }

  /** A chunk to be stored. */
  storeChunk(chunk: InstallSnapshot): void {
    this.#snapshotChunks.push(chunk);
  }

  /** A chunk to be sent. */
  sendSnapshot(send: SnapshotSend): void {
    this.#snapshotSends.push(send);
  }

  /** The log was replaced by a received snapshot: storage and state machine must follow. */
  restore(snapshot: SnapshotMeta): void {
    this.#restoreSnapshot = snapshot;
    this.#logStart = snapshot;
  }

  /** The node has broken its word. */
  lose(entries: LostEntries): void {
    this.#lostEntries = entries;
  }

  /** The write in flight is durable. */
  persisted(last: EntryId): void {
    const done = this.#inFlight;
    invariant(done !== null, "a write was reported durable: none is in flight");
    invariant(
      isSameEntry(done.last, last),
      `a write up to ${last.index} was reported durable: the one in flight ends at ${done.last.index}`,
    );
    this.#inFlight = null;
    this.#durable = done.hardState;
  }

  /** Whether {@link take} would return anything. */
  hasAny(hardState: HardState, log: RaftLog): boolean {
    return this.#messages.length > 0 || log.hasCommitted ||
      (this.#inFlight === null && (this.#promises.length > 0 || this.#mustWrite(hardState, log))) ||
      this.#proposals.length > 0 || this.#readStates.length > 0 || this.#restoreSnapshot !== null ||
      this.#snapshotChunks.length > 0 || this.#snapshotSends.length > 0 || this.#lostEntries !== null;
  }

  #mustWrite(hardState: HardState, log: RaftLog): boolean {
    return log.hasUnpersisted || this.#logStart !== null || !isSameHardState(hardState, this.#written);
  }

  /** Hands everything out and starts anew. */
  take(hardState: HardState, log: RaftLog, maxApplyBytes: number): Ready {
    const persist = this.#inFlight === null ? this.#takeWrite(hardState, log) : null;
    const ready: Ready = {
      lostEntries: this.#lostEntries,
      messages: this.#messages,
      persist,
      proposals: this.#proposals,
      restoreSnapshot: this.#restoreSnapshot,
      committedEntries: log.takeCommitted(maxApplyBytes),
      readStates: this.#readStates,
      snapshotChunks: this.#snapshotChunks,
      snapshotSends: this.#snapshotSends,
    };
    this.#messages = [];
    this.#proposals = [];
    this.#readStates = [];
    this.#snapshotChunks = [];
    this.#snapshotSends = [];
    this.#restoreSnapshot = null;
    this.#lostEntries = null;
    return ready;
  }

  #takeWrite(hardState: HardState, log: RaftLog): PersistBatch | null {
    const messagesAfterPersist = this.#promises;
    this.#promises = [];
    if (!this.#mustWrite(hardState, log)) {
      // Everything known is durable already, so nothing is promised that could be lost.
      this.#messages.push(...messagesAfterPersist);
      return null;
    }
    const batch: PersistBatch = {
      hardState: isSameHardState(hardState, this.#written) ? null : hardState,
      logStart: this.#logStart,
      entries: log.takeUnpersisted(),
      messagesAfterPersist,
      last: log.last,
    };
    this.#logStart = null;
    this.#written = hardState;
    this.#inFlight = { hardState, last: batch.last };
    return batch;
  }
}
