/**
 * `deno task mutants`: plants one mistake at a time in a copy of the sources and runs the swarm there until a check finds it.
 * Ends with code 1 when a mistake is not found, or when the sources as they are do not pass.
 *
 * @module
 */
import { type MutantsArguments, parseArguments, usage } from "./arguments.ts";
import { catalogue } from "./catalogue.ts";
import { type Mutant, trialName } from "./mutant.ts";
import { type Catches, readCatches, writeCatches } from "./last_catches.ts";
import { catchesOf, idleChecks, lineOf, matrix, survivors, type Tried } from "./report.ts";
import { tryMutant } from "./trial.ts";
import { Workshop } from "./workshop.ts";

/** Seeds that the sources as they are must pass before anything is planted in them. */
const controlSeeds = 25;

/** The time they may take for it, in milliseconds. */
const controlMs = 900_000;

/** One thing to try. */
interface Task {
  readonly mutant: Mutant;
  readonly only: string | null;
}

function tasksOf({ filter, shards, checks }: MutantsArguments): Task[] {
  const chosen = catalogue.filter(({ name, swarm }) =>
    (filter.length === 0 || filter.some((part) => name.includes(part))) && (!shards || swarm === "shards")
  );
  return [
    ...chosen.map((mutant) => ({ mutant, only: null })),
    ...(checks ? chosen.flatMap((mutant) => (mutant.provokes ?? []).map((only) => ({ mutant, only }))) : []),
  ];
}

/** The sources as they are pass in each swarm that is to find something; returns what is wrong otherwise. */
async function control(
  tasks: readonly Task[],
  given: MutantsArguments,
  signal: AbortSignal,
): Promise<string | null> {
  await using workshop = await Workshop.open();
  const seeds = Math.min(given.seeds, controlSeeds);
  const budget = { firstSeed: given.seed, seeds, timeMs: controlMs, signal };
  for (const swarm of new Set(tasks.map(({ mutant }) => mutant.swarm))) {
    const { verdict, tookMs } = await tryMutant(workshop, null, budget, { swarm });
    const which = swarm === undefined ? "" : ` of the swarm of ${swarm}`;
    if (verdict.kind !== "passed") {
      return `Cannot judge mutants: without one the swarm${which} says ${JSON.stringify(verdict)}`;
    }
    console.log(`Without a mutant: ${seeds} seeds${which} pass (${(tookMs / 1000).toFixed(1)} s)`);
  }
  return null;
}

async function tryAll(
  tasks: readonly Task[],
  given: MutantsArguments,
  lastCatches: Catches,
  signal: AbortSignal,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  const budget = { firstSeed: given.seed, seeds: given.seeds, timeMs: given.seconds * 1000, signal };
  let next = 0;
  const work = async (): Promise<void> => {
    await using workshop = await Workshop.open();
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
      const { mutant, only } = task;
      const lastCatch = lastCatches.get(trialName(mutant, only));
      const done = { ...task, trial: await tryMutant(workshop, mutant, budget, { only, lastCatch }) };
      if (signal.aborted) return;
      tried.push(done);
      console.log(lineOf(done));
    }
  };
  await Promise.all(Array.from({ length: Math.min(given.workers, tasks.length) }, work));
  return tried;
}

async function main(): Promise<number> {
  let given: MutantsArguments;
  try {
    given = parseArguments(Deno.args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  const tasks = tasksOf(given);
  if (given.list) {
    for (const { mutant: { name, origin, whyItMatters } } of tasks.filter(({ only }) => only === null)) {
      console.log(`${name}\n  ${origin}\n  ${whyItMatters}`);
    }
    return 0;
  }
  if (tasks.length === 0) {
    console.error(`Cannot try anything: no mutant's name contains ${given.filter.join(" or ")}; see --list`);
    return 2;
  }
  // Interrupted, the copies go all the same.
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => interrupted.abort());
  const problem = await control(tasks, given, interrupted.signal);
  if (problem !== null) {
    console.error(problem);
    return 1;
  }
  const lastCatches = await readCatches();
  const tried = await tryAll(tasks, given, given.afresh ? new Map() : lastCatches, interrupted.signal);
  console.log(matrix(tried));
  if (given.remember) await writeCatches(new Map([...lastCatches, ...catchesOf(tried)]));
  const idle = given.filter.length === 0 && !given.shards ? idleChecks(tried) : [];
  if (idle.length > 0) console.log(`Checks that have found nothing: ${idle.join(", ")}`);
  const left = survivors(tried);
  if (left.length > 0) console.log(`NOT CAUGHT: ${left.join(", ")}`);
  return left.length > 0 || idle.length > 0 || interrupted.signal.aborted ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
