/**
 * What storage needs of time: a part of the port in `node/clock.ts`, stated here because storage stands below the node.
 *
 * @module
 */

/** Time as storage uses it; every `Clock` is one. */
export interface StorageClock {
  /** Monotonic time in milliseconds. */
  monotonicMs(): number;
  /** Wall-clock time in milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `callback` once, `delayMs` from now or later. */
  after(delayMs: number, callback: () => void): { cancel(): void };
}
