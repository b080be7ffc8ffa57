/**
 * Many seeds on several cores: processes that each take a seed at a time.
 *
 * @module
 */
import type { SeedReport } from "./run_seed.ts";

/** What a worker process is asked to do. */
export interface SeedTask {
  /** The seed. */
  readonly seed: number;
  /** Whether to run it twice and compare. */
  readonly twice: boolean;
}

/** What a worker process answers: the report, without the trace. */
export type SeedAnswer = Omit<SeedReport, "trace"> & {
  /** Hash of the second run; null when there was none. */
  readonly secondHash: string | null;
};

/** Settings of {@link runSwarm}. */
export interface SwarmOptions {
  /** The seeds. */
  readonly tasks: readonly SeedTask[];
  /** Number of worker processes. */
  readonly workers: number;
  /** Arguments for each worker process, behind those that make it one. */
  readonly workerArguments: readonly string[];
  /** Told of each seed that is done; false ends the swarm. */
  readonly onAnswer: (answer: SeedAnswer) => boolean;
}

/** Runs all seeds; resolves when all are done, or `onAnswer` wants no more. Rejects when a worker process dies. */
export async function runSwarm({ tasks, workers, workerArguments, onAnswer }: SwarmOptions): Promise<void> {
  let next = 0;
  let isWanted = true;
  const children: Deno.ChildProcess[] = [];
  const take = (): SeedTask | undefined => isWanted ? tasks[next++] : undefined;
  const work = async (): Promise<void> => {
    const first = take();
    if (first === undefined) return;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("./main.ts", import.meta.url).href, "--worker", ...workerArguments],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    children.push(child);
    const writer = child.stdin.getWriter();
    const give = (task: SeedTask): Promise<void> => writer.write(new TextEncoder().encode(`${JSON.stringify(task)}\n`));
    await give(first);
    for await (const line of linesOf(child.stdout)) {
      const answer: SeedAnswer = JSON.parse(line);
      if (isWanted && !onAnswer(answer)) {
        isWanted = false;
        // What the others are doing is not wanted any more.
        children.forEach(end);
      }
      const task = take();
      if (task === undefined) break;
      await give(task);
    }
    await writer.close().catch(() => {});
    const { code } = await child.status;
    if (code !== 0 && isWanted) throw new Error(`Cannot go on: a worker process has ended with code ${code}`);
  };
  await Promise.all(Array.from({ length: workers }, work));
}

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Cuts a stream of bytes into lines. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
