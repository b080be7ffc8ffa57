/**
 * Regular ticks from an irregular clock.
 *
 * A process that was stopped for a minute (SIGSTOP, a suspended machine, a long garbage collection) must not wake up and
 * live that minute at once: it would campaign before it has read the heartbeats that wait in its sockets. So time that
 * was lost beyond one tick is forgotten, not made up for; elections only get later by it, never wrong.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

/** Calls back once per tick, at most twice in one turn of the event loop. */
export class Ticker {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #onTick: () => void;
  #timer: Timer | null = null;
  /** When the next tick is due, in the clock's monotonic time. */
  #dueMs = 0;

  /** Makes a ticker that stands still until {@link start}. */
  constructor(clock: Clock, tickMs: number, onTick: () => void) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#onTick = onTick;
  }

  /** Begins to tick, one tick from now. */
  start(): void {
    this.#dueMs = this.#clock.monotonicMs() + this.#tickMs;
    this.#arm(this.#tickMs);
  }

  /** Stops; no tick is delivered after it. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /**
   * Whether a tick is late by more than half a tick. Then the event loop has not come round to its timers, and whoever goes
   * on working in microtasks keeps it from doing so.
   */
  isOverdue(): boolean {
    return this.#clock.monotonicMs() > this.#dueMs + this.#tickMs / 2;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => this.#fire());
  }

  #fire(): void {
    const lateMs = this.#clock.monotonicMs() - this.#dueMs;
    const ticks = lateMs >= this.#tickMs ? 2 : 1;
    this.#dueMs += ticks * this.#tickMs;
    const nowMs = this.#clock.monotonicMs();
    if (this.#dueMs <= nowMs) this.#dueMs = nowMs + this.#tickMs;
    this.#arm(this.#dueMs - nowMs);
    for (let tick = 0; tick < ticks && this.#timer !== null; tick++) this.#onTick();
  }
}
