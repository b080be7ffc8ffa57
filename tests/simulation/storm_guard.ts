/**
 * Ends a run in which more happens than can be right: messages that are answered by messages without end, say, which would make
 * a seed take for ever instead of failing.
 *
 * @module
 */
import { Violation } from "./violation.ts";

/** Far beyond what a run without a mistake needs in a second of virtual time: busy ones have 2,000 events in one. */
const maxEventsPerSecond = 100_000;

/** What of a simulation is looked at. */
export interface Watched {
  /** Virtual time in milliseconds. */
  readonly nowMs: number;
  /** Counts events. */
  readonly scheduler: { readonly eventsRun: number };
}

/** Watches one run. */
export class StormGuard {
  readonly #simulation: Watched;
  readonly #onViolation: (violation: Violation) => void;
  #eventsAtSecond = 0;
  #second = 0;

  /** `onViolation` is called when there is a storm. */
  constructor(simulation: Watched, onViolation: (violation: Violation) => void) {
    this.#simulation = simulation;
    this.#onViolation = onViolation;
  }

  /** Something has happened; to be called often. */
  look(): void {
    const { nowMs, scheduler } = this.#simulation;
    const second = Math.floor(nowMs / 1000);
    const events = scheduler.eventsRun - this.#eventsAtSecond;
    if (second !== this.#second) {
      this.#second = second;
      this.#eventsAtSecond = scheduler.eventsRun;
    } else if (events > maxEventsPerSecond) {
      this.#onViolation(
        new Violation("liveness", `more than ${maxEventsPerSecond} events at second ${second}: a storm`),
      );
    }
  }
}
