/**
 * What `deno task mutants` can be told.
 *
 * @module
 */

/** Settings of a run. */
export interface MutantsArguments {
  /** Parts of names; a mutant is tried when its name contains one of them. Empty for all. */
  readonly filter: readonly string[];
  /** The first seed. */
  readonly seed: number;
  /** Seeds for each mutant. */
  readonly seeds: number;
  /** Real time for each mutant, in seconds. */
  readonly seconds: number;
  /** Mutants tried at the same time. */
  readonly workers: number;
  /** Whether mutants are only listed. */
  readonly list: boolean;
  /** Whether only those of the sharded store are tried. */
  readonly shards: boolean;
  /** Whether checks are tried alone on the mutants made for them. */
  readonly checks: boolean;
  /** Whether the runs that have caught mutants before are not tried first. */
  readonly afresh: boolean;
  /** Whether those that catch them now are written down for the next time. */
  readonly remember: boolean;
}

/** How to call it. */
export const usage = `deno task mutants [--filter NAME,…] [--seeds N] [--seed S] [--seconds T] [--workers W] [--shards]
                   [--list] [--no-checks] [--afresh] [--remember]

  --filter NAME,…   only mutants whose name contains one of these
  --seeds N         at most N seeds for each mutant, 1000 unless given
  --seed S          begin with seed S, 1 unless given
  --seconds T       at most T seconds for each mutant, 900 unless given
  --workers W       mutants tried at a time, 2 unless given
  --shards          only mutants of the sharded store
  --list            say what there is, and try nothing
  --no-checks       do not try single checks on the mutants made for them
  --afresh          do not begin with the run that has caught a mutant before (last_catches.json)
  --remember        write down which runs have caught mutants
`;

const flagNames = ["--list", "--no-checks", "--shards", "--afresh", "--remember"];

/** Reads the command line; throws a RangeError that says what is wrong with it. */
export function parseArguments(given: readonly string[]): MutantsArguments {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let at = 0; at < given.length; at++) {
    const [name = "", inline] = (given[at] ?? "").split("=", 2);
    if (flagNames.includes(name)) flags.add(name);
    else if (!["--filter", "--seeds", "--seed", "--seconds", "--workers"].includes(name)) {
      throw new RangeError(`Cannot understand ${name}`);
    } else {
      const value = inline ?? given[++at];
      if (value === undefined) throw new RangeError(`Cannot use ${name} without a value`);
      values.set(name, value);
    }
  }
  const integer = (name: string, least: number, otherwise: number): number => {
    const text = values.get(name);
    if (text === undefined) return otherwise;
    const number = Number(text);
    if (Number.isSafeInteger(number) && number >= least) return number;
    throw new RangeError(`Cannot use ${name} ${text}: give a whole number of at least ${least}`);
  };
  return {
    filter: (values.get("--filter") ?? "").split(",").filter((part) => part !== ""),
    seed: integer("--seed", 0, 1),
    seeds: integer("--seeds", 1, 1000),
    seconds: integer("--seconds", 1, 900),
    workers: integer("--workers", 1, 2),
    list: flags.has("--list"),
    shards: flags.has("--shards"),
    checks: !flags.has("--no-checks"),
    afresh: flags.has("--afresh"),
    remember: flags.has("--remember"),
  };
}
