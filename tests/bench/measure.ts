/**
 * Runs an operation with a given number of calls in flight, and says how many finished and how long they took.
 *
 * @module
 */

/** Figures of one run. */
export interface Measurement {
  /** Calls in flight at any time. */
  readonly concurrency: number;
  /** Finished calls a second. */
  readonly perSecond: number;
  /** Time that half of the calls stayed below, in milliseconds. */
  readonly p50Ms: number;
  /** Time that 99 of 100 calls stayed below, in milliseconds. */
  readonly p99Ms: number;
  /** The longest call, in milliseconds. */
  readonly maxMs: number;
}

/** Starts one call; `done` must be called exactly once when it has finished. */
export type Operation = (done: () => void) => void;

/** Keeps `concurrency` calls in flight for `seconds`, after a tenth of that as a warm-up. */
export async function measure(concurrency: number, seconds: number, operation: Operation): Promise<Measurement> {
  await runFor(concurrency, seconds / 10, operation);
  const startMs = performance.now();
  const durations = await runFor(concurrency, seconds, operation);
  const elapsedMs = performance.now() - startMs;
  const sorted = Float64Array.from(durations).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return {
    concurrency,
    perSecond: sorted.length / elapsedMs * 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

function runFor(concurrency: number, seconds: number, operation: Operation): Promise<number[]> {
  const { promise, resolve } = Promise.withResolvers<number[]>();
  const durations: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  let running = concurrency;
  const next = (): void => {
    const startMs = performance.now();
    operation(() => {
      const nowMs = performance.now();
      durations.push(nowMs - startMs);
      if (nowMs < endMs) next();
      else if (--running === 0) resolve(durations);
    });
  };
  for (let call = 0; call < concurrency; call++) next();
  return promise;
}
