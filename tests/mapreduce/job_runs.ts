/**
 * What tests need to run jobs: input files, jobs as processes, and outputs to compare.
 *
 * @module
 */
import { type Job, runSequential } from "../../mapreduce/mod.ts";
import { LocalJob, type LocalJobOptions } from "../../shell/mapreduce/local_job.ts";

/** The URL of a module beside the tests or of a sample. */
export function moduleOf(path: string): string {
  return new URL(path, import.meta.url).href;
}

/** A directory for one test. */
export class JobDirectory implements AsyncDisposable {
  /** Its path. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes an empty one. */
  static async create(): Promise<JobDirectory> {
    return new JobDirectory(await Deno.makeTempDir({ prefix: "balsa-mapreduce-" }));
  }

  /** Writes `count` texts of about so many words each; which words depends on nothing but the numbers. */
  async writeBooks(count: number, wordsEach: number): Promise<string[]> {
    await Deno.mkdir(`${this.path}/books`, { recursive: true });
    const paths: string[] = [];
    for (let book = 0; book < count; book++) {
      const path = `${this.path}/books/book-${String(book).padStart(2, "0")}.txt`;
      await Deno.writeTextFile(path, textOf(book, wordsEach));
      paths.push(path);
    }
    return paths;
  }

  /** Where output goes. */
  get output(): string {
    return `${this.path}/out`;
  }

  /** All lines of the output, sorted. */
  async outputLines(): Promise<string[]> {
    const lines: string[] = [];
    for await (const { name } of Deno.readDir(this.output)) {
      lines.push(...linesOf(await Deno.readTextFile(`${this.output}/${name}`)));
    }
    return lines.sort();
  }

  /** Options of a run that has nothing special. */
  options(module: string, changes: Partial<LocalJobOptions> = {}): LocalJobOptions {
    return {
      module,
      inputs: [`${this.path}/books/*.txt`],
      read: [],
      importHosts: [],
      reduces: 10,
      output: this.output,
      parameters: [],
      workers: 2,
      coordinators: 1,
      servers: null,
      leaseMs: 10_000,
      bufferBytes: null,
      keep: false,
      onProblem: () => {},
      onStatus: () => {},
      ...changes,
    };
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Runs a job as processes to its end, and returns its last status. */
export async function runJob(options: LocalJobOptions): ReturnType<LocalJob["finished"]> {
  await using job = await LocalJob.start(options);
  return await job.finished();
}

/** The lines that the same job gives in one process, sorted. */
export async function sequentialLines(
  job: Job,
  inputs: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  return linesOf(await runSequential(job, inputs, { parameters })).sort();
}

/** Lines of a text. */
function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Words of a small language, some much more frequent than others; some lines, some punctuation. */
function textOf(seed: number, words: number): string {
  let state = seed + 1;
  const parts: string[] = [];
  for (let index = 0; index < words; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const rank = Math.floor(2000 * (state / 0x7fffffff) ** 4);
    parts.push(`${wordOf(rank)}${index % 11 === 10 ? ".\n" : " "}`);
  }
  return parts.join("");
}

/** The word of a rank: letters only, and some that are not ASCII. */
function wordOf(rank: number): string {
  const letters = "aeioubdgklmnprstéß";
  let word = "";
  for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / letters.length)) word += letters[rest % letters.length];
  return word;
}
