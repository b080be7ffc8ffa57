/**
 * What `deno task sim` can be told.
 *
 * @module
 */
import { type FocusName, focusNames } from "./focused_plans.ts";

/** Settings of a swarm. */
export interface SimulationArguments {
  /** The first seed, or the only one. */
  readonly seed: number;
  /** How many seeds. */
  readonly seeds: number;
  /** Whether the trace is printed as text; for one seed. */
  readonly trace: boolean;
  /** Number of worker processes; 0 for none: everything in this process. */
  readonly workers: number;
  /** Whether failing seeds are printed as JSON lines, and nothing else on standard output. */
  readonly json: boolean;
  /** Whether the first failing seed ends the swarm. */
  readonly stopOnFirst: boolean;
  /** Checks whose violations count; null for all. */
  readonly only: ReadonlySet<string> | null;
  /** How long faults go on in a run, averaged over seeds, in milliseconds of virtual time. */
  readonly chaosMs: number | null;
  /** What all runs are focused on; null for what is drawn. */
  readonly focus: FocusName | null;
  /** Whether the runs are those of the sharded store. */
  readonly shards: boolean;
  /** Whether this is a worker process. */
  readonly worker: boolean;
}

/** How to call it. */
export const usage = `deno task sim [--seeds N] [--seed S] [--trace] [--workers W] [--json] [--stop-on-first]
             [--only CHECK,…] [--chaos MILLISECONDS] [--focus NAME] [--shards]

  --seeds N         run N seeds, 100 unless --seed is given
  --seed S          begin with seed S (1 unless given); alone, run just that one
  --trace           print what happens, line by line
  --workers W       processes to use, 2 unless given; 0 for this one only
  --json            print a line {"seed","check","message"} for each failing seed, and nothing else
  --stop-on-first   end with the first failing seed
  --only CHECK,…    count only violations of these checks
  --shards          groups of a sharded store, and shards that move between them, in place of a single cluster
  --chaos MS        faults go on for so much virtual time in a run, on average
  --focus NAME      only runs in which one family of faults comes often: ${focusNames.join(", ")}
`;

/** Reads the command line; throws a RangeError that says what is wrong with it. */
export function parseArguments(given: readonly string[]): SimulationArguments {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const takesValue = new Set(["--seeds", "--seed", "--workers", "--only", "--chaos", "--focus"]);
  const isFlag = new Set(["--trace", "--json", "--stop-on-first", "--shards", "--worker"]);
  for (let at = 0; at < given.length; at++) {
    const [name = "", inline] = (given[at] ?? "").split("=", 2);
    if (isFlag.has(name)) flags.add(name);
    else if (!takesValue.has(name)) throw new RangeError(`Cannot understand ${name}`);
    else {
      const value = inline ?? given[++at];
      if (value === undefined) throw new RangeError(`Cannot use ${name} without a value`);
      values.set(name, value);
    }
  }
  const integer = (name: string, least: number): number | null => {
    const text = values.get(name);
    if (text === undefined) return null;
    const number = Number(text);
    if (Number.isSafeInteger(number) && number >= least) return number;
    throw new RangeError(`Cannot use ${name} ${text}: give a whole number of at least ${least}`);
  };
  const focusGiven = values.get("--focus");
  const focus = focusNames.find((name) => name === focusGiven) ?? null;
  if (focusGiven !== undefined && focus === null) {
    throw new RangeError(`Cannot use --focus ${focusGiven}: there are ${focusNames.join(", ")}`);
  }
  const seed = integer("--seed", 0);
  const only = values.get("--only");
  return {
    seed: seed ?? 1,
    seeds: integer("--seeds", 1) ?? (seed === null ? 100 : 1),
    trace: flags.has("--trace"),
    workers: integer("--workers", 0) ?? 2,
    json: flags.has("--json"),
    stopOnFirst: flags.has("--stop-on-first"),
    only: only === undefined ? null : new Set(only.split(",")),
    chaosMs: integer("--chaos", 1),
    focus,
    shards: flags.has("--shards"),
    worker: flags.has("--worker"),
  };
}
