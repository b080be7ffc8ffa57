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

/** Executes tasks until there are none, or until it is told to stop. */
async function work(settings: WorkerSettings): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort(new Error("the worker was stopped"));
  if (settings.endsWithInput) {
    void untilInputEnds().then(end);
    // Ctrl-C goes to every process of the terminal; who started this worker decides what it means.
    Deno.addSignalListener("SIGINT", () => {});
  } else Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  const worker = settings.worker === "" ? `${crypto.randomUUID().slice(0, 8)}-${Deno.pid}` : settings.worker;
  console.log(`worker ${worker} asks ${settings.servers.join(", ")}`);
  try {
    await runWorker({
      servers: settings.servers,
      clusterId: settings.clusterId,
      worker,
      exitWhenIdle: settings.exitWhenIdle,
      giveUpMs: settings.giveUpMs,
      ...(settings.bufferBytes === null ? {} : { bufferBytes: settings.bufferBytes }),
      signal: stop.signal,
      onEvent: (text) => console.error(`${new Date().toISOString()} ${worker}: ${text}`),
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
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
