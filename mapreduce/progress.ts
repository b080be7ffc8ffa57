/**
 * How a task shares the thread with what keeps its lease: it counts its steps, and pauses now and then so that timers and
 * connections are served.
 *
 * @module
 */
import { type Clock, sleep } from "../raft/node/clock.ts";

/** Steps between two looks at the clock: a step is a pair, far below a microsecond to some. */
const stepsPerLook = 1024;
/** How long a task runs without a pause, in milliseconds: << minLeaseMs / 3. */
const stretchMs = 50;

/** One task's progress. */
export class Progress {
  /** Steps taken so far. */
  steps = 0;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #pauseAtMs: number;

  /** `signal` ends the task at its next pause. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#pauseAtMs = clock.monotonicMs() + stretchMs;
  }

  /** Counts a step; true when it is time to {@link pause}. */
  step(): boolean {
    return ++this.steps % stepsPerLook === 0 && this.#clock.monotonicMs() >= this.#pauseAtMs;
  }

  /** Lets others run. Rejects with the signal's reason when the task is to end. */
  async pause(): Promise<void> {
    this.#signal.throwIfAborted();
    await sleep(this.#clock, 0, this.#signal);
    this.#pauseAtMs = this.#clock.monotonicMs() + stretchMs;
  }
}
