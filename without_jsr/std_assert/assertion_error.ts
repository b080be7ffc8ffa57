import { inspect } from "node:util";

/** What every assertion throws. A class of its own, as in the real package, and not the one of `node:assert`. */
export class AssertionError extends Error {
  /** Says what was asserted and what was found instead. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** How the caller's own words end an error message. */
export function suffix(message: string | undefined): string {
  return message ? `: ${message}` : ".";
}

/** A value as error messages show it. */
export function format(value: unknown): string {
  return inspect(value, { depth: 20, maxArrayLength: 200, sorted: true });
}
