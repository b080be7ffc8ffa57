/**
 * Runs one test of the course once, in virtual time or in real time.
 *
 * @module
 */
import { courseTimeLimitMs, type LabCase } from "./harness/lab_test_case.ts";
import { RealWorld } from "./harness/real_world.ts";
import { SimulatedWorld } from "./harness/simulated_world.ts";
import { LabFailure } from "./harness/world.ts";
import { realClock, sleep } from "../../raft/node/clock.ts";

/** How a run went. */
export interface LabRun {
  /** The run's seed. */
  readonly seed: number;
  /** Null when it has passed. */
  readonly failure: string | null;
  /** Time it took, in the world's own seconds. */
  readonly seconds: number;
  /** Requests sent. */
  readonly rpcs: number;
  /** Bytes sent, both ways. */
  readonly bytes: number;
  /** Agreements or calls. */
  readonly operations: number;
  /** Hash of all that happened; equal seeds give equal hashes. Empty in real time. */
  readonly hash: string;
}

/** Runs `test` with a seed. With `onTrace` the readable trace is handed over at the end. */
export async function runVirtual(
  test: LabCase,
  seed: number,
  onTrace?: (lines: readonly string[]) => void,
): Promise<LabRun> {
  using world = new SimulatedWorld(`${test.suite}/${test.name}`, seed, { record: onTrace !== undefined });
  let failure: string | null = null;
  let operations = 0;
  try {
    ({ operations } = await world.simulation.run(() => test.run(world), { timeoutMs: courseTimeLimitMs }));
  } catch (error) {
    failure = error instanceof Error ? error.stack ?? error.message : String(error);
  }
  onTrace?.(world.simulation.trace.lines);
  return {
    ...{ seed, failure, operations, ...world.traffic() },
    seconds: world.simulation.nowMs / 1000,
    hash: world.simulation.trace.hash,
  };
}

/**
 * Runs `test` on TCP and files; with `usesProcesses` each server in a process of its own. The seed decides the scenario's
 * choices, and nothing else.
 */
export async function runReal(test: LabCase, seed: number, usesProcesses: boolean): Promise<LabRun> {
  let onRejection = (_reason: unknown): void => {};
  // Declared first, to be disposed of last: what is left behind may fail while the world is taken down.
  using _rejections = listenForRejections((reason) => onRejection(reason));
  await using world = await RealWorld.make(`${test.suite}/${test.name}`, seed, usesProcesses);
  onRejection = (reason) => world.fail(reason);
  const startedMs = performance.now();
  let failure: string | null = null;
  let operations = 0;
  const limit = new AbortController();
  try {
    const late = sleep(realClock, courseTimeLimitMs, limit.signal).then(() => {
      throw new LabFailure(`it took more than ${courseTimeLimitMs / 1000} s`);
    });
    late.catch(() => {});
    ({ operations } = await Promise.race([test.run(world), world.failed, late]));
  } catch (error) {
    failure = error instanceof Error ? error.stack ?? error.message : String(error);
  } finally {
    limit.abort();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  return { seed, failure, operations, ...world.traffic(), seconds, hash: "" };
}

/** Tells `onRejection` of every promise that is rejected and nobody handles. */
function listenForRejections(onRejection: (reason: unknown) => void): Disposable {
  const listener = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    onRejection(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  return { [Symbol.dispose]: () => globalThis.removeEventListener("unhandledrejection", listener) };
}
