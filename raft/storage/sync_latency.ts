/**
 * How long durable writes took lately: percentiles over the last minute, from histograms, so that one more costs nothing
 * worth mentioning however many there are.
 *
 * @module
 */

/** Figures over the recent past. */
export interface LatencyFigures {
  /** How many there were. */
  readonly count: number;
  /** Time that half of them stayed below, in milliseconds, to within a tenth; 0 without any. */
  readonly p50Ms: number;
  /** Time that 99 of 100 stayed below, in milliseconds, to within a tenth; 0 without any. */
  readonly p99Ms: number;
  /** The longest, in milliseconds; 0 without any. */
  readonly maxMs: number;
}

/** A minute in slices: the oldest slice is forgotten as a whole. */
const slices = 6;
const sliceMs = 10_000;
/** The bins' bounds grow by this exponent of 2 a bin, from {@link firstBoundMs} on: from 0.01 ms to a quarter of an hour. */
const binExponent = 1 / 4;
const firstBoundMs = 0.01;
const bins = 108;

interface Slice {
  /** Which slice of time it is, in multiples of {@link sliceMs}; -1 for none. */
  number: number;
  maxMs: number;
  readonly counts: Uint32Array;
}

/** Durations of the last minute. */
export class SyncLatency {
  readonly #slices: readonly Slice[] = Array.from({ length: slices }, () => ({
    ...{ number: -1, maxMs: 0 },
    counts: new Uint32Array(bins),
  }));

  /** Notes that something ended at `nowMs` of the monotonic clock that took `tookMs`. */
  record(nowMs: number, tookMs: number): void {
    const number = Math.floor(nowMs / sliceMs);
    const slice = this.#slices[number % slices];
    if (slice === undefined) return;
    if (slice.number !== number) {
      slice.number = number;
      slice.maxMs = 0;
      slice.counts.fill(0);
    }
    if (tookMs > slice.maxMs) slice.maxMs = tookMs;
    const bin = tookMs <= firstBoundMs
      ? 0
      : Math.min(bins - 1, Math.ceil(Math.log2(tookMs / firstBoundMs) / binExponent));
    slice.counts[bin] = (slice.counts[bin] ?? 0) + 1;
  }

  /** Figures of the last minute. `underWayMs`: how long one has taken that has not ended; it counts for the longest. */
  figures(nowMs: number, underWayMs = 0): LatencyFigures {
    const oldest = Math.floor(nowMs / sliceMs) - slices + 1;
    const recent = this.#slices.filter(({ number }) => number >= oldest);
    const totals = new Float64Array(bins);
    for (const { counts } of recent) {
      for (const [bin, count] of counts.entries()) totals[bin] = (totals[bin] ?? 0) + count;
    }
    const count = totals.reduce((sum, one) => sum + one, 0);
    const recordedMaxMs = Math.max(0, ...recent.map(({ maxMs }) => maxMs));
    const percentile = (share: number): number => Math.min(recordedMaxMs, middleOf(totals, share * count));
    const maxMs = Math.max(recordedMaxMs, underWayMs);
    return count === 0
      ? { count, p50Ms: 0, p99Ms: 0, maxMs }
      : { count, p50Ms: percentile(0.5), p99Ms: percentile(0.99), maxMs };
  }
}

/** The middle of the bin in which the sum of counts reaches `wanted`. */
function middleOf(totals: Float64Array, wanted: number): number {
  let sum = 0;
  for (const [bin, count] of totals.entries()) {
    sum += count;
    if (sum >= wanted && count > 0) return firstBoundMs * 2 ** ((bin - 0.5) * binExponent);
  }
  return 0;
}
