/**
 * Checks that decoded CBOR has the shape it should have, field by field: what arrives from outside is never trusted.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { integerFrom, ShapeError } from "../raft/encoding/shape.ts";

/** The fields of a CBOR map, each read once by name and kind. */
export class Fields {
  readonly #fields: ReadonlyMap<string, CborValue>;
  readonly #what: string;

  /** Throws {@link ShapeError} unless `value` is a map. `what` names it in messages. */
  constructor(value: CborValue | undefined, what: string) {
    if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
      throw new ShapeError(`${what} must be a map`);
    }
    this.#fields = new Map(Object.entries(value));
    this.#what = what;
  }

  /** A text of at most so many characters. */
  text(name: string, maxCharacters: number): string {
    return textFrom(this.#fields.get(name), maxCharacters, `${name} of ${this.#what}`);
  }

  /** A text, or null. */
  textOrNull(name: string, maxCharacters: number): string | null {
    return this.#fields.get(name) === null ? null : this.text(name, maxCharacters);
  }

  /** An integer from `least` to `most`. */
  integer(name: string, least = 0, most: number = Number.MAX_SAFE_INTEGER): number {
    return integerFrom(this.#fields.get(name), least, most, `${name} of ${this.#what}`);
  }

  /** True or false. */
  flag(name: string): boolean {
    const value = this.#fields.get(name);
    if (typeof value !== "boolean") throw new ShapeError(`${name} of ${this.#what} must be true or false`);
    return value;
  }

  /** An array, each item read by `read`. */
  list<Item>(name: string, read: (item: CborValue, what: string) => Item): Item[] {
    const value = this.#fields.get(name);
    if (!Array.isArray(value)) throw new ShapeError(`${name} of ${this.#what} must be an array`);
    return value.map((item: CborValue) => read(item, `an item of ${name}`));
  }

  /** One of the given texts. */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#fields.get(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw new ShapeError(`${name} of ${this.#what} must be one of ${choices.join(", ")}`);
    return choice;
  }

  /** The value of a field as it is; null if it is missing. */
  value(name: string): CborValue {
    return this.#fields.get(name) ?? null;
  }
}

/** A text of at most so many characters. */
export function textFrom(value: CborValue | undefined, maxCharacters: number, what: string): string {
  if (typeof value !== "string") throw new ShapeError(`${what} must be a text`);
  if (value.length > maxCharacters) throw new ShapeError(`${what} must have at most ${maxCharacters} characters`);
  return value;
}
