/**
 * When rounds of heartbeats began, as far back as leases ask (thesis section 6.4.1).
 *
 * @module
 */

/** See the module. */
export class RoundTimes {
  /** The first round that began at each time; both ascend. */
  readonly #times: { readonly round: number; readonly startMs: number }[] = [];
  readonly #most: number;

  /** Remembers so many different times. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Notes that a round, the latest, begins. */
  note(round: number, startMs: number): void {
    // Between two ticks time stands still, however many rounds there are.
    if (this.#times.at(-1)?.startMs === startMs) return;
    this.#times.push({ round, startMs });
    if (this.#times.length > this.#most) this.#times.shift();
  }

  /** When a round began; -Infinity when that is forgotten. */
  of(round: number): number {
    return this.#times.findLast((time) => time.round <= round)?.startMs ?? -Infinity;
  }
}
