/**
 * The workers of a job that is run on this machine: processes, replaced when they are lost.
 *
 * @module
 */
import { Child } from "./child.ts";
import { type WorkerAccess, workerCommandLine, type WorkerSettings } from "./settings.ts";

/** So many workers may be lost in a row without the job getting on. */
const maxLossesInARow = 20;

/** What {@link LocalWorkers} works with. */
export interface LocalWorkersOptions {
  /** How many work at a time. */
  readonly count: number;
  /** What each is told, but for its name. */
  readonly settings: Omit<WorkerSettings, "worker">;
  /** What each may touch. */
  readonly access: WorkerAccess;
  /** What each has for long-lived objects, in MiB. */
  readonly heapMebibytes: number;
  /** All their logs go here. */
  readonly logFile: string;
  /** Told when one was lost. */
  readonly onProblem: (text: string) => void;
}

/** See the module. */
export class LocalWorkers implements AsyncDisposable {
  /** Resolves when one of them has ended as it should: nothing is left to do. */
  readonly firstDone: Promise<void>;
  /** Resolves to an explanation when they are lost again and again. */
  readonly hopeless: Promise<string>;
  readonly #options: LocalWorkersOptions;
  readonly #children = new Set<Child>();
  readonly #done = Promise.withResolvers<void>();
  readonly #hopeless = Promise.withResolvers<string>();
  #started = 0;
  #losses = 0;
  #isStopping = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    this.firstDone = this.#done.promise;
    this.hopeless = this.#hopeless.promise;
    for (let index = 0; index < options.count; index++) this.#start();
  }

  /** Process ids of those that run. */
  get pids(): number[] {
    return [...this.#children].map(({ pid }) => pid);
  }

  /** The job gets on: earlier losses do not count any more. */
  gotOn(): void {
    this.#losses = 0;
  }

  /** Ends them, whatever they are at: the job's code may hold the thread, and an attempt that is not complete is void. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#children].map((child) => child.end()));
  }

  #start(): void {
    const { settings, access, heapMebibytes, logFile, onProblem } = this.#options;
    const worker = `w${++this.#started}-${Deno.pid}`;
    const child = Child.spawn(workerCommandLine({ ...settings, worker }, access, heapMebibytes), logFile);
    this.#children.add(child);
    void child.ended.then((code) => {
      this.#children.delete(child);
      if (this.#isStopping) return;
      if (code === 0) return this.#done.resolve();
      if (++this.#losses >= maxLossesInARow) {
        return this.#hopeless.resolve(
          `${maxLossesInARow} workers in a row were lost, the last one with:\n${child.lastLines}`,
        );
      }
      onProblem(`worker ${worker} has ended with code ${code}; another one takes its place`);
      this.#start();
    });
  }
}
