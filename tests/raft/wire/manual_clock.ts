/**
 * A clock that stands still until it is moved.
 *
 * @module
 */
import type { Clock, Timer } from "../../../raft/node/clock.ts";

interface PendingTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that a test moves. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<PendingTimer>();

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** See {@link Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  /** See {@link Clock.wallMs}. */
  wallMs(): number {
    return this.#nowMs;
  }

  /** See {@link Clock.after}. */
  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#pending.add(timer);
    return { cancel: () => this.#pending.delete(timer) };
  }

  /** Moves time on, firing what falls due on the way, in order. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      let next: PendingTimer | null = null;
      for (const timer of this.#pending) {
        if (timer.dueMs <= endMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
      }
      if (next === null) break;
      this.#pending.delete(next);
      this.#nowMs = next.dueMs;
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
