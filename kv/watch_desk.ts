/**
 * Where watches wait at a server until something happens to their keys, their time is up, or the server stops.
 *
 * Nothing is done for a watch while others' keys change: watches are found by the key that has changed, or by those of its
 * beginnings that are as long as a prefix that somebody watches. What happened in one turn of the event loop is told
 * together. A waiting watch costs a timer and some hundred bytes; their number is limited.
 *
 * @module
 */
import type { Clock, Timer } from "../raft/node/clock.ts";
import { maxWaitingWatches } from "./limits.ts";
import type { WatchHistory, WatchListener, WatchPosition, WatchReading, WatchSelection } from "./watch_history.ts";

/** What a watch that waits is told. */
export type WatchAnswer =
  | WatchReading
  /** The server stops. */
  | { readonly kind: "closed" };

/** A watch that is to wait. */
export interface WaitingWatch {
  /** Which keys. */
  readonly selection: WatchSelection;
  /** From where on: it has been told everything before. */
  readonly from: WatchPosition;
  /** How long it may wait, in milliseconds. */
  readonly waitMs: number;
  /** Bytes of changes that it takes. */
  readonly maxBytes: number;
  /** Called once, with what there is to tell. */
  readonly answer: (answer: WatchAnswer) => void;
  /** Whether somebody still wants to know. */
  readonly isWanted: () => boolean;
}

/** What a {@link WatchDesk} works with. */
export interface WatchDeskOptions {
  /** What happens. */
  readonly history: WatchHistory;
  /** Time. */
  readonly clock: Clock;
  /** See `maxWaitingWatches` in limits. */
  readonly maxWaiting?: number;
}

interface Waiter {
  readonly watch: WaitingWatch;
  readonly timer: Timer;
  /** Nothing has happened before this index that it has not been told. */
  from: WatchPosition;
}

/** See the module. */
export class WatchDesk implements WatchListener {
  readonly #history: WatchHistory;
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #waiters = new Set<Waiter>();
  /** Those who watch one key, and those who watch a prefix, by it. No set is empty. */
  readonly #byKey = new Map<string, Set<Waiter>>();
  readonly #byPrefix = new Map<string, Set<Waiter>>();
  /** How many different prefixes have each length. */
  readonly #prefixLengths = new Map<number, number>();
  /** Those for whom something has happened. */
  #affected = new Set<Waiter>();
  #isClosed = false;

  constructor(options: WatchDeskOptions) {
    this.#history = options.history;
    this.#clock = options.clock;
    this.#maxWaiting = options.maxWaiting ?? maxWaitingWatches;
  }

  /** Watches that wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Lets a watch wait, which has been told everything up to now; false if there are too many of them. */
  wait(watch: WaitingWatch): boolean {
    if (this.#isClosed) {
      watch.answer({ kind: "closed" });
      return true;
    }
    if (this.#waiters.size >= this.#maxWaiting) this.#forgetUnwanted();
    if (this.#waiters.size >= this.#maxWaiting) return false;
    const timer = this.#clock.after(watch.waitMs, () => this.#timeIsUp(waiter));
    const waiter: Waiter = { watch, timer, from: watch.from };
    this.#waiters.add(waiter);
    const { isPrefix, key } = watch.selection;
    const groups = isPrefix ? this.#byPrefix : this.#byKey;
    const group = groups.get(key);
    if (group !== undefined) group.add(waiter);
    else {
      groups.set(key, new Set([waiter]));
      if (isPrefix) this.#prefixLengths.set(key.length, (this.#prefixLengths.get(key.length) ?? 0) + 1);
    }
    this.#history.listener = this;
    return true;
  }

  /** See {@link WatchListener}. */
  changed(key: string, index: number): void {
    this.#affect(this.#byKey.get(key), index);
    for (const length of this.#prefixLengths.keys()) {
      if (length <= key.length) this.#affect(this.#byPrefix.get(key.slice(0, length)), index);
    }
  }

  /** See {@link WatchListener}. */
  restarted(): void {
    for (const waiter of this.#waiters) this.#add(waiter);
  }

  /** Answers all who wait: the server stops. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of [...this.#waiters]) {
      this.#remove(waiter);
      waiter.watch.answer({ kind: "closed" });
    }
  }

  #affect(group: Set<Waiter> | undefined, index: number): void {
    if (group === undefined) return;
    for (const waiter of group) {
      if (this.#affected.has(waiter) || index < waiter.from.index) continue;
      // What lies between did not concern it, and may be gone from the history by now.
      waiter.from = { index, offset: 0 };
      this.#add(waiter);
    }
  }

  #add(waiter: Waiter): void {
    if (this.#affected.size === 0) queueMicrotask(() => this.#answerAffected());
    this.#affected.add(waiter);
  }

  #answerAffected(): void {
    const affected = this.#affected;
    this.#affected = new Set();
    for (const waiter of affected) {
      if (!this.#waiters.has(waiter)) continue;
      const { watch, from } = waiter;
      const reading = this.#history.read(watch.selection, from, watch.maxBytes);
      // A history that has begun anew may concern nobody.
      if (reading.kind === "changes" && reading.changes.length === 0) continue;
      this.#remove(waiter);
      watch.answer(reading);
    }
  }

  #timeIsUp(waiter: Waiter): void {
    const { watch, from } = waiter;
    this.#remove(waiter);
    if (this.#affected.delete(waiter)) {
      return watch.answer(this.#history.read(watch.selection, from, watch.maxBytes));
    }
    const next = { index: Math.max(from.index, this.#history.index + 1), offset: 0 };
    watch.answer({ kind: "changes", changes: [], next, isAll: true });
  }

  #forgetUnwanted(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.watch.isWanted()) this.#remove(waiter);
    }
  }

  #remove(waiter: Waiter): void {
    waiter.timer.cancel();
    this.#waiters.delete(waiter);
    const { isPrefix, key } = waiter.watch.selection;
    const groups = isPrefix ? this.#byPrefix : this.#byKey;
    const group = groups.get(key);
    group?.delete(waiter);
    if (group?.size === 0) {
      groups.delete(key);
      if (isPrefix) {
        const left = (this.#prefixLengths.get(key.length) ?? 1) - 1;
        if (left > 0) this.#prefixLengths.set(key.length, left);
        else this.#prefixLengths.delete(key.length);
      }
    }
    if (this.#waiters.size === 0) this.#history.listener = null;
  }
}
