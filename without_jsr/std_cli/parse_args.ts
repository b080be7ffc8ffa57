import minimist from "npm:minimist@1.2.8";

/** What to make of a command line. */
export interface ParseOptions<
  Booleans extends string,
  Strings extends string,
  Collected extends string,
  Defaults,
> {
  /** Flags without a value; `false` unless given. */
  boolean?: readonly Booleans[];
  /** Options whose value stays a string. */
  string?: readonly Strings[];
  /** Options that may be given more than once. */
  collect?: readonly Collected[];
  /** Values of options that are not given. */
  default?: Defaults;
  /** Other names of options. */
  alias?: Record<string, string | readonly string[]>;
  /** Whether options end at the first word that is none. */
  stopEarly?: boolean;
  /** Whether what follows `--` is kept apart, under that name. */
  "--"?: boolean;
}

type One<Name extends string, Value, Collected, Defaults> = Name extends Collected ? Value[]
  : Name extends keyof Defaults ? Value | Defaults[Name]
  : Value;

/** A command line, taken apart. */
export type Args<
  Booleans extends string,
  Strings extends string,
  Collected extends string,
  Defaults,
> =
  & { [Name in Booleans]: One<Name, boolean, Collected, Defaults> }
  & {
    [Name in Strings as Name extends Collected | keyof Defaults ? Name : never]: One<Name, string, Collected, Defaults>;
  }
  & {
    [
      Name in Strings as Name extends Collected | keyof Defaults ? never : Name
    ]?: string | undefined;
  }
  & {
    [Name in Exclude<keyof Defaults, Booleans | Strings | Collected>]: Defaults[Name];
  }
  & { _: (string | number)[]; [name: string]: unknown };

/** Takes a command line apart. */
export function parseArgs<
  const Booleans extends string = never,
  const Strings extends string = never,
  const Collected extends string = never,
  Defaults = Record<never, never>,
>(
  commandLine: readonly string[],
  options?: ParseOptions<Booleans, Strings, Collected, Defaults>,
): Args<Booleans, Strings, Collected, Defaults>;
export function parseArgs(
  commandLine: readonly string[],
  options: ParseOptions<string, string, string, Record<string, unknown>> = {},
): Record<string, unknown> {
  const parsed: Record<string, unknown> = minimist([...commandLine], {
    ...options,
    boolean: [...options.boolean ?? []],
    string: [...options.string ?? []],
    alias: Object.fromEntries(
      Object.entries(options.alias ?? {}).map((
        [name, other],
      ) => [name, typeof other === "string" ? other : [...other]]),
    ),
  });
  // minimist gathers every repeated option; the real package only those it is told to, and always as an array.
  const collected = new Set<string>(options.collect);
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "_" || name === "--") continue;
    if (!collected.has(name) && Array.isArray(value)) {
      parsed[name] = value.at(-1);
    }
    if (collected.has(name) && !Array.isArray(value)) parsed[name] = [value];
  }
  for (const name of collected) parsed[name] ??= [];
  return parsed;
}
