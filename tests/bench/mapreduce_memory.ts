/**
 * A reduce task whose input is several times a worker's memory:
 *
 * ```sh
 * deno run -A tests/bench/mapreduce_memory.ts [MEBIBYTES]
 * ```
 *
 * @module
 */
import { LocalJob } from "../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf } from "../mapreduce/job_runs.ts";
import { peakMemory } from "./worker_memory.ts";

const mebibytesPerMap = 16;

if (import.meta.main) {
  const mebibytes = Number(Deno.args[0] ?? 640);
  await using directory = await JobDirectory.create();
  const books = await directory.writeBooks(Math.ceil(mebibytes / mebibytesPerMap), 1);
  let workerBytes = 0;
  const startedAtMs = performance.now();
  {
    await using job = await LocalJob.start(directory.options(moduleOf("../bench/large_values_job.ts"), {
      reduces: 1,
      coordinators: 3,
      onStatus: () => {
        for (const pid of job.workerPids) workerBytes = Math.max(workerBytes, peakMemory(pid));
      },
    }));
    await job.finished();
  }
  const lines = await directory.outputLines();
  const characters = lines.reduce((sum, line) => sum + Number(line.split("\t")[1]), 0);
  console.log(
    `one reduce task of ${characters / 1024 / 1024} MiB from ${books.length} map tasks, ${lines.length} keys: ` +
      `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s, worker's memory at most ` +
      `${Math.round(workerBytes / 1024 / 1024)} MiB`,
  );
}
