/**
 * `deno task lab`: the course's suites under their official names, in virtual time on many seeds, or in real time.
 *
 * @module
 */
import type { LabCase } from "./harness/lab_test_case.ts";
import { type LabRun, runReal, runVirtual } from "./run_case.ts";
import { chosenMemoryCases, runMemoryCases } from "./memory/run_memory.ts";
import { chosenMapReduceCases, runMapReduceCases } from "./run_mapreduce.ts";
import { caseName, labCases } from "./suites.ts";
import { heading, line } from "./table.ts";
import type { WorkerAnswer, WorkerTask } from "./worker.ts";

const usage = `Usage: deno task lab [--filter TEXT] [--seeds N] [--jobs N] [--real | --processes]
       deno task lab --filter SUITE/NAME --seed S [--trace FILE]

  --filter TEXT  only tests whose SUITE/NAME contains it, or begins with it if it has a slash; may be repeated
  --seeds N      runs of each test in virtual time, with the seeds 1 to N (100)
  --jobs N       threads (one for each core)
  --seed S       one run with this seed
  --trace FILE   writes what happened in that run, line by line
  --real         on TCP, files and the real clock, one after another, each once unless --seeds says more
  --processes    as --real, with each server a process of its own, crashed by SIGKILL

The MapReduce suite and the tests of memory are always run as processes and in real time, each test once.`;

/** What the command line asks for. */
interface Settings {
  readonly filters: readonly string[];
  readonly seeds: number;
  readonly jobs: number;
  readonly seed: number | null;
  readonly traceFile: string | null;
  readonly isReal: boolean;
  readonly usesProcesses: boolean;
}

/** The command line is wrong. */
class UsageError extends Error {}

function parse(args: readonly string[]): Settings {
  const filters: string[] = [];
  let seeds: number | null = null;
  let jobs = navigator.hardwareConcurrency;
  let [isReal, usesProcesses] = [false, false];
  let seed: number | null = null;
  let traceFile: string | null = null;
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === "--real" || flag === "--processes") {
      isReal = true;
      usesProcesses ||= flag === "--processes";
      continue;
    }
    const value = rest.shift();
    if (value === undefined) throw new UsageError(`Cannot read ${flag}: it is unknown, or its value is missing`);
    if (flag === "--filter") filters.push(value);
    else if (flag === "--seeds") seeds = positive(flag, value);
    else if (flag === "--jobs") jobs = positive(flag, value);
    else if (flag === "--seed") seed = positive(flag, value);
    else if (flag === "--trace") traceFile = value;
    else throw new UsageError(`Cannot read ${flag}: there is no such option`);
  }
  if (traceFile !== null && seed === null) throw new UsageError("Cannot write a trace: name the run with --seed");
  if (traceFile !== null && isReal) throw new UsageError("Cannot write a trace of real time");
  return { filters, seeds: seeds ?? (isReal ? 1 : 100), jobs, seed, traceFile, isReal, usesProcesses };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new UsageError(`Cannot read ${flag} ${text}: it must be a whole number above 0`);
}

/** A filter with a slash in it must be how SUITE/NAME begins; another one may stand anywhere in it. */
function isMeant(test: LabCase, filter: string): boolean {
  return filter.includes("/") ? caseName(test).startsWith(filter) : caseName(test).includes(filter);
}

/** Runs all tests on threads; calls back with each test in order, when its last run is over. */
async function runOnThreads(
  tests: readonly LabCase[],
  { seeds, jobs }: Settings,
  onDone: (test: LabCase, runs: readonly LabRun[]) => void,
): Promise<void> {
  const perTask = 10;
  const tasks: WorkerTask[] = tests.flatMap((test) =>
    Array.from({ length: Math.ceil(seeds / perTask) }, (_, chunk) => {
      const first = chunk * perTask + 1;
      const count = Math.min(perTask, seeds - chunk * perTask);
      return { test: caseName(test), seeds: Array.from({ length: count }, (_, at) => first + at) };
    })
  );
  const results = new Map(tests.map((test) => [caseName(test), { test, runs: [] as LabRun[] }]));
  const unreported = [...tests];
  const take = (answer: WorkerAnswer): void => {
    const result = results.get(answer.test);
    if (result === undefined) return;
    result.runs.push(...answer.runs);
    while (unreported.length > 0) {
      const { test, runs } = results.get(caseName(unreported[0] ?? result.test)) ?? result;
      if (runs.length < seeds) return;
      unreported.shift();
      onDone(test, runs.sort((left, right) => left.seed - right.seed));
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, () => runThread(tasks, take)));
}

