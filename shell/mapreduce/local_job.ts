/**
 * Runs a job on this machine: coordinators and workers as processes, from input files to output directory.
 *
 * @module
 */
import { CoordinatorClient, defaultBufferBytes, JobError, type JobStatus } from "../../mapreduce/mod.ts";
import { checkOutput, findInputs, largestOf, moduleUrl } from "./job_inputs.ts";
import { LocalCoordinators } from "./local_coordinators.ts";
import { LocalWorkers } from "./local_workers.ts";
import { dirname, fileUrlToPath } from "./paths.ts";
import { checkCommandLine, defaultMapReduceClusterId, heapMebibytesFor, type WorkerAccess } from "./settings.ts";

/** What is to be run, and how. */
export interface LocalJobOptions {
  /** The job's module: a path or a URL. */
  readonly module: string;
  /** What the job may read beside its inputs and its module's directory. */
  readonly read: readonly string[];
  /** Hosts that the job may load modules from, beside its own. */
  readonly importHosts: readonly string[];
  /** Patterns of input files. */
  readonly inputs: readonly string[];
  /** Reduce tasks, hence output files. */
  readonly reduces: number;
  /** The output directory; must not exist, or be empty. */
  readonly output: string;
  /** Names and values that the job's code sees. */
  readonly parameters: readonly (readonly [string, string])[];
  /** Worker processes. */
  readonly workers: number;
  /** Coordinator processes: 1, or 3 to survive the loss of one. Ignored with `servers`. */
  readonly coordinators: number;
  /** Coordinators that run already; null to start some for this job alone. */
  readonly servers: readonly string[] | null;
  /** See `JobSettings.leaseMs`. */
  readonly leaseMs: number;
  /** See `WorkerOptions.bufferBytes`; null for the default. */
  readonly bufferBytes: number | null;
  /** Keeps the work directory, with logs and intermediate files. */
  readonly keep: boolean;
  /** Told what goes wrong without being fatal. */
  readonly onProblem: (text: string) => void;
  /** Told now and then how the job is. */
  readonly onStatus: (status: JobStatus) => void;
  /** Gives the job up when aborted. */
  readonly signal?: AbortSignal;
}

/** How often the job is looked at, in milliseconds. */
const pollMs = 100;
/** Input files above which a worker may read their directories, rather than each of them alone. */
const maxListedInputs = 64;
/** Workers give up when no coordinator answers for so long; longer than any election. */
const giveUpMs = 60_000;

/** A job under way. */
export class LocalJob implements AsyncDisposable {
  /** Where files between the tasks are. */
  readonly workDirectory: string;
  /** The job's name. */
  readonly job: string;
  /** The coordinators' addresses. */
  readonly addresses: readonly string[];
  /** Null when they were there before. */
  readonly coordinators: LocalCoordinators | null;
  readonly #options: LocalJobOptions;
  readonly #client: CoordinatorClient;
  #workers: LocalWorkers | null = null;
  #isOver = false;
  #isDisposed = false;

