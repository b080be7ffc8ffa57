/**
 * Linearizable reads without a log entry (thesis section 6.4), the driver's half: readers that arrive in one turn share a
 * round; a round that gets no answer is asked again; a reader is served once the state machine has reached its index.
 *
 * A round is repeated under a *new* context, never under the old one: the answer to an old round may have been on its way
 * while this process was paused and others wrote, and a reader that took it for the new one would read the past.
 *
 * @module
 */
import type { RaftEvent } from "../core/message.ts";
import type { ReadState } from "../core/ready.ts";
import type { LogIndex, NodeId } from "../core/types.ts";
import type { Random } from "./random.ts";

/** What became of a request for a read index. */
export type ReadIndexOutcome =
  /** The state machine has applied `index`: reading it now is linearizable. */
  | { readonly kind: "ready"; readonly index: LogIndex }
  /** This node cannot confirm reads now; `leader` is who may, if it is known. */
  | { readonly kind: "refused"; readonly reason: "notLeader" | "stopped"; readonly leader: NodeId | null }
  /** No round was answered, or the index not reached, within the caller's time. */
  | { readonly kind: "timeout" };

/** Told exactly once. Must not throw: that stops the node. */
export type ReadIndexCallback = (outcome: ReadIndexOutcome) => void;

interface Reader {
  readonly callback: ReadIndexCallback;
  readonly deadlineMs: number;
}

interface Round {
  readonly context: number;
  readonly startedMs: number;
  readonly readers: readonly Reader[];
}

interface Confirmed {
  readonly index: LogIndex;
  readonly readers: readonly Reader[];
}

/** Readers in all stages: waiting for the next turn, asked for, and confirmed but ahead of the state machine. */
export class Reads {
  readonly #retryMs: number;
  #waiting: Reader[] = [];
  /** By ascending context; few. */
  #rounds: Round[] = [];
  #confirmed: Confirmed[] = [];
  #nextContext: number;

  /**
   * `retryMs` is how long an answer may take. Contexts start at a random number, so that an answer meant for an earlier
   * process of this node is not taken for one to this process.
   */
  constructor(random: Random, retryMs: number) {
    this.#retryMs = retryMs;
    this.#nextContext = 1 + Math.floor(random.next() * 2 ** 31) * 2 ** 20;
  }

  /** Takes a reader for the next turn. */
  add(callback: ReadIndexCallback, deadlineMs: number): void {
    this.#waiting.push({ callback, deadlineMs });
  }

  /** Begins one round for all readers that wait. */
  stepAll(step: (event: RaftEvent) => void, nowMs: number): void {
    if (this.#waiting.length === 0) return;
    const context = this.#nextContext++;
    this.#rounds.push({ context, startedMs: nowMs, readers: this.#waiting });
    this.#waiting = [];
    step({ type: "readIndex", context });
  }

  /** Takes the core's answer; readers of an index ahead of the state machine wait for {@link serve}. */
  answer(state: ReadState, leader: NodeId | null): void {
    const position = this.#rounds.findIndex(({ context }) => context === state.context);
    const [round] = position < 0 ? [] : this.#rounds.splice(position, 1);
    if (round === undefined) return;
    if (state.kind === "ready") {
      this.#confirmed.push({ index: state.index, readers: round.readers });
      return;
    }
    for (const reader of round.readers) reader.callback({ kind: "refused", reason: "notLeader", leader });
  }

  /** Serves everyone whose index is at most `appliedIndex`. */
  serve(appliedIndex: LogIndex): void {
    if (this.#confirmed.length === 0) return;
    const confirmed = this.#confirmed;
    this.#confirmed = confirmed.filter((one) => one.index > appliedIndex);
    for (const { index, readers } of confirmed) {
      if (index > appliedIndex) continue;
      for (const reader of readers) reader.callback({ kind: "ready", index });
    }
  }

  /** Ends the wait of readers whose time is over, and moves those of unanswered rounds to the next one. */
  expire(nowMs: number): void {
    const late: Reader[] = [];
    const inTime = (reader: Reader): boolean => {
      if (reader.deadlineMs > nowMs) return true;
      late.push(reader);
      return false;
    };
    const rounds = this.#rounds;
    this.#rounds = [];
    for (const { context, startedMs, readers } of rounds) {
      const left = readers.filter(inTime);
      if (nowMs - startedMs < this.#retryMs) this.#rounds.push({ context, startedMs, readers: left });
      else this.#waiting.push(...left);
    }
    if (this.#confirmed.length > 0) {
      this.#confirmed = this.#confirmed.map(({ index, readers }) => ({ index, readers: readers.filter(inTime) }));
    }
    for (const reader of late) reader.callback({ kind: "timeout" });
  }

  /** Another node leads: asks it at once, for whoever was asked before may never answer. */
  restart(): void {
    for (const round of this.#rounds) this.#waiting.push(...round.readers);
    this.#rounds = [];
  }

  /** Whether readers wait for {@link stepAll}. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The node stops. */
  abandon(): void {
    const readers = [...this.#waiting, ...[...this.#rounds, ...this.#confirmed].flatMap((one) => one.readers)];
    this.#waiting = [];
    this.#rounds = [];
    this.#confirmed = [];
    for (const reader of readers) reader.callback({ kind: "refused", reason: "stopped", leader: null });
  }
}
