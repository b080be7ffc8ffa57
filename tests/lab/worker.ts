/**
 * A thread of `deno task lab`: runs what it is asked to, one run after another.
 *
 * @module
 */
import { type LabRun, runVirtual } from "./run_case.ts";
import { caseName, labCases } from "./suites.ts";

/** What a worker is asked. */
export interface WorkerTask {
  /** `suite/name`. */
  readonly test: string;
  /** The seeds to run. */
  readonly seeds: readonly number[];
}

/** What it answers. */
export interface WorkerAnswer {
  /** `suite/name`. */
  readonly test: string;
  /** One for each seed. */
  readonly runs: readonly LabRun[];
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerTask>) => void) | null;
  postMessage(answer: WorkerAnswer): void;
}

/** Answers the tasks that come as messages. */
function serve(scope: WorkerScope): void {
  scope.onmessage = async ({ data }) => {
    const test = labCases.find((candidate) => caseName(candidate) === data.test);
    const runs: LabRun[] = [];
    if (test === undefined) throw new Error(`Cannot run ${data.test}: there is no such test`);
    for (const seed of data.seeds) runs.push(await runVirtual(test, seed));
    scope.postMessage({ test: data.test, runs });
  };
}

declare const self: WorkerScope;
serve(self);
