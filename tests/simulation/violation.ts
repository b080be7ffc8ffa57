/**
 * A property of the system that does not hold.
 *
 * @module
 */

/** Names of the checks that are not invariants of a step; see `invariants/` for those. */
export type EndCheckName =
  | "node-failure"
  | "node-start"
  | "damage"
  | "linearizability"
  | "acknowledged-writes"
  | "mutual-exclusion"
  | "watch"
  | "lease"
  | "liveness"
  | "convergence"
  | "divergence"
  | "determinism"
  | "harness";

/** Thrown, or passed to the scheduler, when a check has found something. */
export class Violation extends Error {
  /** The class name, for logs. */
  override readonly name = "Violation";
  /** The check. */
  readonly check: string;

  /** `check` has found `message`. */
  constructor(check: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.check = check;
  }
}