/** One thread, which takes tasks until none is left. */
function runThread(tasks: WorkerTask[], take: (answer: WorkerAnswer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const next = (): void => {
      const task = tasks.shift();
      if (task !== undefined) return worker.postMessage(task);
      worker.terminate();
      resolve();
    };
    worker.onmessage = (event: MessageEvent<WorkerAnswer>) => {
      take(event.data);
      next();
    };
    worker.onerror = (event) => reject(new Error(`A thread has failed: ${event.message}`));
    next();
  });
}

/** Prints what is wrong with a test, and how to see it again. */
function reportFailures(test: LabCase, runs: readonly LabRun[], isReal: boolean): void {
  const failures = runs.filter(({ failure }) => failure !== null);
  for (const { seed, failure } of failures.slice(0, 3)) {
    console.log(`  seed ${seed}: ${failure?.split("\n").slice(0, 8).join("\n    ")}`);
    if (isReal) continue;
    console.log(`  replay: deno task lab --filter ${caseName(test)} --seed ${seed} --trace trace.txt`);
  }
  if (failures.length > 3) console.log(`  … seeds ${failures.slice(3).map(({ seed }) => seed).join(", ")}, too`);
}

/** Runs a test with one seed, and writes its trace where that is wanted. */
async function runTraced(test: LabCase, seed: number, traceFile: string | null): Promise<LabRun> {
  const onTrace = (lines: readonly string[]): void => {
    if (traceFile !== null) Deno.writeTextFileSync(traceFile, `${lines.join("\n")}\n`);
  };
  const run = await runVirtual(test, seed, traceFile === null ? undefined : onTrace);
  console.log(`trace hash ${run.hash}`);
  return run;
}

/** Runs what the command line asks for; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const settings = parse(args);
  const { filters, seeds, seed, isReal } = settings;
  const tests = labCases.filter((test) => filters.length === 0 || filters.some((filter) => isMeant(test, filter)));
  // Whole processes: there is no seed that repeats them.
  const mapReduceCases = seed === null ? chosenMapReduceCases(filters) : [];
  const memoryCases = seed === null ? chosenMemoryCases(filters) : [];
  const count = tests.length + memoryCases.length + mapReduceCases.length;
  if (count === 0) throw new UsageError(`Cannot run: no test's name contains ${filters.join(" or ")}`);
  let failed = 0;
  const report = (test: LabCase, runs: readonly LabRun[]): void => {
    console.log(line(test, runs));
    reportFailures(test, runs, isReal);
    if (runs.some(({ failure }) => failure !== null)) failed++;
  };
  if (tests.length > 0) console.log(heading());
  if (isReal) {
    const wanted = seed === null ? Array.from({ length: seeds }, (_, at) => at + 1) : [seed];
    for (const test of tests) {
      const runs: LabRun[] = [];
      for (const one of wanted) runs.push(await runReal(test, one, settings.usesProcesses));
      report(test, runs);
    }
  } else if (seed !== null) {
    for (const test of tests) report(test, [await runTraced(test, seed, settings.traceFile)]);
  } else {
    await runOnThreads(tests, settings, report);
  }
  failed += await runMemoryCases(memoryCases, isReal);
  failed += await runMapReduceCases(mapReduceCases);
  console.log(`${count - failed} of ${count} tests passed`);
  return failed === 0 ? 0 : 1;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  Deno.exit(2);
}
