import { ValidationError } from "./errors.ts";

/** A value as it came from the command line, and where it stood there. */
export interface ArgumentValue {
  /** `Option` or `Argument`. */
  label: string;
  /** The name of the type it should have. */
  type: string;
  /** The name of the option or of the argument. */
  name: string;
  /** The text given. */
  value: string;
}

/** A type as a function: turns the text into a value, or throws. */
export type TypeHandler<Value> = (argument: ArgumentValue) => Value;

/** A type as a class. */
export abstract class Type<Value> {
  /** Turns the text into a value, or throws. */
  abstract parse(argument: ArgumentValue): Value;
  /** The values there are, for help and completions. */
  values?(): (string | number | boolean)[];
  /** The values offered by completions. */
  complete?(): (string | number | boolean)[];
}

/** What `Command.type` takes. */
export type TypeOrTypeHandler<Value> = Type<Value> | TypeHandler<Value>;

/** The error for a text that is not a value of the type. */
export function invalidType(
  argument: ArgumentValue,
  expected: readonly unknown[] = [],
): ValidationError {
  const { label, name, type, value } = argument;
  const values = expected.map((one) => `"${one}"`).join(", ");
  return new ValidationError(
    `${label} "${name}" must be of type "${type}", but got "${value}".` +
      (values ? ` Expected values: ${values}` : ""),
  );
}

/** Any text. */
export class StringType extends Type<string> {
  /** The text itself. */
  override parse(argument: ArgumentValue): string {
    return argument.value;
  }
}

/** A path. */
export class FileType extends StringType {}

/** A text not to be shown. */
export class SecretType extends StringType {}

/** A finite number. */
export class NumberType extends Type<number> {
  /** The number the text stands for. */
  override parse(argument: ArgumentValue): number {
    const value = Number(argument.value);
    if (argument.value === "" || !Number.isFinite(value)) {
      throw invalidType(argument);
    }
    return value;
  }
}

/** A whole number. */
export class IntegerType extends Type<number> {
  /** The whole number the text stands for. */
  override parse(argument: ArgumentValue): number {
    const value = Number(argument.value);
    if (!Number.isInteger(value)) throw invalidType(argument);
    return value;
  }
}

/** `true`, `false`, `1` or `0`. */
export class BooleanType extends Type<boolean> {
  /** The truth value the text stands for. */
  override parse(argument: ArgumentValue): boolean {
    if (argument.value === "1" || argument.value === "true") return true;
    if (argument.value === "0" || argument.value === "false") return false;
    throw invalidType(argument, ["true", "false", "1", "0"]);
  }
}

/** One of the values listed. */
export class EnumType<const Value extends string | number | boolean> extends Type<Value> {
  readonly #allowed: readonly Value[];

  constructor(values: readonly Value[] | Record<string, Value>) {
    super();
    this.#allowed = Object.values(values);
  }

  /** The value the text stands for. */
  override parse(argument: ArgumentValue): Value {
    const value = this.#allowed.find((one) => String(one) === argument.value);
    if (value === undefined) throw invalidType(argument, this.#allowed);
    return value;
  }

  /** The values listed. */
  override values(): Value[] {
    return [...this.#allowed];
  }

  /** The values listed. */
  override complete(): Value[] {
    return this.values();
  }
}

/** The types every command knows. */
export const builtInTypes: ReadonlyMap<string, TypeOrTypeHandler<unknown>> = new Map<
  string,
  TypeOrTypeHandler<unknown>
>(
  [
    ["string", new StringType()],
    ["file", new FileType()],
    ["secret", new SecretType()],
    ["number", new NumberType()],
    ["integer", new IntegerType()],
    ["boolean", new BooleanType()],
  ],
);
