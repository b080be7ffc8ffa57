/**
 * Clocks that run on virtual time, each wrong in its own way: at another rate, set to another hour, jumping.
 *
 * @module
 */
import type { Clock, Timer } from "../node/clock.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Scheduler } from "./scheduler.ts";

/** What virtual time 0 reads on a correct wall clock: 2026-01-01T00:00:00Z, in milliseconds since the Unix epoch. */
export const simulationEpochMs = 1_767_225_600_000;

/** Two local times closer than this, in milliseconds, are equal: converting between rates rounds. */
const roundingMs = 1e-6;

/** The clock hardware of one machine; it survives the death of processes. */
export class SimulatedTime {
  readonly #scheduler: Scheduler;
  #rate = 1;
  #anchorVirtualMs: number;
  #anchorLocalMs: number;
  #wallOffsetMs: number;

  /**
   * `rate` is how many local milliseconds pass in one of virtual time (> 0); `wallOffsetMs` is how far the wall clock is
   * ahead of the correct time.
   */
  constructor(scheduler: Scheduler, options: { readonly rate?: number; readonly wallOffsetMs?: number } = {}) {
    this.#scheduler = scheduler;
    this.#anchorVirtualMs = scheduler.nowMs;
    this.#anchorLocalMs = scheduler.nowMs;
    this.#wallOffsetMs = options.wallOffsetMs ?? 0;
    this.setRate(options.rate ?? 1);
  }

  /** Local milliseconds that pass in one millisecond of virtual time. */
  get rate(): number {
    return this.#rate;
  }

  /** Monotonic local time in milliseconds. */
  monotonicMs(): number {
    return this.#anchorLocalMs + (this.#scheduler.nowMs - this.#anchorVirtualMs) * this.#rate;
  }

  /** Local wall-clock time in whole milliseconds since the Unix epoch. */
  wallMs(): number {
    return Math.floor(simulationEpochMs + this.#wallOffsetMs + this.monotonicMs());
  }

  /** Lets the clock run at another rate from now on (drift); timers under way follow. */
  setRate(rate: number): void {
    if (!(rate > 0 && rate < Infinity)) throw new RangeError(`Cannot set the clock's rate: ${rate} is not above 0`);
    this.#anchorLocalMs = this.monotonicMs();
    this.#anchorVirtualMs = this.#scheduler.nowMs;
    this.#rate = rate;
  }

  /** Lets the wall clock jump, back when negative; monotonic time does not notice. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}

/** A process's view of its machine's clock. */
export class SimulatedClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #time: SimulatedTime;
  readonly #incarnation: Incarnation;

  /** A clock whose timers die with `incarnation`. */
  constructor(scheduler: Scheduler, time: SimulatedTime, incarnation: Incarnation) {
    this.#scheduler = scheduler;
    this.#time = time;
    this.#incarnation = incarnation;
  }

  /** See {@link Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#time.monotonicMs();
  }

  /** See {@link Clock.wallMs}. */
  wallMs(): number {
    return this.#time.wallMs();
  }

  /** See {@link Clock.after}. */
  after(delayMs: number, callback: () => void): Timer {
    return new ClockTimer(this.#scheduler, this.#time, this.#incarnation, Math.max(0, delayMs), callback);
  }
}

/** A timer on local time. */
class ClockTimer implements Timer {
  readonly #scheduler: Scheduler;
  readonly #time: SimulatedTime;
  readonly #incarnation: Incarnation;
  readonly #dueMs: number;
  #callback: (() => void) | null;
  #event: Timer | null = null;

  constructor(
    scheduler: Scheduler,
    time: SimulatedTime,
    incarnation: Incarnation,
    delayMs: number,
    callback: () => void,
  ) {
    this.#scheduler = scheduler;
    this.#time = time;
    this.#incarnation = incarnation;
    this.#dueMs = time.monotonicMs() + delayMs;
    this.#callback = callback;
    if (incarnation.isAlive) this.#arm(delayMs);
  }

  cancel(): void {
    this.#callback = null;
    this.#event?.cancel();
    this.#event = null;
  }

  #arm(localDelayMs: number): void {
    this.#event = this.#scheduler.after(localDelayMs / this.#time.rate, this.#wake);
  }

  readonly #wake = (): void => {
    // The clock may have slowed down meanwhile: a timer must not fire before its local time.
    const missingMs = this.#dueMs - this.#time.monotonicMs();
    if (missingMs > roundingMs) this.#arm(missingMs);
    else this.#incarnation.deliver(this.#fire);
  };

  readonly #fire = (): void => {
    const callback = this.#callback;
    this.#callback = null;
    this.#event = null;
    callback?.();
  };
}