  private constructor(
    options: LocalJobOptions,
    job: string,
    workDirectory: string,
    coordinators: LocalCoordinators | null,
  ) {
    this.#options = options;
    this.job = job;
    this.workDirectory = workDirectory;
    this.coordinators = coordinators;
    this.addresses = coordinators?.addresses ?? options.servers ?? [];
    this.#client = new CoordinatorClient(this.addresses, {
      clusterId: defaultMapReduceClusterId,
      onWaiting: options.onProblem,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  /** Checks everything that can be checked, starts the processes and submits the job. Rejects with {@link JobError}. */
  static async start(options: LocalJobOptions): Promise<LocalJob> {
    const module = moduleUrl(options.module);
    const inputs = findInputs(options.inputs);
    const outputDirectory = checkOutput(options.output);
    const workDirectory = `${outputDirectory}.working`;
    const access = workerAccess(options, module, inputs, { workDirectory, outputDirectory });
    await checkModule(module, access);
    makeWorkDirectory(workDirectory);
    const job = `job-${crypto.randomUUID().slice(0, 8)}`;
    let local: LocalJob | null = null;
    let coordinators: LocalCoordinators | null = null;
    try {
      if (options.servers === null) {
        const { coordinators: count, onProblem } = options;
        coordinators = await LocalCoordinators.start(`${workDirectory}/coordinators`, count, onProblem);
      }
      local = new LocalJob(options, job, workDirectory, coordinators);
      await local.#submit(module, inputs, outputDirectory);
      local.#startWorkers(access, largestOf(inputs));
      return local;
    } catch (error) {
      if (local !== null) await local[Symbol.asyncDispose]();
      else {
        await coordinators?.[Symbol.asyncDispose]();
        await Deno.remove(workDirectory, { recursive: true });
      }
      throw error;
    }
  }

  /** Process ids of this job's workers. */
  get workerPids(): number[] {
    return this.#workers?.pids ?? [];
  }

  /** Resolves when a worker has ended because nothing was left to do. Never, without workers of its own. */
  get firstWorkerDone(): Promise<void> {
    return this.#workers?.firstDone ?? new Promise(() => {});
  }

  /** Waits until the job is done, and returns its last status. Rejects with {@link JobError} when it has failed. */
  async finished(): Promise<JobStatus> {
    const { onStatus, signal } = this.#options;
    let hopeless: string | null = null;
    void this.#workers?.hopeless.then((reason) => hopeless = reason);
    let doneBefore = -1;
    for (;;) {
      signal?.throwIfAborted();
      const { jobs: [status] } = await this.#client.status(this.job);
      if (status === undefined) {
        throw new JobError(`Cannot find ${this.job} any more: the coordinators have forgotten it`);
      }
      onStatus(status);
      const done = status.mapsDone + status.reducesDone;
      if (done !== doneBefore) this.#workers?.gotOn();
      doneBefore = done;
      this.#isOver = status.phase === "done" || status.phase === "failed";
      if (status.phase === "done") return status;
      if (status.phase === "failed") throw new JobError(`The job has failed: ${status.message}`);
      if (hopeless !== null) throw new JobError(`The job cannot be done: ${hopeless}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** Stops the processes and removes the work directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (!this.#isOver && this.coordinators === null) await this.#cancel();
    await this.#workers?.[Symbol.asyncDispose]();
    this.#client[Symbol.dispose]();
    await this.coordinators?.[Symbol.asyncDispose]();
    if (!this.#options.keep) await Deno.remove(this.workDirectory, { recursive: true });
  }

  /** Tells coordinators that are not ours that nobody waits any more; they may be the reason why, so not for long. */
  async #cancel(): Promise<void> {
    using client = new CoordinatorClient(this.addresses, { clusterId: defaultMapReduceClusterId, giveUpMs: 2000 });
    await client.command({ kind: "cancel", job: this.job }).catch(() => {});
  }

  async #submit(module: string, inputs: readonly string[], outputDirectory: string): Promise<void> {
    const { reduces, parameters, leaseMs } = this.#options;
    const { job, workDirectory } = this;
    const result = await this.#client.command({
      kind: "submit",
      spec: {
        ...{ job, module, reduces, parameters, leaseMs, inputs, workDirectory, outputDirectory },
        inputDirectory: Deno.cwd(),
      },
    });
    if (result.kind === "refused") throw new JobError(`The coordinator does not take the job: ${result.message}`);
  }

  #startWorkers(access: WorkerAccess, largestInputBytes: number): void {
    const { workers: count, bufferBytes, onProblem } = this.#options;
    this.#workers = new LocalWorkers({
      ...{ count, access, onProblem },
      heapMebibytes: heapMebibytesFor({ largestInputBytes, bufferBytes: bufferBytes ?? defaultBufferBytes }),
      settings: {
        ...{ servers: this.addresses, clusterId: defaultMapReduceClusterId, giveUpMs, bufferBytes },
        ...{ exitWhenIdle: this.coordinators !== null },
      },
      logFile: `${this.workDirectory}/workers.log`,
    });
  }
}

/** The work directory, which nobody else may have made: it also keeps a second run off the same output. */
function makeWorkDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new JobError(`Cannot run the job: its work directory is beside its output: ${reason}`);
    }
    throw new JobError(
      `Cannot run the job: its work directory ${path} exists; another run is under way, or one was killed and has left it: ` +
        "remove it, or give --output another directory",
    );
  }
}

function workerAccess(
  { read, importHosts }: LocalJobOptions,
  module: string,
  inputs: readonly string[],
  { workDirectory, outputDirectory }: { readonly workDirectory: string; readonly outputDirectory: string },
): WorkerAccess {
  const url = new URL(module);
  const isLocal = url.protocol === "file:";
  const listedInputs = inputs.length <= maxListedInputs ? inputs : inputs.map((path) => dirname(path));
  return {
    // The job may consist of several modules.
    read: [...listedInputs, ...read, ...(isLocal ? [dirname(fileUrlToPath(url))] : [])],
    write: [workDirectory, outputDirectory],
    importHosts: [...importHosts, ...(isLocal ? [] : [url.host])],
  };
}

/** Rejects with {@link JobError} when the module is no job. It is loaded in a process of its own, as it is not ours. */
async function checkModule(module: string, access: WorkerAccess): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    ...{ args: checkCommandLine(module, access), stdin: "null", stdout: "null", stderr: "piped" },
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new JobError(new TextDecoder().decode(stderr).trim());
}
