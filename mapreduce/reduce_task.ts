/**
 * Executes a reduce task: merges the runs that the map tasks have left for it and calls the job's reduce function for each
 * key. Nothing but a block of each run is in memory, however many pairs there are.
 *
 * An output file has a line for each key: the key, a tab, and what `reduce` made of its values. Keys ascend.
 *
 * @module
 */
import { ByteBuffer } from "./byte_buffer.ts";
import { JobError } from "./errors.ts";
import type { JobContext, ReduceFunction } from "./job.ts";
import { outputName, reduceDirectory, runPath } from "./layout.ts";
import type { TaskTools } from "./map_task.ts";
import { fewerRuns, mergeRuns } from "./merge.ts";
import type { TaskGrant } from "./protocol.ts";
import type { Group } from "./run_file.ts";

/** Characters that are gathered before they are written. */
const writeCharacters = 64 * 1024;

/** Executes it. Rejects with what the job's code throws, or with why files cannot be read or written. */
export async function runReduceTask(grant: TaskGrant, tools: TaskTools): Promise<void> {
  const { id, settings, sources } = grant;
  const directory = reduceDirectory(settings.workDirectory, id.index, id.attempt);
  await Deno.mkdir(directory, { recursive: true });
  const runs = sources.map((attempt, map) => runPath(settings.workDirectory, map, attempt, id.index));
  const few = await fewerRuns(runs, directory, tools.progress);
  const path = `${directory}/${outputName(id.index)}`;
  using output = new LineWriter(`${path}.part`);
  const groups = mergeRuns(few);
  try {
    await reduceGroups(groups, tools, output);
  } finally {
    groups.return(undefined); // Closes the files.
  }
  output.finish();
  await Deno.rename(`${path}.part`, path);
  for (const run of few) if (run.startsWith(`${directory}/`)) await Deno.remove(run);
}

async function reduceGroups(groups: Generator<Group>, tools: TaskTools, output: LineWriter): Promise<void> {
  const { job, context, progress } = tools;
  let current = groups.next();
  function* valuesOf(key: string): Generator<string> {
    while (!current.done && current.value.key === key) {
      for (const value of current.value.values) {
        progress.steps++;
        yield value;
      }
      current = groups.next();
    }
  }
  while (!current.done) {
    const { key } = current.value;
    const result = reduceChecked(job.reduce, key, valuesOf(key), context);
    output.line(key, typeof result === "string" ? result : await result);
    // What the function has not looked at.
    while (!current.done && current.value.key === key) current = groups.next();
    if (progress.step()) await progress.pause();
  }
}

/** Calls a reduce function and checks what it gives. */
export function reduceChecked(
  reduce: ReduceFunction,
  key: string,
  values: Iterable<string>,
  context: JobContext,
): string | Promise<string> {
  const result: unknown = reduce(key, values, context);
  if (typeof result === "string") return result;
  return result instanceof Promise ? result.then((value) => checked(key, value)) : checked(key, result);
}

function checked(key: string, result: unknown): string {
  if (typeof result === "string") return result;
  throw new JobError(
    `Cannot use the result of ${
      JSON.stringify(key.slice(0, 40))
    }: reduce returned something of type ${typeof result}; ` +
      "it must return a string",
  );
}

/** One line of output. */
export function outputLine(key: string, result: string): string {
  return `${key}\t${result}\n`;
}

/** Writes lines of output. */
class LineWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #bytes = new ByteBuffer();
  #lines: string[] = [];
  #characters = 0;
  #isOpen = true;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
  }

  line(key: string, result: string): void {
    const line = outputLine(key, result);
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters >= writeCharacters) this.#flush();
  }

  /** Completes the file; it is on disk then. */
  finish(): void {
    this.#flush();
    this.#file.syncDataSync();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  #flush(): void {
    const text = this.#lines.join("");
    const bytes = this.#bytes.take(3 * text.length);
    const { written } = new TextEncoder().encodeInto(text, bytes);
    for (let rest = bytes.subarray(0, written); rest.length > 0;) rest = rest.subarray(this.#file.writeSync(rest));
    this.#lines = [];
    this.#characters = 0;
  }
}
