/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../../../raft/node/clock.ts";

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Lets everything that is ready to run, run: the microtask queue and what it leads to. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time for tests. */
export class ManualClock implements Clock {
  #nowMs = 1_000;
  #pending: Pending[] = [];
  /** How far the wall clock is off. */
  wallOffsetMs = 0;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + Math.floor(this.#nowMs) + this.wallOffsetMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#pending.push(pending);
    return { cancel: () => this.#pending = this.#pending.filter((one) => one !== pending) };
  }

  /** Timers that have not fired. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Moves time without firing anything: the event loop was stalled, or the process stopped. */
  stall(forMs: number): void {
    this.#nowMs += forMs;
  }

  /** Moves time, firing each timer when it is due and letting its consequences settle before the next. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      const due = this.#pending.filter((one) => one.atMs <= endMs).sort((left, right) => left.atMs - right.atMs)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((one) => one !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Moves time in small steps until the condition holds; throws after `withinMs` of this clock's time. */
  async until(what: string, condition: () => boolean, withinMs: number = 10_000): Promise<void> {
    const endMs = this.#nowMs + withinMs;
    await settle();
    while (!condition()) {
      if (this.#nowMs >= endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.advance(1);
    }
  }
}
