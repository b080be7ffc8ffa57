/**
 * `balsa mapreduce …`: run a job on this machine, or coordinators and workers of a cluster.
 *
 * @module
 */
import {
  CoordinatorClient,
  CoordinatorUnreachableError,
  JobError,
  maxReduces,
  minLeaseMs,
} from "../../mapreduce/mod.ts";
import { endings } from "../endings.ts";
import { CommandFailed, exitFailed, exitOk, UsageError } from "../failure.ts";
import { isFilled, readParameters } from "../mapreduce/job_inputs.ts";
import { LocalJob } from "../mapreduce/local_job.ts";
import { figuresOf, ProgressBar } from "../mapreduce/progress_bar.ts";
import { resolve } from "../mapreduce/paths.ts";
import { defaultMapReduceClusterId, workerCommandLine } from "../mapreduce/settings.ts";
import type { Output } from "../output.ts";

/** What `balsa mapreduce run` is told. */
export interface RunOptions {
  /** See `--job`. */
  readonly job: string;
  /** See `--input`. */
  readonly input: readonly string[];
  /** See `--read`. */
  readonly read: readonly string[];
  /** See `--import-host`. */
  readonly importHosts: readonly string[];
  /** See `--output`. */
  readonly output: string;
  /** See `--reduces`. */
  readonly reduces: number;
  /** See `--workers`; null for the default. */
  readonly workers: number | null;
  /** See `--coordinators`. */
  readonly coordinators: number;
  /** See `--servers`; null for none. */
  readonly servers: readonly string[] | null;
  /** See `--parameter`. */
  readonly parameter: readonly string[];
  /** See `--lease`. */
  readonly leaseMs: number;
  /** See `--buffer`; null for the default. */
  readonly bufferMebibytes: number | null;
  /** See `--keep`. */
  readonly keep: boolean;
}

/** Runs a job from its input files to its output directory; returns the exit code. */
export async function runMapReduce(options: RunOptions, output: Output): Promise<number> {
  const workers = options.workers ?? (options.servers === null ? 2 : 0);
  checkCount("--reduces", options.reduces, 1, maxReduces);
  checkCount("--workers", workers, options.servers === null ? 1 : 0, 256);
  checkCount("--coordinators", options.coordinators, 1, 7);
  checkCount("--lease", options.leaseMs, minLeaseMs, 86_400_000);
  if (options.bufferMebibytes !== null) checkCount("--buffer", options.bufferMebibytes, 1, 65_536);
  const bar = new ProgressBar(output);
  using interrupt = new Interrupt();
  const startedAtMs = performance.now();
  try {
    await using job = await LocalJob.start({
      module: options.job,
      inputs: options.input,
      read: options.read.map((path) => resolve(path)),
      importHosts: options.importHosts,
      reduces: options.reduces,
      output: options.output,
      parameters: readParameters(options.parameter),
      workers,
      coordinators: options.coordinators,
      servers: options.servers,
      leaseMs: options.leaseMs,
      bufferBytes: options.bufferMebibytes === null ? null : options.bufferMebibytes * 1024 * 1024,
      keep: options.keep,
      onProblem: (text) => {
        bar.clear();
        output.note(text);
      },
      onStatus: (status) => bar.show(status),
      signal: interrupt.signal,
    });
    const status = await job.finished();
    bar.clear();
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    output.result(`${resolve(options.output)}: ${figuresOf(status)}, ${seconds} s`);
    return exitOk;
  } catch (error) {
    bar.clear();
    interrupt.throwIfAny(options.output);
    if (!(error instanceof JobError || error instanceof CoordinatorUnreachableError)) throw error;
    output.note(`balsa: ${error.message}`);
    return exitFailed;
  }
}

/** A signal to end that arrives while a job is under way. */
class Interrupt implements Disposable {
  readonly #abort = new AbortController();
  readonly #listeners = new DisposableStack();
  #exitCode: number = exitFailed;

