/**
 * The process of one worker: loads jobs and executes their tasks with no more permissions than it was started with.
 *
 * ```text
 * worker_process.ts work SETTINGS     executes tasks; SETTINGS as JSON
 * worker_process.ts check MODULE      only looks whether the module is a job
 * ```
 *
 * @module
 */
import { loadJob, runWorker } from "../../mapreduce/mod.ts";
import { describeFailure, exitOk } from "../failure.ts";
import { untilInputEnds } from "../input_end.ts";
import type { WorkerSettings } from "./settings.ts";

/**
 * Executes tasks until there are none, or until it is told to stop. Then it does not wait for the job's code, which may take
 * long: an attempt that is not complete is void, and somebody else makes another one.
 */
async function work(settings: WorkerSettings): Promise<void> {
  const worker = settings.worker === "" ? `${crypto.randomUUID().slice(0, 8)}-${Deno.pid}` : settings.worker;
  console.log(`worker ${worker} asks ${settings.servers.join(", ")}`);
  const working = runWorker({
    servers: settings.servers,
    clusterId: settings.clusterId,
    worker,
    exitWhenIdle: settings.exitWhenIdle,
    giveUpMs: settings.giveUpMs,
    ...(settings.bufferBytes === null ? {} : { bufferBytes: settings.bufferBytes }),
    onEvent: (text) => console.error(`${new Date().toISOString()} ${worker}: ${text}`),
  });
  await Promise.race([working, untilStopped()]);
}

/** Resolves when the worker is told to stop, or when who started it has gone. */
async function untilStopped(): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGTERM", stopped.resolve);
  // These go to every process of the terminal; who started this worker decides what they mean.
  for (const signal of ["SIGINT", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  await Promise.race([stopped.promise, untilInputEnds()]);
}

if (import.meta.main) {
  const [what, argument = ""] = Deno.args;
  try {
    if (what === "check") await loadJob(argument);
    // This process's own parent has written it.
    else await work(JSON.parse(argument) as WorkerSettings);
    Deno.exit(exitOk);
  } catch (error) {
    const failure = describeFailure(error);
    console.error(failure.message);
    Deno.exit(failure.exitCode);
  }
}
