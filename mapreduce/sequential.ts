/**
 * The same job in one process, one step after the other and all in memory: what the distributed run must be equal to.
 *
 * @module
 */
import type { Job, JobContext } from "./job.ts";
import { GroupBuffer } from "./group_buffer.ts";
import { checkPair, isSynchronous, readInput } from "./map_task.ts";
import { outputLine, reduceChecked } from "./reduce_task.ts";

/** Runs a job and returns its whole output: lines as in the output files of a distributed run, keys ascending. */
export async function runSequential(
  job: Job,
  inputs: readonly string[],
  options: { readonly inputDirectory?: string; readonly parameters?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { inputDirectory = ".", parameters = {} } = options;
  const context: JobContext = { parameters };
  const buffer = new GroupBuffer(job.combine, context);
  for (const input of inputs) {
    const pairs = await job.map(input, await readInput(inputDirectory, input), context);
    if (isSynchronous(pairs)) {
      for (const pair of pairs) {
        checkPair(pair);
        buffer.add(pair.key, pair.value);
      }
    } else {
      for await (const pair of pairs) {
        checkPair(pair);
        buffer.add(pair.key, pair.value);
      }
    }
  }
  const lines: string[] = [];
  for (const { key, values } of buffer.drain(() => 0, 1)[0] ?? []) {
    lines.push(outputLine(key, await reduceChecked(job.reduce, key, values, context)));
  }
  return lines.join("");
}
