/**
 * The course's MapReduce suite, re-implemented from its description: 8 books, 10 reduces, worker processes that are
 * replaced when they are lost. Each scenario is one run of the whole, as processes.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { jobFromModule } from "../../../mapreduce/mod.ts";
import * as invertedIndex from "../../../mapreduce/samples/inverted_index.ts";
import * as wordCount from "../../../mapreduce/samples/word_count.ts";
import { LocalJob, type LocalJobOptions } from "../../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf, runJob, sequentialLines } from "../../mapreduce/job_runs.ts";

/** One scenario. */
export interface MapReduceCase {
  /** Its official names: of the shell script's tests, and of the 2026 edition. */
  readonly name: string;
  /** Within so many milliseconds it must be over. */
  readonly limitMs: number;
  /** Runs it once; throws when anything does not hold. Resolves to the attempts handed out. */
  readonly run: () => Promise<{ readonly operations: number }>;
}

const bookCount = 8;
const samples = "../../mapreduce/samples";
const jobs = "../lab/jobs";

/** Runs a job on 8 books with directory, books and options at hand. */
async function withBooks<Result>(
  work: (directory: JobDirectory, books: readonly string[]) => Promise<Result>,
): Promise<Result> {
  await using directory = await JobDirectory.create();
  return await work(directory, await directory.writeBooks(bookCount, 20_000));
}

function scratch(directory: JobDirectory): Pick<LocalJobOptions, "parameters"> {
  return { parameters: [["scratch", `${directory.output}.working/scratch`]] };
}

const wc: MapReduceCase = {
  name: "wc (TestWc)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory, books) => {
      const status = await runJob(directory.options(moduleOf(`${samples}/word_count.ts`), { workers: 3 }));
      assertEquals(await directory.outputLines(), await sequentialLines(jobFromModule(wordCount, "wc"), books));
      return { operations: status.attempts };
    }),
};

const indexer: MapReduceCase = {
  name: "indexer (TestIndexer)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory, books) => {
      const status = await runJob(directory.options(moduleOf(`${samples}/inverted_index.ts`)));
      assertEquals(
        await directory.outputLines(),
        await sequentialLines(jobFromModule(invertedIndex, "indexer"), books),
      );
      return { operations: status.attempts };
    }),
};

const mapParallelism: MapReduceCase = {
  name: "map parallelism (TestMapParallel)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory) => {
      const status = await runJob(directory.options(moduleOf(`${jobs}/map_parallel.ts`), scratch(directory)));
      const lines = await directory.outputLines();
      assertEquals(lines.filter((line) => line.startsWith("times-")).length, 2, "workers that took part");
      assert(lines.some((line) => /^parallel-.*\b2\b/.test(line.replace("\t", " "))), "none saw two at a time");
      return { operations: status.attempts };
    }),
};

const reduceParallelism: MapReduceCase = {
  name: "reduce parallelism (TestReduceParallel)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory) => {
      const status = await runJob(directory.options(moduleOf(`${jobs}/reduce_parallel.ts`), scratch(directory)));
      const lines = await directory.outputLines();
      assertEquals(lines.length, 10);
      assertGreaterOrEqual(lines.filter((line) => line.endsWith("\t2")).length, 2, "keys that saw two at a time");
      return { operations: status.attempts };
    }),
};

const jobCount: MapReduceCase = {
  name: "job count (TestJobCount)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory) => {
      const options = directory.options(moduleOf(`${jobs}/job_count.ts`), { workers: 4, ...scratch(directory) });
      const status = await runJob(options);
      assertEquals(await directory.outputLines(), [`a\t${bookCount}`]);
      return { operations: status.attempts };
    }),
};

const earlyExit: MapReduceCase = {
  name: "early exit (TestEarlyExit)",
  limitMs: 45_000,
  run: () =>
    withBooks(async (directory) => {
      const read = [fileURLToPath(moduleOf("../../mapreduce/"))];
      await using job = await LocalJob.start(
        directory.options(moduleOf(`${jobs}/early_exit.ts`), { workers: 3, read }),
      );
      await job.firstWorkerDone;
      const atFirstExit = await directory.outputLines();
      const status = await job.finished();
      await job[Symbol.asyncDispose]();
      assertEquals(await directory.outputLines(), atFirstExit);
      return { operations: status.attempts };
    }),
};

const crash: MapReduceCase = {
  name: "crash (TestCrashWorker)",
  limitMs: 120_000,
  run: () =>
    withBooks(async (directory) => {
      const module = moduleOf(`${jobs}/crash.ts`);
      await runJob(directory.options(module, { parameters: [["calm", "yes"]] }));
      const expected = await directory.outputLines();
      await Deno.remove(directory.output, { recursive: true });
      // A shorter lease than the longest delay: some tasks are done by two at a time.
      const status = await runJob(directory.options(module, { workers: 3, leaseMs: 3000 }));
      assertEquals(await directory.outputLines(), expected);
      return { operations: status.attempts };
    }),
};

/** The suite, in its order. */
export const mapReduceCases: readonly MapReduceCase[] = [
  wc,
  indexer,
  mapParallelism,
  reduceParallelism,
  jobCount,
  earlyExit,
  crash,
];
