/**
 * Linearizable reads without a log entry (thesis section 6.4).
 *
 * The leader notes its commitIndex, then makes sure that it *still* is the leader by hearing from a quorum after the read
 * arrived; the read is answered from any state machine that has applied that index. Rounds are numbered, carried by
 * AppendEntries and echoed in the replies; a reply confirms all rounds up to its own. A round's number is never used
 * again within a term, so a late reply cannot confirm a read that came after it was sent.
 *
 * @module
 */
import type { Effects } from "./effects.ts";
import type { LogIndex, NodeId } from "./types.ts";

/** A read that waits. `from` is null when it was asked here. */
export interface WaitingRead {
  /** Who asked; null for this node. */
  readonly from: NodeId | null;
  /** How the asker knows it. */
  readonly context: number;
}

interface Round {
  readonly number: number;
  readonly index: LogIndex;
  readonly reads: readonly WaitingRead[];
}

/** A read that was confirmed, with the index at which it may be served. */
export interface ConfirmedRead extends WaitingRead {
  /** To be applied before the read is answered. */
  readonly index: LogIndex;
}

/** The reads of one leader in one term. */
export class ReadIndexQueue {
  /** Reads that no round covers yet. */
  #waiting: WaitingRead[] = [];
  /** Rounds that no quorum has confirmed yet; numbers ascend. */
  #rounds: Round[] = [];
  #lastRound = 0;

  /** Number of the latest round; 0 before the first. */
  get lastRound(): number {
    return this.#lastRound;
  }

  /** Whether reads wait for a round to be started. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether a started round lacks its quorum. */
  get hasUnconfirmed(): boolean {
    return this.#rounds.length > 0;
  }

  /** Takes a read in. */
  add(read: WaitingRead): void {
    this.#waiting.push(read);
  }

  /** Starts a round without reads; the caller must now ask every follower. */
  startEmptyRound(): void {
    this.#lastRound += 1;
  }

  /** Starts a round for all reads that wait; the caller must now ask every follower. */
  startRound(commitIndex: LogIndex): void {
    this.startEmptyRound();
    this.#rounds.push({ number: this.#lastRound, index: commitIndex, reads: this.#waiting });
    this.#waiting = [];
  }

  /** Takes out the reads of all rounds up to `round`, which a quorum has reached. */
  confirm(round: number): ConfirmedRead[] {
    const confirmed: ConfirmedRead[] = [];
    while (this.#rounds[0] !== undefined && this.#rounds[0].number <= round) {
      const { index, reads } = this.#rounds[0];
      for (const read of reads) confirmed.push({ ...read, index });
      this.#rounds.shift();
    }
    return confirmed;
  }

  /** Leadership is lost: local askers are told; those on other nodes will ask again. */
  refuseAll(effects: Effects): void {
    for (const read of [...this.#rounds.flatMap((round) => round.reads), ...this.#waiting]) {
      if (read.from === null) effects.answerRead({ kind: "refused", context: read.context });
    }
    this.#rounds = [];
    this.#waiting = [];
  }
}
