/**
 * Runs the swarm on a copy of the sources, until it finds something or its budget is used up.
 *
 * @module
 */
import type { FocusName } from "../focused_plans.ts";
import type { Catch } from "./last_catches.ts";
import { editsOf, type Mutant } from "./mutant.ts";
import type { Workshop } from "./workshop.ts";

/** Seeds of the first swarm on a mutant, and of the largest. */
const firstSwarmSeeds = 10;
const mostSwarmSeeds = 40;

/** Seeds of the focus that a mutant names, before runs of all sorts. */
export const focusSeeds = 30;

/** What a swarm is told besides its budget. */
interface SwarmOptions {
  /** Just that check counts; null for all. */
  readonly only: string | null;
  /** Whether it is the swarm of the sharded store. */
  readonly shards: boolean;
}

/** How much a swarm may spend on one mutant. */
export interface Budget {
  /** The first seed. */
  readonly firstSeed: number;
  /** How many seeds; > 0. */
  readonly seeds: number;
  /** How long, in milliseconds of real time. */
  readonly timeMs: number;
  /** What all runs are focused on. */
  readonly focus?: FocusName;
  /** When it is aborted, time is up. */
  readonly signal?: AbortSignal;
}

/** How it went. */
export type Verdict =
  /** A check has found the mistake, with the last of so many seeds; `focus` says what these were focused on. */
  | {
    readonly kind: "caught";
    readonly check: string;
    readonly message: string;
    readonly seed: number;
    readonly seeds: number;
    readonly focus?: FocusName;
    /** Whether it was the run that was tried because it had found the mistake before. */
    readonly isAgain: boolean;
  }
  /** All seeds have passed. */
  | { readonly kind: "passed" }
  /** The time was over when so many seeds had passed. */
  | { readonly kind: "outOfTime"; readonly seeds: number }
  /** The swarm itself did not run: what it said. */
  | { readonly kind: "broken"; readonly message: string };

/** One trial. */
export interface Trial {
  /** How it went. */
  readonly verdict: Verdict;
  /** How long it took, in milliseconds of real time. */
  readonly tookMs: number;
}

/** What else a trial may be told. */
export interface TrialOptions {
  /** Just that check counts; null, unless given, for all. */
  readonly only?: string | null;
  /** The run to begin with. */
  readonly lastCatch?: Catch | undefined;
  /** Whose swarm; the mutant's own unless given. */
  readonly swarm?: Mutant["swarm"];
}

/** Tries a mutant, or with null the sources as they are. */
export async function tryMutant(
  workshop: Workshop,
  mutant: Mutant | null,
  budget: Budget,
  { only = null, lastCatch, swarm = mutant?.swarm }: TrialOptions = {},
): Promise<Trial> {
  const edits = mutant === null ? [] : editsOf(mutant);
  const startedMs = performance.now();
  await workshop.plant(edits);
  try {
    const options = { only, shards: swarm === "shards" };
    const again = lastCatch === undefined ? null : await runAgain(workshop, lastCatch, budget, options);
    const left = { ...budget, timeMs: budget.timeMs - (performance.now() - startedMs) };
    const verdict = again ?? await runAll(workshop, mutant?.focus ?? null, left, options);
    return { verdict, tookMs: performance.now() - startedMs };
  } finally {
    await workshop.restore(edits);
  }
}

/** The run that found something before; null when it does not find anything now. */
async function runAgain(
  workshop: Workshop,
  { seed, focus }: Catch,
  budget: Budget,
  options: SwarmOptions,
): Promise<Verdict | null> {
  const focused = focus === undefined ? {} : { focus };
  // By now it may be one that hardly ever ends: most of the time is for the others.
  const timeMs = budget.timeMs / 4;
  const verdict = await runSwarm(workshop, { ...budget, timeMs, firstSeed: seed, seeds: 1, ...focused }, options);
  return verdict.kind === "caught" ? { ...verdict, ...focused, isAgain: true } : null;
}

/** The runs of a focus, if there is one, then runs of all sorts. */
async function runAll(
  workshop: Workshop,
  focus: FocusName | null,
  budget: Budget,
  options: SwarmOptions,
): Promise<Verdict> {
  const deadlineMs = performance.now() + budget.timeMs;
  if (focus !== null) {
    const seeds = Math.min(focusSeeds, budget.seeds);
    const verdict = await runSwarms(workshop, { ...budget, seeds, focus }, options, deadlineMs);
    if (verdict.kind === "caught") return { ...verdict, focus };
    if (verdict.kind !== "passed") return verdict;
  }
  return await runSwarms(workshop, budget, options, deadlineMs);
}

/** Swarms of growing size, one after the other, so that it is known how far they got when time is up. */
async function runSwarms(
  workshop: Workshop,
  budget: Budget,
  options: SwarmOptions,
  deadlineMs: number,
): Promise<Verdict> {
  let seeds = 0;
  for (let size = firstSwarmSeeds; seeds < budget.seeds; size = Math.min(2 * size, mostSwarmSeeds)) {
    const timeMs = budget.signal?.aborted === true ? 0 : deadlineMs - performance.now();
    const part = {
      ...budget,
      firstSeed: budget.firstSeed + seeds,
      seeds: Math.min(size, budget.seeds - seeds),
      timeMs,
    };
    const verdict = timeMs > 0 ? await runSwarm(workshop, part, options) : { kind: "outOfTime", seeds: 0 } as const;
    if (verdict.kind === "caught" || verdict.kind === "outOfTime") return { ...verdict, seeds: seeds + verdict.seeds };
    if (verdict.kind === "broken") return verdict;
    seeds += part.seeds;
  }
  return { kind: "passed" };
}

async function runSwarm(workshop: Workshop, budget: Budget, { only, shards }: SwarmOptions): Promise<Verdict> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-config", "--no-lock", "--quiet", "tests/simulation/main.ts", "--workers", "0"],
      ...["--json", "--stop-on-first", "--seed", String(budget.firstSeed), "--seeds", String(budget.seeds)],
      ...(only === null ? [] : ["--only", only]),
      ...(budget.focus === undefined ? [] : ["--focus", budget.focus]),
      ...(shards ? ["--shards"] : []),
    ],
    cwd: workshop.directory,
    // Compiled copies are kept with the copy, and go with it.
    env: { DENO_DIR: `${workshop.directory}/.deno` },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isOver = false;
  const giveUp = (): void => {
    isOver = true;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(giveUp, budget.timeMs);
  budget.signal?.addEventListener("abort", giveUp);
  try {
    const { code, stdout, stderr } = await child.output();
    if (isOver) return { kind: "outOfTime", seeds: 0 };
    const decoder = new TextDecoder();
    return verdictOf(code, decoder.decode(stdout), decoder.decode(stderr), budget);
  } finally {
    clearTimeout(timer);
    budget.signal?.removeEventListener("abort", giveUp);
  }
}

/** What a swarm has printed says. */
export function verdictOf(code: number, stdout: string, stderr: string, budget: Pick<Budget, "firstSeed">): Verdict {
  const broken = (): Verdict => ({ kind: "broken", message: (stderr || stdout || `exit code ${code}`).trim() });
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) return code === 0 ? { kind: "passed" } : broken();
  const failure: { seed: number; check: string; message: string } = JSON.parse(line);
  if (code !== 1 || !Number.isInteger(failure.seed)) return broken();
  const { seed, check, message } = failure;
  return { kind: "caught", check, message, seed, seeds: seed - budget.firstSeed + 1, isAgain: false };
}