  constructor() {
    for (const [signal, number] of endings) {
      const listener = (): void => {
        this.#exitCode = 128 + number;
        this.#abort.abort();
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.defer(() => Deno.removeSignalListener(signal, listener));
    }
  }

  /** Aborted when there was one. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Says so, and what has become of the output: all of it or nothing, for its directory appears by one rename. */
  throwIfAny(output: string): void {
    if (!this.signal.aborted) return;
    const fate = isFilled(output) ? `the output in ${output} was complete by then` : "no output was written";
    throw new CommandFailed(`Interrupted: ${fate}`, this.#exitCode);
  }

  [Symbol.dispose](): void {
    this.#listeners.dispose();
  }
}

/** What `balsa mapreduce worker` is told. */
export interface WorkerCommandOptions {
  /** See `--servers`. */
  readonly servers: readonly string[];
  /** See `--cluster`. */
  readonly clusterId: string;
  /** See `--read`. */
  readonly read: readonly string[];
  /** See `--write`. */
  readonly write: readonly string[];
  /** See `--import-host`. */
  readonly importHosts: readonly string[];
  /** See `--exit-when-idle`. */
  readonly exitWhenIdle: boolean;
  /** See `--give-up`. */
  readonly giveUpSeconds: number;
  /** See `--heap`. */
  readonly heapMebibytes: number;
}

/** Runs one worker, in a process that may touch nothing but what is named, until Ctrl-C; returns its exit code. */
export async function runWorkerInForeground(options: WorkerCommandOptions): Promise<number> {
  const { servers, clusterId, exitWhenIdle, importHosts } = options;
  checkCount("--give-up", options.giveUpSeconds, 1, 86_400);
  checkCount("--heap", options.heapMebibytes, 64, 65_536);
  if (options.read.length === 0 || options.write.length === 0) {
    throw new UsageError(
      "Cannot start a worker that may touch nothing: name the directories of inputs and job with --read, and those of " +
        "the outputs with --write",
    );
  }
  const args = workerCommandLine({
    ...{ servers, clusterId, exitWhenIdle, worker: "", bufferBytes: null },
    giveUpMs: options.giveUpSeconds * 1000,
  }, {
    read: options.read.map((path) => resolve(path)),
    write: options.write.map((path) => resolve(path)),
    importHosts,
  }, options.heapMebibytes);
  // It ends when its standard input does: not later than this process, however that ends.
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "inherit", stderr: "inherit" })
    .spawn();
  for (const [signal] of endings) Deno.addSignalListener(signal, () => process.kill("SIGTERM"));
  return (await process.status).code;
}

/** Shows jobs and workers. */
export async function showMapReduceStatus(
  options: { readonly servers: readonly string[]; readonly clusterId: string; readonly timeoutMs: number | null },
  isJson: boolean,
  output: Output,
): Promise<void> {
  using client = new CoordinatorClient(options.servers, {
    clusterId: options.clusterId,
    giveUpMs: options.timeoutMs ?? 10_000,
  });
  const status = await client.status();
  if (isJson) return output.result(JSON.stringify(status));
  if (status.jobs.length === 0) output.result("no jobs");
  for (const job of status.jobs) {
    output.result(
      `${job.job}: ${job.phase}, ${figuresOf(job)}, ${job.attempts} attempts, ${job.lost} lost, ${job.failed} failed`,
    );
    if (job.message !== "") output.result(`  ${job.message.replaceAll("\n", "\n  ")}`);
    for (const task of job.running) {
      output.result(`  ${task.task} ${task.index}: attempt ${task.attempt} by ${task.worker}`);
    }
  }
  for (const { worker, silentMs, completed } of status.workers) {
    output.result(`worker ${worker}: ${completed} tasks completed, heard of ${(silentMs / 1000).toFixed(1)} s ago`);
  }
}

/** The cluster's name when none is given. */
export const defaultCluster: string = defaultMapReduceClusterId;

function checkCount(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new UsageError(`Cannot use ${option} ${value}: it takes a whole number from ${least} to ${most}`);
}
