/**
 * The port to time. Safety never depends on it, but for reads by lease (`core/lease.ts`); timeouts and cluster time do.
 *
 * @module
 */

/** A timer that can be stopped. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

/** Time, real or simulated. */
export interface Clock {
  /** Monotonic time in milliseconds, from an arbitrary start, with fractions. */
  monotonicMs(): number;
  /** Wall-clock time in whole milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Calls `callback` once, `delayMs` from now or later. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The machine's own clock. */
export const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
