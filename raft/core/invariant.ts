/**
 * Assertions that stay on in production: a node whose own rules are broken must stop before it can harm the others.
 *
 * @module
 */

/** A rule of the program itself was broken. Never caused by input; the node that sees it stops. */
export class InvariantError extends Error {
  /** The class name, for logs. */
  override readonly name = "InvariantError";
}

/**
 * Throws {@link InvariantError} unless `condition` holds. Where it is asked for each entry `message` is a function: putting
 * numbers into a text costs more than all the rest there.
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(`Invariant broken: ${typeof message === "string" ? message : message()}`);
}

/** For the default of an exhaustive switch: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new InvariantError(`Invariant broken: unexpected value ${JSON.stringify(value)}`);
}
