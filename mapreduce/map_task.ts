/**
 * Executes a map task: reads one input file, calls the job's map function, and leaves a sorted run for each reduce task.
 *
 * Pairs are gathered in memory. When they have become too many they are written out sorted ("spilled"), and at the end the
 * spills of each reduce task are merged: an external sort.
 *
 * @module
 */
import { JobError } from "./errors.ts";
import { combineChecked, GroupBuffer } from "./group_buffer.ts";
import type { CombineFunction, Job, JobContext, KeyValue, KeyValues, PartitionFunction } from "./job.ts";
import { mapDirectory, runPath } from "./layout.ts";
import { fewerRuns, mergeRuns } from "./merge.ts";
import { checkedPartition } from "./partition.ts";
import type { Progress } from "./progress.ts";
import type { TaskGrant } from "./protocol.ts";
import { RunWriter } from "./run_file.ts";

/** What a task is executed with. */
export interface TaskTools {
  /** The job's functions. */
  readonly job: Job;
  /** What they are told. */
  readonly context: JobContext;
  /** See {@link Progress}. */
  readonly progress: Progress;
  /** Bytes, roughly, to be gathered before they are written out. */
  readonly bufferBytes: number;
}

/** Executes it. Rejects with what the job's code throws, or with why files cannot be read or written. */
export async function runMapTask(grant: TaskGrant, tools: TaskTools): Promise<void> {
  const { id, settings, input } = grant;
  const directory = mapDirectory(settings.workDirectory, id.index, id.attempt);
  await Deno.mkdir(directory, { recursive: true });
  const contents = await readInput(settings.inputDirectory, input);
  const output = new MapOutput(directory, settings.reduces, tools);
  const pairs = await tools.job.map(input, contents, tools.context);
  for await (const _pause of output.take(pairs)) await tools.progress.pause();
  await output.finish((reduce) => runPath(settings.workDirectory, id.index, id.attempt, reduce));
}

/** An input file's text. */
export async function readInput(inputDirectory: string, input: string): Promise<string> {
  const path = input.startsWith("/") ? input : `${inputDirectory}/${input}`;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JobError(`Cannot read the input file ${input}: ${reason}`, { cause: error });
  }
}

/** Whether these are pairs that come at once, or pairs to be awaited. Throws {@link JobError} when they are neither. */
export function isSynchronous(pairs: KeyValues): pairs is Iterable<KeyValue> {
  if (typeof pairs === "object" && pairs !== null) {
    if (Symbol.iterator in pairs) return true;
    if (Symbol.asyncIterator in pairs) return false;
  }
  throw new JobError(
    `Cannot use what map returned: it is of type ${typeof pairs}; map must return pairs { key, value }, as an array or by ` +
      `"function*" and "yield"`,
  );
}

/** Throws {@link JobError} unless a map function's pair is one. */
export function checkPair(pair: KeyValue): void {
  if (typeof pair === "object" && pair !== null && typeof pair.key === "string" && typeof pair.value === "string") {
    return;
  }
  throw new JobError(
    `Cannot use a pair that map has made: it is ${Deno.inspect(pair, { depth: 1 }).slice(0, 200)}; it must be ` +
      `{ key, value }, both strings`,
  );
}

/** Where a map task's pairs go. */
class MapOutput {
  readonly #directory: string;
  readonly #reduces: number;
  readonly #tools: TaskTools;
  readonly #buffer: GroupBuffer;
  readonly #partition: PartitionFunction;
  #spills = 0;

  constructor(directory: string, reduces: number, tools: TaskTools) {
    this.#directory = directory;
    this.#reduces = reduces;
    this.#tools = tools;
    this.#buffer = new GroupBuffer(tools.job.combine, tools.context);
    this.#partition = checkedPartition(tools.job.partition);
  }

  /** Takes all pairs; yields when it is time for a pause. */
  async *take(pairs: KeyValues): AsyncGenerator<void> {
    const { progress } = this.#tools;
    if (isSynchronous(pairs)) {
      for (const pair of pairs) {
        this.#add(pair);
        if (progress.step()) yield;
      }
      return;
    }
    for await (const pair of pairs) {
      this.#add(pair);
      if (progress.step()) yield;
    }
  }

  /** Leaves one run for each reduce task at its path. */
  async finish(pathOf: (reduce: number) => string): Promise<void> {
    if (this.#spills === 0) return this.#write((reduce) => pathOf(reduce));
    this.#spill();
    for (let reduce = 0; reduce < this.#reduces; reduce++) await this.#mergeSpills(reduce, pathOf(reduce));
  }

  #add(pair: KeyValue): void {
    checkPair(pair);
    this.#buffer.add(pair.key, pair.value);
    if (this.#buffer.bytes < this.#tools.bufferBytes) return;
    this.#buffer.combineAll();
    // If combining has freed half of it, there is room to go on.
    if (this.#buffer.bytes >= this.#tools.bufferBytes / 2) this.#spill();
  }

  #spill(): void {
    const spill = this.#spills++;
    this.#write((reduce) => this.#spillPath(spill, reduce));
  }

  #spillPath(spill: number, reduce: number): string {
    return `${this.#directory}/spill-${spill}-${reduce}`;
  }

  #write(pathOf: (reduce: number) => string): void {
    for (const [reduce, groups] of this.#buffer.drain(this.#partition, this.#reduces).entries()) {
      using writer = new RunWriter(pathOf(reduce));
      for (const { key, values } of groups) writer.add(key, values);
      writer.finish();
    }
  }

  async #mergeSpills(reduce: number, path: string): Promise<void> {
    const { job: { combine }, context, progress } = this.#tools;
    const spills = Array.from({ length: this.#spills }, (_, spill) => this.#spillPath(spill, reduce));
    const runs = await fewerRuns(spills, this.#directory, progress);
    using writer = new RunWriter(path);
    const combining = combine === null ? null : new Combining(combine, context, writer);
    for (const { key, values } of mergeRuns(runs)) {
      if (combining === null) writer.add(key, values);
      else combining.add(key, values);
      if (progress.step()) await progress.pause();
    }
    combining?.flush();
    writer.finish();
    for (const name of new Set([...spills, ...runs])) Deno.removeSync(name);
  }
}

/** Combines what several spills have of the same key. */
class Combining {
  #key = "";
  #values: string[] = [];

  constructor(
    readonly combine: CombineFunction,
    readonly context: JobContext,
    readonly writer: RunWriter,
  ) {}

  add(key: string, values: readonly string[]): void {
    if (key !== this.#key) this.flush();
    this.#key = key;
    this.#values.push(...values);
  }

  flush(): void {
    if (this.#values.length === 0) return;
    this.writer.add(this.#key, [combineChecked(this.combine, this.#key, this.#values, this.context)]);
    this.#values = [];
  }
}
