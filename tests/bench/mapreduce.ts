/**
 * How fast word count is, compared with the same job as plain sequential processes:
 *
 * ```sh
 * deno run -A tests/bench/mapreduce.ts [MEBIBYTES [WORKERS]]
 * ```
 *
 * Generates text in files of 8 MiB, runs the job sequentially in as many processes as there are workers, each on its share of
 * the files, then the distributed run; prints both times, their ratio, and the largest memory of a worker.
 *
 * @module
 */
import { LocalJob } from "../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf } from "../mapreduce/job_runs.ts";
import { peakMemory } from "./worker_memory.ts";

const fileBytes = 8 * 1024 * 1024;

/** Text of words from a vocabulary of 200,000, some much more frequent than others. */
function textOf(seed: number): string {
  let state = seed + 1;
  const parts: string[] = [];
  for (let length = 0; length < fileBytes;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const rank = Math.floor(200_000 * (state / 0x7fffffff) ** 4);
    const word = (rank + 26).toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "");
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(" ");
}

async function measure(mebibytes: number, workers: number): Promise<void> {
  await using directory = await JobDirectory.create();
  await Deno.mkdir(`${directory.path}/books`);
  const books: string[] = [];
  for (let length = 0; length < mebibytes * 1024 * 1024; length += fileBytes) {
    const path = `${directory.path}/books/${String(books.length).padStart(4, "0")}.txt`;
    await Deno.writeTextFile(path, textOf(books.length));
    books.push(path);
  }
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const startedAtMs = performance.now();
    await work();
    return (performance.now() - startedAtMs) / 1000;
  };
  const sequential = await seconds(() =>
    Promise.all(Array.from({ length: workers }, async (_, index) => {
      const share = books.filter((_, book) => book % workers === index);
      const script = new URL("./mapreduce_sequential.ts", import.meta.url).href;
      const args = ["run", "--quiet", "--no-config", "--no-lock", "-A", script, `${directory.path}/${index}`, ...share];
      const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      if (!success) throw new Error(`Cannot run sequentially: ${new TextDecoder().decode(stderr)}`);
    }))
  );
  let workerBytes = 0;
  const distributed = await seconds(async () => {
    const module = moduleOf("../../mapreduce/samples/word_count.ts");
    await using job = await LocalJob.start(directory.options(module, {
      ...{ workers, coordinators: 3 },
      onStatus: () => {
        for (const pid of job.workerPids) workerBytes = Math.max(workerBytes, peakMemory(pid));
      },
    }));
    await job.finished();
  });
  console.log(
    `${mebibytes} MiB, ${workers} workers: sequential ${sequential.toFixed(1)} s, distributed ${
      distributed.toFixed(1)
    } s, ` +
      `ratio ${(sequential / distributed).toFixed(2)}, worker's memory at most ${
        Math.round(workerBytes / 1024 / 1024)
      } MiB`,
  );
}

if (import.meta.main) {
  const [mebibytes = "64", workers = "2"] = Deno.args;
  await measure(Number(mebibytes), Number(workers));
}
