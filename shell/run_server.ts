/**
 * Runs one server, whatever it replicates, until it is told to stop or fails, and tells on standard error what happens to
 * it.
 *
 * @module
 */
import type { KvServerOptions } from "../kv/mod.ts";
import { RetiredError } from "../raft/mod.ts";
import { describeFailure, exitFailed, exitOk } from "./failure.ts";
import { untilInputEnds } from "./input_end.ts";
import { fromArguments, type NodeSettings } from "./node_settings.ts";
import { log, serverOptions } from "./server_options.ts";

/** How long a node that is told to stop may still take to start, so that a failure to start is told, in milliseconds. */
const startPatienceMs = 1000;

/** Starts a server; what it does with its options is its own affair. */
export type StartServer = (options: KvServerOptions) => Promise<AsyncDisposable & { readonly address: string }>;

/** Runs the server until Ctrl-C or a request to end; returns the exit code. */
export async function runInForeground(settings: NodeSettings, start: StartServer): Promise<number> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  return await runServer(settings, start, stop.signal);
}

/**
 * Runs the server that the arguments of this process describe, and exits with it. It ends when its standard input does: no
 * server outlives the shell that started it.
 */
export async function runAsChild(start: StartServer): Promise<never> {
  const stop = new AbortController();
  void untilInputEnds().then(() => stop.abort());
  // These go to every process of the terminal; the shell decides what they mean and ends its servers itself.
  for (const signal of ["SIGINT", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  try {
    Deno.exit(await runServer(fromArguments(Deno.args), start, stop.signal));
  } catch (error) {
    const failure = describeFailure(error);
    console.error(failure.message);
    Deno.exit(failure.exitCode);
  }
}

/**
 * Runs the server until `stop` or SIGTERM; returns the exit code. Rejects when it cannot be started. A node that may not
 * go on under its identity is started again, for it then takes another one.
 */
export async function runServer(settings: NodeSettings, start: StartServer, stop: AbortSignal): Promise<number> {
  const terminated = new AbortController();
  const onTerminated = (): void => terminated.abort();
  Deno.addSignalListener("SIGTERM", onTerminated);
  const end = AbortSignal.any([stop, terminated.signal]);
  try {
    for (;;) {
      const reason = await runOnce(settings, start, end);
      if (reason === null) {
        log(`${settings.id} stops`);
        return exitOk;
      }
      log(`${settings.id} has failed and takes no further part: ${reason.message}`);
      if (!(reason instanceof RetiredError)) return exitFailed;
      log(`${settings.id} starts again`);
    }
  } finally {
    Deno.removeSignalListener("SIGTERM", onTerminated);
  }
}

/** Runs the server until `stop` (null) or until it fails. */
async function runOnce(settings: NodeSettings, start: StartServer, stop: AbortSignal): Promise<Error | null> {
  const ended = Promise.withResolvers<Error | null>();
  stop.addEventListener("abort", () => ended.resolve(null), { once: true });
  if (stop.aborted) ended.resolve(null);
  const starting = start(serverOptions(settings, ended.resolve));
  // Starting can take long, when a damaged directory makes the node look for a leader first.
  let isStarting = true;
  const started = starting.finally(() => isStarting = false);
  await Promise.race([started, ended.promise.then(() => waitMs(startPatienceMs))]);
  if (isStarting) {
    started.then((late) => late[Symbol.asyncDispose](), () => {});
    return null;
  }
  await using server = await started;
  console.log(`${settings.id} listens on ${server.address}`);
  log(`${settings.id} listens on ${server.address}, data in ${settings.dataDir}`);
  return await ended.promise;
}

function waitMs(durationMs: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, durationMs)));
}
