/**
 * Waiting for an election to end.
 *
 * @module
 */
import type { Clock } from "../node/clock.ts";

/** Callers that wait until a leader is known. */
export class LeaderWatch {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  /** Makes a watch that nobody waits at. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A leader is known, or there will be none: ends all waits. */
  wake(): void {
    for (const resolve of [...this.#waiting]) resolve();
  }

  /** Resolves at {@link wake}, after `timeoutMs` or when the signal is aborted, whichever comes first. */
  wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal?.removeEventListener("abort", end);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = this.#clock.after(timeoutMs, end);
      signal?.addEventListener("abort", end);
      this.#waiting.add(end);
    });
  }
}
