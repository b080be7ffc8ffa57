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

/**
 * A seed that takes longer, in milliseconds of real time, is taken for one that never ends: a second is the rule. Only a process
 * beside it can tell, since code that never waits lets nothing else run in its own.
 */
const maxSeedMs = 300_000;

/** Runs all seeds; resolves when all are done, or `onAnswer` wants no more. Rejects when a worker process dies. */
export async function runSwarm({ tasks, workers, workerArguments, onAnswer }: SwarmOptions): Promise<void> {
  let next = 0;
  let isWanted = true;
  const children: Deno.ChildProcess[] = [];
  const take = (): SeedTask | undefined => isWanted ? tasks[next++] : undefined;
  const tell = (answer: SeedAnswer): void => {
    if (!isWanted || onAnswer(answer)) return;
    isWanted = false;
    // What the others are doing is not wanted any more.
    children.forEach(end);
  };
  /** Employs a process until nothing is left to do, or until a seed does not end: then the next task is returned. */
  const employ = async (first: SeedTask): Promise<SeedTask | undefined> => {
    const child = spawn(workerArguments);
    children.push(child);
    const writer = child.stdin.getWriter();
    let overdue: SeedTask | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const give = (task: SeedTask): Promise<void> => {
      timer = setTimeout(() => {
        overdue = task;
        end(child);
      }, task.twice ? 2 * maxSeedMs : maxSeedMs);
      return writer.write(new TextEncoder().encode(`${JSON.stringify(task)}\n`));
    };
    await give(first);
    for await (const line of linesOf(child.stdout)) {
      clearTimeout(timer);
      tell(JSON.parse(line));
      const task = take();
      if (task === undefined) break;
      await give(task);
    }
    clearTimeout(timer);
    await writer.close().catch(() => {});
    const { code } = await child.status;
    if (overdue !== null) {
      tell(endless(overdue));
      return take();
    }
    if (code !== 0 && isWanted) throw new Error(`Cannot go on: a worker process has ended with code ${code}`);
    return undefined;
  };
  const work = async (): Promise<void> => {
    for (let task = take(); task !== undefined;) task = await employ(task);
  };
  await Promise.all(Array.from({ length: workers }, work));
}

function spawn(workerArguments: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("./main.ts", import.meta.url).href, "--worker", ...workerArguments],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** What is known of a seed that was given up. */
function endless({ seed }: SeedTask): SeedAnswer {
  const message = `the run has not ended within ${maxSeedMs / 1000} s of real time`;
  return {
    ...{ seed, violation: { check: "liveness", message }, traceHash: "", secondHash: null, nodes: 0 },
    ...{ simulatedMs: 0, realMs: maxSeedMs, events: 0, answered: 0, recoveryTimeouts: null, counts: {} },
  };
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
