/**
 * What a leader knows of one follower (Figure 2, "Volatile state on leaders") and how fast it may send to it.
 *
 * - **probe**: it is not known where the logs agree. One AppendEntries at a time, until one succeeds.
 * - **replicate**: they agree up to matchIndex. Entries are sent optimistically, within a window.
 * - **snapshot**: what the follower needs is compacted away. Chunks of a snapshot, one at a time.
 *
 * @module
 */
import { type EntryId, isSameEntry, type LogIndex, type NodeId, type SnapshotMeta } from "./types.ts";

/** How a leader sends to one follower. */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** A snapshot on its way to a follower. */
export interface SnapshotTransfer {
  /** What is being sent. */
  readonly snapshot: SnapshotMeta;
  /** Bytes the follower is known to have, without a gap; only grows. */
  nextOffset: number;
  /** Ticks since the follower got further, or since the chunk was last sent again. */
  idleTicks: number;
}

/** A leader's view of one follower. */
export class Progress {
  /** The follower. */
  readonly id: NodeId;
  /** How it is sent to. */
  state: ProgressState = "probe";
  /** Highest index known to be replicated durably there; only grows. matchIndex < nextIndex. */
  matchIndex: LogIndex = 0;
  /** Next index to send; falls back when a consistency check fails. */
  nextIndex: LogIndex;
  /** Whether it was heard from since the last CheckQuorum. */
  recentActive = false;
  /** Highest ReadIndex round it has confirmed; only grows. */
  ackedReadRound = 0;
  /** When that round began, in monotonic milliseconds of the leader; -Infinity before the first (thesis section 6.4.1). */
  ackedRoundStartMs = -Infinity;
  /** In probe: an AppendEntries is under way and nothing more is sent before its reply or a heartbeat's. */
  probeSent = false;
  /** Present exactly in state snapshot. */
  transfer: SnapshotTransfer | null = null;
  /** Last index of each unacknowledged AppendEntries with entries, ascending; replicate only. */
  readonly #inflight: LogIndex[] = [];

  /** A follower of which nothing is known yet. */
  constructor(id: NodeId, nextIndex: LogIndex) {
    this.id = id;
    this.nextIndex = nextIndex;
  }

  /** AppendEntries with entries that are under way. */
  get inflightCount(): number {
    return this.#inflight.length;
  }

  /** Whether entries may be sent now. */
  canSend(maxInflight: number): boolean {
    switch (this.state) {
      case "probe":
        return !this.probeSent;
      case "replicate":
        return this.#inflight.length < maxInflight;
      case "snapshot":
        return false;
    }
  }

  /** Notes an AppendEntries whose last entry is `last`. */
  sent(last: LogIndex): void {
    if (this.state === "probe") this.probeSent = true;
    else {
      this.#inflight.push(last);
      this.nextIndex = last + 1;
    }
  }

  /** Notes that the logs agree up to `index`; true when that is news. */
  matched(index: LogIndex): boolean {
    let acknowledged = 0;
    while (acknowledged < this.#inflight.length && (this.#inflight[acknowledged] ?? 0) <= index) acknowledged++;
    if (acknowledged > 0) this.#inflight.splice(0, acknowledged);
    this.nextIndex = Math.max(this.nextIndex, index + 1);
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    return true;
  }

  /** One AppendEntries at a time from `nextIndex` on, which is never at or below matchIndex. */
  becomeProbe(nextIndex: LogIndex): void {
    this.#enter("probe");
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
  }

  /** Optimistic sending. */
  becomeReplicate(): void {
    this.#enter("replicate");
  }

  /** Chunks of `snapshot` instead of entries. */
  becomeSnapshot(snapshot: SnapshotMeta): void {
    this.#enter("snapshot");
    this.transfer = { snapshot, nextOffset: 0, idleTicks: 0 };
    this.nextIndex = snapshot.last.index + 1;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.probeSent = false;
    this.transfer = null;
    this.#inflight.length = 0;
  }

  /** Whether `id` is the snapshot on its way. */
  isSending(id: EntryId): boolean {
    const last = this.transfer?.snapshot.last;
    return last !== undefined && isSameEntry(last, id);
  }
}
