/** An argument of a command, or the value of an option, as `<key:string>` or `[value:number[]]` defines it. */
export interface ArgumentDefinition {
  /** What it is called. */
  name: string;
  /** The name of its type. */
  type: string;
  /** Whether it may be left out: `[…]` and not `<…>`. */
  optional: boolean;
  /** Whether it is a list with commas: `<ids:string[]>`. */
  list: boolean;
  /** Whether it takes all that follows: `<...keys:string>`. */
  variadic: boolean;
  /** The definition as it was written. */
  raw: string;
}

/** What an option is told beside its flags and its description. Types that depend on the flags are not checked here. */
export interface OptionSettings {
  /** Used when the option is not given. */
  default?: unknown;
  /** Shown in help in place of the default. */
  defaultText?: unknown;
  /** Whether the command cannot do without. */
  required?: boolean;
  /** Whether help leaves it out. */
  hidden?: boolean;
  /** Whether sub-commands take it too. */
  global?: boolean;
  /** Whether it may be given more than once; its values are gathered in an array. */
  collect?: boolean;
  /** Whether nothing else is checked when it is given, as with `--help`. */
  standalone?: boolean;
  /** What divides the items of a list. */
  separator?: string;
  /** Options that cannot be given together with this one. */
  conflicts?: string[];
  /** Options this one makes sense only together with. */
  depends?: string[];
  /** Turns the parsed value into another one. */
  value?: (value: unknown, previous?: unknown) => unknown;
  /** Runs when the option is given. */
  action?: (...given: unknown[]) => unknown;
}

/** An option, as `-i, --id <id:string>` and its settings define it. */
export interface OptionDefinition extends OptionSettings {
  /** The long name, without dashes. */
  name: string;
  /** Every flag, with dashes. */
  flags: string[];
  /** What help says about it. */
  description: string;
  /** The value's definition as it was written, "" where there is none. */
  typeDefinition: string;
  /** The value's definition. */
  argument?: ArgumentDefinition;
}

/** Parses one definition: `<name>`, `[name:type]`, `<name:type[]>`, `[...name:type]`. */
export function parseArgument(raw: string): ArgumentDefinition {
  const match = /^([<[])(.+)[>\]]$/.exec(raw);
  if (!match) {
    throw new Error(
      `Cannot define an argument as "${raw}": write <name:type> or [name:type].`,
    );
  }
  const [named = "", type = "string"] = (match[2] ?? "").split(":");
  return {
    name: named.replace(/^\.\.\.|\.\.\.$/g, ""),
    type: type.replace(/\[\]$/, ""),
    optional: match[1] === "[",
    list: type.endsWith("[]"),
    variadic: named.startsWith("...") || named.endsWith("..."),
    raw,
  };
}

/** Splits `get, g <key:string> [value]` into words (names or flags) and the definitions that follow them. */
export function splitDefinition(
  text: string,
): { words: string[]; definitions: string[] } {
  const parts = text.trim().split(/[, =]+/);
  const words = parts.filter((part) => !/^[<[]/.test(part));
  return { words, definitions: parts.slice(words.length) };
}

/** Parses `-i, --id <id:string>` and what was said beside it. */
export function parseOption(
  flags: string,
  description: string,
  settings: OptionSettings,
): OptionDefinition {
  const { words, definitions } = splitDefinition(flags);
  const [definition, second] = definitions;
  if (second !== undefined) {
    throw new Error(
      `Cannot define option "${flags}": this stand-in takes one value an option, and it names two.`,
    );
  }
  const longest = words.find((word) => word.startsWith("--")) ?? words[0] ??
    flags;
  return {
    ...settings,
    name: longest.replace(/^-+/, ""),
    flags: words,
    description,
    typeDefinition: definition ?? "",
    ...(definition === undefined ? {} : { argument: parseArgument(definition) }),
  };
}

/** The property an option's value is kept under: `max-size` as `maxSize`, `no-color` as `color`. */
export function propertyOf(option: OptionDefinition): string {
  return option.name.replace(/^no-/, "").replace(
    /-([a-z])/g,
    (_, letter: string) => letter.toUpperCase(),
  );
}
