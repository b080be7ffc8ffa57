/**
 * MapReduce: how fast word count is, compared with the same job as plain sequential processes, and how much memory a worker
 * takes, also when it reduces several times as much.
 *
 * @module
 */
import { LocalJob } from "../../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf } from "../../mapreduce/job_runs.ts";
import { runLargeReduce } from "../../mapreduce/reduce_memory.ts";
import { PeakMemory, workerMemoryLimitBytes } from "../../mapreduce/worker_memory.ts";
import type { Findings } from "../report.ts";
import type { Sizes } from "../sizes.ts";

const mebibyte = 1024 * 1024;
/** A process per core of the machine that the README's figures are of. */
const workers = 2;
/** Bytes of an input file; less when there would be too few files to share out. */
const mostFileBytes = 8 * mebibyte;

/** Text of words from a vocabulary of 200,000, some much more frequent than others. */
function textOf(seed: number, bytes: number): string {
  let state = seed + 1;
  const parts: string[] = [];
  for (let length = 0; length < bytes;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const rank = Math.floor(200_000 * (state / 0x7fffffff) ** 4);
    const word = (rank + 26).toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "");
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(" ");
}

async function writeTexts(directory: JobDirectory, mebibytes: number): Promise<string[]> {
  await Deno.mkdir(`${directory.path}/books`);
  const bytes = mebibytes * mebibyte;
  const fileBytes = Math.min(mostFileBytes, bytes / (4 * workers));
  const paths: string[] = [];
  for (let length = 0; length < bytes; length += fileBytes) {
    const path = `${directory.path}/books/${String(paths.length).padStart(4, "0")}.txt`;
    await Deno.writeTextFile(path, textOf(paths.length, fileBytes));
    paths.push(path);
  }
  return paths;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (performance.now() - startedAtMs) / 1000;
}

/** Counts each process's share of the files in as many processes as there are workers. */
async function countPlainly(directory: JobDirectory, paths: readonly string[]): Promise<void> {
  await Promise.all(Array.from({ length: workers }, async (_, index) => {
    const share = paths.filter((_, path) => path % workers === index);
    const script = new URL("../mapreduce_sequential.ts", import.meta.url).href;
    const args = ["run", "--quiet", "--no-config", "--no-lock", "-A", script, `${directory.path}/${index}`, ...share];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error(`Cannot run sequentially: ${new TextDecoder().decode(stderr)}`);
  }));
}

async function countDistributed(directory: JobDirectory, memory: PeakMemory): Promise<void> {
  await using job = await LocalJob.start(directory.options(moduleOf("../../mapreduce/samples/word_count.ts"), {
    ...{ workers, coordinators: 3 },
    onStatus: () => memory.look(job.workerPids),
  }));
  await job.finished();
}

/** Word count in both ways, and a large reduce task. */
export async function mapReduce({ textMebibytes }: Sizes): Promise<Findings> {
  await using directory = await JobDirectory.create();
  const paths = await writeTexts(directory, textMebibytes);
  const memory = new PeakMemory();
  const plain = await secondsOf(() => countPlainly(directory, paths));
  const distributed = await secondsOf(() => countDistributed(directory, memory));
  const largeReduce = await runLargeReduce(textMebibytes);
  const limit = `${workerMemoryLimitBytes / mebibyte} at most`;
  return {
    tables: [{
      title: `MapReduce, ${workers} workers: word count and a large reduce task`,
      note: "plainly: the same job as one sequential process a worker; the large reduce task reads values of 1 KiB",
      columns: ["figure", "value", "bound"],
      rows: [
        ["text, MiB", textMebibytes, ""],
        ["word count plainly, s", plain, ""],
        ["word count distributed, s", distributed, ""],
        ["speed as a share of plainly", plain / distributed, "0.8 at least"],
        ["a worker's memory in word count, MiB", memory.bytes / mebibyte, limit],
        ["a worker's memory in the large reduce, MiB", largeReduce.workerBytes / mebibyte, limit],
        ["the large reduce task's input, MiB", largeReduce.reduceBytes / mebibyte, ""],
      ],
    }],
    charts: [],
  };
}
