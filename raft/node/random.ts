/**
 * The port to randomness.
 *
 * @module
 */

/** A source of random numbers, real or seeded. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** The machine's own randomness. */
export const realRandom: Random = { next: () => Math.random() };
