import { type ArgumentDefinition, type OptionDefinition, propertyOf } from "./definition.ts";
import { flagOf, ValidationError } from "./errors.ts";
import type { Occurrence } from "./tokenize.ts";
import type { ArgumentValue } from "./value_types.ts";

/** Turns a text into a value of the type it names. */
export type ParseType = (argument: ArgumentValue) => unknown;

function parseValue(
  text: string,
  { type, list }: ArgumentDefinition,
  where: { label: string; name: string },
  separator: string,
  parseType: ParseType,
): unknown {
  if (!list) return parseType({ ...where, type, value: text });
  return text.split(separator).map((item) => parseType({ ...where, type, value: item }));
}

/** The value of one occurrence; `undefined` when it was given as the empty string and may be left out. */
function valueOf({ option, text }: Occurrence, parseType: ParseType): unknown {
  if (option.name.startsWith("no-")) return false;
  if (!option.argument || text === undefined) return true;
  if (text === "" && (!option.required || option.argument.optional)) {
    return undefined;
  }
  const where = { label: "Option", name: `--${option.name}` };
  return parseValue(
    text,
    option.argument,
    where,
    option.separator ?? ",",
    parseType,
  );
}

/** The values of the options that were given, by property. */
function givenValues(
  occurrences: Occurrence[],
  parseType: ParseType,
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const occurrence of occurrences) {
    const { option } = occurrence;
    const property = propertyOf(option);
    const previous = values.get(property);
    if (previous !== undefined && !option.collect) {
      throw new ValidationError(
        `Option "${flagOf(option.name).replace(/^--no-/, "--")}" can only occur once, but was found several times.`,
      );
    }
    const value = valueOf(occurrence, parseType);
    if (value === undefined) continue;
    if (option.value) values.set(property, option.value(value, previous));
    else if (option.collect) {
      values.set(
        property,
        Array.isArray(previous) ? [...previous, value] : [value],
      );
    } else values.set(property, value);
  }
  return values;
}

function defaultOf(option: OptionDefinition, all: OptionDefinition[]): unknown {
  const isOnlyNegative = option.name.startsWith("no-") &&
    !all.some((one) => `no-${one.name}` === option.name);
  const value = typeof option.default === "function" ? option.default() : option.default;
  return value ?? (isOnlyNegative ? true : undefined);
}

function checkCombinations(
  given: Map<string, unknown>,
  occurrences: Occurrence[],
): void {
  for (const { option } of occurrences) {
    for (const other of option.conflicts ?? []) {
      if (given.has(propertyOf({ ...option, name: other }))) {
        throw new ValidationError(
          `Option "${flagOf(option.name)}" conflicts with option "${flagOf(other)}".`,
        );
      }
    }
    for (const other of option.depends ?? []) {
      if (!given.has(propertyOf({ ...option, name: other }))) {
        throw new ValidationError(
          `Option "${flagOf(option.name)}" depends on option "${flagOf(other)}".`,
        );
      }
    }
  }
}

/** The values of all options, with defaults, checked; by property. */
export function optionValues(
  occurrences: Occurrence[],
  options: OptionDefinition[],
  parseType: ParseType,
): Record<string, unknown> {
  const given = givenValues(occurrences, parseType);
  const values = new Map(given);
  for (const option of options) {
    if (values.has(propertyOf(option))) continue;
    const value = defaultOf(option, options);
    if (value !== undefined) {
      values.set(
        propertyOf(option),
        option.value ? option.value(value) : value,
      );
    }
  }
  if (!occurrences.some(({ option }) => option.standalone)) {
    checkCombinations(given, occurrences);
    const missing = options.find((option) => option.required && !values.has(propertyOf(option)));
    if (missing) {
      throw new ValidationError(
        `Missing required option "${flagOf(missing.name)}".`,
      );
    }
  }
  return Object.fromEntries(values);
}

/** The values of a command's arguments, and the words that were too many. */
export function argumentValues(
  words: string[],
  definitions: ArgumentDefinition[],
  parseType: ParseType,
): { values: unknown[]; tooMany: string[] } {
  const last = definitions.at(-1);
  const capacity = last?.variadic ? words.length : definitions.length;
  const values = words.slice(0, capacity).map((word, index) => {
    const definition = definitions[index] ?? last;
    if (!definition || (definition.optional && word === "")) return undefined;
    return parseValue(
      word,
      definition,
      { label: "Argument", name: definition.name },
      ",",
      parseType,
    );
  });
  return { values, tooMany: words.slice(capacity) };
}
