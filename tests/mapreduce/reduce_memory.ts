/**
 * A reduce task whose input is several times a worker's memory.
 *
 * @module
 */
import { LocalJob } from "../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf } from "./job_runs.ts";
import { mebibytesPerMap } from "./large_values_job.ts";
import { PeakMemory } from "./worker_memory.ts";

/** What a run has come to. */
export interface ReduceMemoryRun {
  /** What the one reduce task has read of keys and values, in bytes. */
  readonly reduceBytes: number;
  /** What a worker had at most, resident, in bytes. */
  readonly workerBytes: number;
  /** From start to end. */
  readonly seconds: number;
}

/** Runs a job of two workers whose only reduce task has so much to read. */
export async function runLargeReduce(mebibytes: number): Promise<ReduceMemoryRun> {
  await using directory = await JobDirectory.create();
  await directory.writeBooks(Math.ceil(mebibytes / mebibytesPerMap), 1);
  const memory = new PeakMemory();
  const startedAtMs = performance.now();
  {
    await using job = await LocalJob.start(directory.options(moduleOf("large_values_job.ts"), {
      reduces: 1,
      onStatus: () => memory.look(job.workerPids),
    }));
    await job.finished();
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  let reduceBytes = 0;
  for (const line of await directory.outputLines()) reduceBytes += Number(line.split("\t")[1]);
  return { reduceBytes, workerBytes: memory.bytes, seconds };
}
