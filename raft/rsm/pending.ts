/**
 * Callers that wait for their command: each waits for a slot of the log, named by index *and* term. When the slot is
 * applied its term decides: the caller's own term means that the command was executed, any other that it never will be.
 * An entry of a later term before it decides as well: then the slot is lost, and may stay empty for ever.
 *
 * Losing leadership decides nothing: the entry may still be committed by a later leader. So callers go on waiting, up to
 * their time.
 *
 * @module
 */
import type { EntryId, LogIndex, NodeId, Term } from "../core/types.ts";
import type { Clock, Timer } from "../node/clock.ts";
import { NumberedSlots } from "../encoding/numbered_slots.ts";
import type { SubmitOutcome, UnknownReason } from "./errors.ts";

/** Told exactly once what became of a command. Must not throw: that stops the node. */
export type SubmitCallback<Result> = (outcome: SubmitOutcome<Result>) => void;

interface Waiter<Result, Command> {
  /** The command, if the caller had it decoded. */
  readonly command: Command | undefined;
  readonly deadlineMs: number;
  readonly callback: SubmitCallback<Result>;
}

type Slots<Result, Command> = NumberedSlots<Waiter<Result, Command>>;

/** How exactly deadlines are kept. */
const sweepMs = 50;

/** Commands in the log whose slot has not been applied yet. */
export class PendingCommands<Result, Command = never> {
  readonly #clock: Clock;
  readonly #leader: () => NodeId | null;
  /** Slots by the term of this node's leadership; hardly ever more than one term. None of them is empty. */
  readonly #terms = new Map<Term, Slots<Result, Command>>();
  #sweep: Timer | null = null;

  /** `leader` names who leads now, for callers whose slot was lost. */
  constructor(clock: Clock, leader: () => NodeId | null) {
    this.#clock = clock;
    this.#leader = leader;
  }

  /** Callers that wait. */
  get size(): number {
    let size = 0;
    for (const slots of this.#terms.values()) size += slots.size;
    return size;
  }

  /** Waits for `entry` until `deadlineMs` of the monotonic clock. */
  add(entry: EntryId, deadlineMs: number, callback: SubmitCallback<Result>, command?: Command): void {
    let slots = this.#terms.get(entry.term);
    if (slots === undefined) {
      slots = new NumberedSlots();
      this.#terms.set(entry.term, slots);
    }
    slots.add(entry.index, { command, deadlineMs, callback });
    this.#sweep ??= this.#clock.after(sweepMs, () => this.#expire());
  }

  /** The command that was proposed here in `term` and stands in slot `index`, if its caller had it decoded. */
  commandIn(index: LogIndex, term: Term): Command | undefined {
    return this.#terms.get(term)?.get(index)?.command;
  }

  /** The command in slot `index` was executed: it is the one that was proposed in `term`. */
  executed(index: LogIndex, term: Term, result: Result): void {
    for (const [proposedIn, slots] of this.#terms) {
      if (proposedIn < term) {
        this.#overtaken(proposedIn, slots);
        continue;
      }
      const waiter = this.#take(proposedIn, slots, index);
      waiter?.callback(proposedIn === term ? { kind: "done", result } : this.#slotLost());
    }
  }

  /** Slot `index` turned out to hold an entry of `term` that is nobody's command. */
  taken(index: LogIndex, term: Term): void {
    for (const [proposedIn, slots] of this.#terms) {
      if (proposedIn < term) this.#overtaken(proposedIn, slots);
      else this.#take(proposedIn, slots, index)?.callback(this.#slotLost());
    }
  }

  /** Everything up to `index` was decided without being seen here. */
  skipped(index: LogIndex): void {
    this.#giveUp("compacted", (slot) => slot <= index);
  }

  /** The node has stopped: nobody here will ever know. */
  abandon(): void {
    this.#sweep?.cancel();
    this.#sweep = null;
    this.#giveUp("stopped", () => true);
  }

  /**
   * An entry of a later term is committed, and these slots are not before it. Terms never decrease along a log, so no log
   * with that entry holds theirs, and none without it will ever be a leader's (paper section 5.4.3).
   */
  #overtaken(term: Term, slots: Slots<Result, Command>): void {
    this.#terms.delete(term);
    for (const [, waiter] of slots) waiter.callback(this.#slotLost());
  }

  #take(
    term: Term,
    slots: Slots<Result, Command>,
    index: LogIndex,
  ): Waiter<Result, Command> | undefined {
    const waiter = slots.take(index);
    if (waiter !== undefined && slots.size === 0) this.#terms.delete(term);
    return waiter;
  }

  #slotLost(): SubmitOutcome<Result> {
    return { kind: "notDone", reason: "slotLost", leader: this.#leader() };
  }

  #giveUp(reason: UnknownReason, isHopeless: (index: LogIndex, waiter: Waiter<Result, Command>) => boolean): void {
    const hopeless: Waiter<Result, Command>[] = [];
    for (const [term, slots] of this.#terms) {
      for (const [index, waiter] of slots) {
        if (!isHopeless(index, waiter)) continue;
        hopeless.push(waiter);
        this.#take(term, slots, index);
      }
    }
    for (const waiter of hopeless) waiter.callback({ kind: "unknown", reason });
  }

  #expire(): void {
    this.#sweep = null;
    const nowMs = this.#clock.monotonicMs();
    this.#giveUp("timeout", (_index, waiter) => waiter.deadlineMs <= nowMs);
    if (this.#terms.size > 0) this.#sweep ??= this.#clock.after(sweepMs, () => this.#expire());
  }
}
