/**
 * The options that a command was given, whatever the parser makes of them.
 *
 * @module
 */
import { revealWord } from "./dashes.ts";
import { UsageError } from "./failure.ts";

/** See the module. */
export class Flags {
  readonly #given: ReadonlyMap<string, unknown>;

  /** `given` is what the parser hands to an action. */
  constructor(given: unknown) {
    this.#given = new Map(typeof given === "object" && given !== null ? Object.entries(given) : []);
  }

  /** Whether an option without a value was given. */
  isSet(name: string): boolean {
    return this.#given.get(name) === true;
  }

  /** The value of an option; null if it was not given. */
  text(name: string): string | null {
    const value = this.#given.get(name);
    return typeof value === "string" ? revealWord(value) : null;
  }

  /** The value of an option that is a whole number, null if it was not given; from `least` on. */
  integer(name: string, least: number): number | null {
    const value = this.#given.get(name);
    if (value === undefined) return null;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    throw new UsageError(`Cannot use --${name} ${String(value)}: give a whole number from ${least} on`);
  }
}
