/**
 * A worker: asks the coordinator for a task, executes it, says so, and asks again.
 *
 * While it works it keeps its lease, but only while the task gets on: code that hangs loses the task to somebody else, and
 * code that holds the thread for longer than a lease does, too. Both may still come in first.
 *
 * @module
 */
import { type Clock, realClock, sleep } from "../raft/node/clock.ts";
import { CoordinatorClient, type CoordinatorClientOptions } from "./coordinator_client.ts";
import { errorText, MissingRunError } from "./errors.ts";
import { defaultBufferBytes, idlePollMs, maxMessageCharacters } from "./limits.ts";
import { loadJob } from "./load_job.ts";
import { mapDirectory, reduceDirectory, runPath } from "./layout.ts";
import { runMapTask, type TaskTools } from "./map_task.ts";
import { Progress } from "./progress.ts";
import { type Command, type TaskGrant, taskName } from "./protocol.ts";
import { runPublishTask } from "./publish_task.ts";
import { runReduceTask } from "./reduce_task.ts";

/** Settings of {@link runWorker}; those without a default are needed. */
export interface WorkerOptions extends CoordinatorClientOptions {
  /** The coordinators, `HOST:PORT`: at least one, better all. */
  readonly servers: readonly string[];
  /** A name that no other worker has, 1 to 64 characters. A worker that is started again takes another one. */
  readonly worker: string;
  /** Bytes, roughly, that a map task gathers before it writes them out; 32 MiB unless given. */
  readonly bufferBytes?: number;
  /** Returns when no job is under way, instead of waiting for the next. */
  readonly exitWhenIdle?: boolean;
  /** Told what happens, for a log. Must not throw. */
  readonly onEvent?: (text: string) => void;
}

/** What was thrown into a task that nobody wants any more. */
class NotWantedError extends Error {
  override readonly name = "NotWantedError";
}

/**
 * Works until no job is under way (with `exitWhenIdle`) or the signal is aborted. Rejects with
 * `CoordinatorUnreachableError` when no coordinator answers for `giveUpMs`.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { servers, worker, exitWhenIdle, onEvent = () => {} } = options;
  using client = new CoordinatorClient(servers, { onWaiting: onEvent, ...options });
  const clock = options.clock ?? realClock;
  const { signal } = options;
  for (;;) {
    const result = await client.command({ kind: "claim", worker });
    switch (result.kind) {
      case "task":
        await new TaskRun(client, clock, result.grant, options).run();
        continue;
      case "noJob":
        if (exitWhenIdle === true) return;
        break;
      default:
        break;
    }
    await sleep(clock, idlePollMs, signal);
  }
}

/** One attempt at a task. */
class TaskRun {
  readonly #client: CoordinatorClient;
  readonly #clock: Clock;
  readonly #grant: TaskGrant;
  readonly #options: WorkerOptions;
  readonly #progress: Progress;
  readonly #end = new AbortController();
  #isOver = false;

  constructor(client: CoordinatorClient, clock: Clock, grant: TaskGrant, options: WorkerOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#grant = grant;
    this.#options = options;
    const { signal } = options;
    this.#progress = new Progress(
      clock,
      signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]),
    );
  }

  /** Executes the task and reports. */
  async run(): Promise<void> {
    const { id } = this.#grant;
    this.#event(`attempt ${id.attempt} begins`);
    this.#renewLater(this.#progress.steps);
    try {
      const outcome = await this.#outcome();
      this.#isOver = true;
      if (outcome === null) return await this.#discard();
      const result = await this.#client.command(outcome);
      const isWanted = result.kind === "noted" && result.isWanted;
      this.#event(`attempt ${id.attempt}: ${outcome.kind}${isWanted ? "" : ", but nobody waited for it"}`);
      if (outcome.kind !== "complete" || !isWanted) await this.#discard();
    } finally {
      this.#isOver = true;
    }
  }

  /** What to report; null for nothing. */
  async #outcome(): Promise<Command | null> {
    const { id } = this.#grant;
    try {
      await this.#execute();
      return { kind: "complete", id };
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (error instanceof NotWantedError) return null;
      if (error instanceof MissingRunError) {
        const lost = this.#sourceOf(error.path);
        this.#event(error.message);
        if (lost !== null) return { kind: "missing", id, map: lost.map, mapAttempt: lost.attempt };
      }
      const message = errorText(error).slice(0, maxMessageCharacters);
      this.#event(`attempt ${id.attempt} failed: ${message}`);
      return { kind: "fail", id, message };
    }
  }

  async #execute(): Promise<void> {
    const { id, settings } = this.#grant;
    if (id.task === "publish") return await runPublishTask(this.#grant);
    const tools: TaskTools = {
      job: await loadJob(settings.module),
      context: { parameters: Object.fromEntries(settings.parameters) },
      progress: this.#progress,
      bufferBytes: this.#options.bufferBytes ?? defaultBufferBytes,
    };
    if (id.task === "map") await runMapTask(this.#grant, tools);
    else await runReduceTask(this.#grant, tools);
  }

  /** Which attempt at a map task has left this file. */
  #sourceOf(path: string): { readonly map: number; readonly attempt: number } | null {
    const { id, settings, sources } = this.#grant;
    for (const [map, attempt] of sources.entries()) {
      if (path === runPath(settings.workDirectory, map, attempt, id.index)) return { map, attempt };
    }
    return null;
  }

  /** A third of a lease from now: says that the task gets on, if it does. */
  #renewLater(stepsBefore: number): void {
    const { id, settings: { leaseMs } } = this.#grant;
    this.#clock.after(leaseMs / 3, () => {
      if (this.#isOver) return;
      const { steps } = this.#progress;
      this.#renewLater(steps);
      if (steps === stepsBefore) return;
      this.#client.command({ kind: "renew", id }).then((result) => {
        if (result.kind !== "noted" || result.isWanted) return;
        this.#end.abort(new NotWantedError("the task was done by somebody else"));
      }, () => {}); // The report at the end meets the same trouble, and is waited for.
    });
  }

  /** Removes what the attempt has written. */
  async #discard(): Promise<void> {
    const { id: { task, index, attempt }, settings: { workDirectory } } = this.#grant;
    if (task === "publish") return;
    const directory = task === "map"
      ? mapDirectory(workDirectory, index, attempt)
      : reduceDirectory(workDirectory, index, attempt);
    await Deno.remove(directory, { recursive: true }).catch(() => {}); // The job's end removes it anyway.
  }

  #event(text: string): void {
    this.#options.onEvent?.(`${taskName(this.#grant.id)} of ${this.#grant.id.job}: ${text}`);
  }
}
