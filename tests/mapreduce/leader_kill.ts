/**
 * A job whose coordinators' leader is killed at a random moment: the run that a test makes a few times, and a command many
 * times:
 *
 * ```sh
 * deno run -A tests/mapreduce/leader_kill.ts 50
 * ```
 *
 * @module
 */
import { CoordinatorClient, jobFromModule } from "../../mapreduce/mod.ts";
import * as wordCount from "../../mapreduce/samples/word_count.ts";
import { LocalJob } from "../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf, sequentialLines } from "./job_runs.ts";

const bookCount = 12;
/** How long the job takes without trouble, in milliseconds, roughly: kills fall into this time. */
const usualMs = 1500;

/** What a run has come to. */
export interface LeaderKillRun {
  /** Whether a leader was killed before the job was done. */
  readonly wasKilled: boolean;
  /** Whether the output was that of the same job in one process. */
  readonly isEqual: boolean;
  /** Attempts handed out: tasks, and repeated. */
  readonly attempts: number;
  /** Attempts that were not the first at their task. */
  readonly repeated: number;
  /** From start to end. */
  readonly seconds: number;
}

/** The address of the coordinator that leads; null when none says so. */
async function leaderOf(addresses: readonly string[]): Promise<string | null> {
  using client = new CoordinatorClient(addresses, { attemptTimeoutMs: 300 });
  for (const address of addresses) {
    const status = await client.nodeStatus(address).catch(() => null); // Not all of them need to run.
    if (status?.role === "leader") return address;
  }
  return null;
}

/** When the leader is to be killed: so long after the job was submitted, or when so many map tasks are done. */
export type KillMoment = { readonly afterMs: number } | { readonly mapsDone: number };

/** Runs word count with 3 coordinators, and kills the leader. */
export async function runWithLeaderKill(moment: KillMoment): Promise<LeaderKillRun> {
  await using directory = await JobDirectory.create();
  const books = await directory.writeBooks(bookCount, 200_000);
  const startedAtMs = performance.now();
  const due = Promise.withResolvers<void>();
  await using job = await LocalJob.start(
    directory.options(moduleOf("../../mapreduce/samples/word_count.ts"), {
      coordinators: 3,
      onStatus: ({ mapsDone }) => {
        if ("mapsDone" in moment && mapsDone >= moment.mapsDone) due.resolve();
      },
    }),
  );
  if ("afterMs" in moment) setTimeout(due.resolve, moment.afterMs);
  let isOver = false;
  let wasKilled = false;
  const kill = async (): Promise<void> => {
    await due.promise;
    while (!isOver && !wasKilled) {
      const leader = await leaderOf(job.addresses);
      const pid = leader === null ? undefined : job.coordinators?.pids.get(leader);
      if (pid === undefined || isOver) continue;
      Deno.kill(pid, "SIGKILL");
      wasKilled = true;
    }
  };
  const killing = kill();
  const status = await job.finished();
  isOver = true;
  due.resolve();
  await killing;
  const seconds = (performance.now() - startedAtMs) / 1000;
  const [lines, expected] = [
    await directory.outputLines(),
    await sequentialLines(jobFromModule(wordCount, "wc"), books),
  ];
  const isEqual = lines.length > 0 && JSON.stringify(lines) === JSON.stringify(expected);
  return { wasKilled, isEqual, attempts: status.attempts, repeated: status.repeated, seconds };
}

if (import.meta.main) {
  const runs = Number(Deno.args[0] ?? 50);
  const totals = { killed: 0, equal: 0, attempts: 0, repeated: 0 };
  for (let run = 1; run <= runs; run++) {
    // By time and by progress in turn: the one finds moments that the other does not.
    const moment = run % 2 === 0
      ? { afterMs: Math.round(Math.random() * usualMs) }
      : { mapsDone: Math.floor(Math.random() * bookCount) };
    const result = await runWithLeaderKill(moment);
    console.log(`run ${run}:`, JSON.stringify({ ...moment, ...result }));
    totals.killed += Number(result.wasKilled);
    totals.equal += Number(result.isEqual);
    totals.attempts += result.attempts;
    totals.repeated += result.repeated;
  }
  console.log(`${runs} runs:`, JSON.stringify(totals));
  if (totals.equal !== runs) Deno.exit(1);
}
