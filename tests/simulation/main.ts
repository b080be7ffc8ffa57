/**
 * `deno task sim`: the swarm simulation. Each seed is a cluster of production nodes on simulated machines, with faults of its
 * own; a seed that fails prints the one command that replays it.
 *
 * @module
 */
import { parseArguments, type SimulationArguments, usage } from "./arguments.ts";
import { type RunOptions, runSeed } from "./run_seed.ts";
import { runShardSeed } from "./shards/run_shard_seed.ts";
import { shardCounted } from "./shards/shard_nemesis.ts";
import { type FailedSeed, SwarmSummary } from "./summary.ts";
import { linesOf, runSwarm, type SeedAnswer, type SeedTask } from "./swarm.ts";

/** One in so many seeds is run twice. */
const twiceEvery = 100;

/** It is this one of them: early, so that a small swarm has one, too. */
const twiceAt = 5;

/** Pause between two lines of progress, in milliseconds. */
const progressMs = 10_000;

function runOptions({ only, chaosMs, focus, trace }: SimulationArguments): RunOptions {
  return {
    record: trace,
    ...(only === null ? {} : { only }),
    ...(chaosMs === null ? {} : { chaosMs }),
    ...(focus === null ? {} : { focus }),
  };
}

type Run = typeof runSeed;

function runOf({ shards }: SimulationArguments): Run {
  return shards ? runShardSeed : runSeed;
}

async function answer(task: SeedTask, options: RunOptions, run: Run): Promise<SeedAnswer> {
  const { trace: _trace, ...report } = await run(task.seed, options);
  const second = task.twice ? await run(task.seed, options) : null;
  return { ...report, secondHash: second?.traceHash ?? null };
}

/** A worker process: a task a line on standard input, an answer a line on standard output. */
async function work(options: RunOptions, run: Run): Promise<void> {
  for await (const line of linesOf(Deno.stdin.readable)) {
    const task: SeedTask = JSON.parse(line);
    console.log(JSON.stringify(await answer(task, options, run)));
  }
}

/** One seed, with its trace. */
async function replay(seed: number, options: RunOptions, run: Run): Promise<number> {
  const { trace, violation, traceHash, simulatedMs, counts } = await run(seed, options);
  for (const line of trace) console.log(line);
  const events = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`);
  console.log(`seed ${seed}: ${(simulatedMs / 1000).toFixed(1)} simulated seconds, trace hash ${traceHash}`);
  console.log(events.join(", "));
  if (violation === null) return 0;
  console.log(`VIOLATION of ${violation.check}: ${violation.message}`);
  return 1;
}

/** Many seeds; returns the exit code. */
async function swarm(given: SimulationArguments): Promise<number> {
  const startedMs = performance.now();
  const summary = given.shards ? new SwarmSummary(shardCounted) : new SwarmSummary();
  const tasks = Array.from({ length: given.seeds }, (_, position): SeedTask => {
    const seed = given.seed + position;
    return { seed, twice: seed % twiceEvery === twiceAt };
  });
  let toldMs = startedMs;
  const onAnswer = (seedAnswer: SeedAnswer): boolean => {
    const failure = summary.add(seedAnswer);
    if (failure !== null) tellFailure(failure, seedAnswer.traceHash, given);
    if (!given.json && performance.now() - toldMs > progressMs) {
      toldMs = performance.now();
      console.log(summary.progress(tasks.length));
    }
    return failure === null || !given.stopOnFirst;
  };
  if (given.workers === 0) {
    for (const task of tasks) if (!onAnswer(await answer(task, runOptions(given), runOf(given)))) break;
  } else {
    const workerArguments = [
      ...(given.only === null ? [] : ["--only", [...given.only].join(",")]),
      ...(given.chaosMs === null ? [] : ["--chaos", String(given.chaosMs)]),
      ...(given.focus === null ? [] : ["--focus", given.focus]),
      ...(given.shards ? ["--shards"] : []),
    ];
    await runSwarm({ tasks, workers: Math.min(given.workers, tasks.length), workerArguments, onAnswer });
  }
  if (given.json) return summary.failed.length > 0 ? 1 : 0;
  console.log(summary.report(performance.now() - startedMs));
  return verdict(summary, given);
}

function tellFailure(failure: FailedSeed, traceHash: string, given: SimulationArguments): void {
  if (given.json) return console.log(JSON.stringify(failure));
  const chaos = given.chaosMs === null ? "" : ` --chaos ${given.chaosMs}`;
  const focus = given.focus === null ? "" : ` --focus ${given.focus}`;
  console.log(`seed ${failure.seed}: VIOLATION of ${failure.check}: ${failure.message}`);
  console.log(`  trace hash ${traceHash}`);
  const shards = given.shards ? " --shards" : "";
  console.log(`  replay: deno task sim --seed ${failure.seed} --trace${chaos}${focus}${shards}`);
}

function verdict(summary: SwarmSummary, given: SimulationArguments): number {
  if (summary.failed.length > 0) {
    console.log(`${summary.failed.length} of ${summary.seeds} seeds have failed`);
    return 1;
  }
  // A few seeds cannot show everything, and with one of these the swarm is not the whole one.
  const isWhole = given.only === null && given.focus === null && !given.shards;
  const tooSeldom = given.seeds >= 100 && isWhole ? summary.tooSeldom() : [];
  if (tooSeldom.length > 0) {
    console.log(`No violation, but these happened too seldom to prove anything: ${tooSeldom.join(", ")}`);
    return 1;
  }
  console.log("No violation");
  return 0;
}

async function main(): Promise<number> {
  let given: SimulationArguments;
  try {
    given = parseArguments(Deno.args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (given.worker) {
    await work(runOptions(given), runOf(given));
    return 0;
  }
  return given.trace ? await replay(given.seed, runOptions(given), runOf(given)) : await swarm(given);
}

if (import.meta.main) Deno.exit(await main());
