/**
 * Runs one node until it is told to stop or fails, and tells on standard error what happens to it.
 *
 * @module
 */
import { KvServer } from "../kv/mod.ts";
import { RetiredError } from "../raft/mod.ts";
import { exitFailed, exitOk } from "./failure.ts";
import type { NodeSettings } from "./node_settings.ts";
import { log, serverOptions } from "./server_options.ts";

/** How long a node that is told to stop may still take to start, so that a failure to start is told, in milliseconds. */
const startPatienceMs = 1000;

/**
 * Runs the node until `stop` or SIGTERM; returns the exit code. Rejects when it cannot be started. A node that may not go
 * on under its identity is started again, for it then takes another one.
 */
export async function runNode(settings: NodeSettings, stop: AbortSignal): Promise<number> {
  const terminated = new AbortController();
  Deno.addSignalListener("SIGTERM", () => terminated.abort());
  const end = AbortSignal.any([stop, terminated.signal]);
  for (;;) {
    const reason = await runOnce(settings, end);
    if (reason === null) {
      log(`${settings.id} stops`);
      return exitOk;
    }
    log(`${settings.id} has failed and takes no further part: ${reason.message}`);
    if (!(reason instanceof RetiredError)) return exitFailed;
    log(`${settings.id} starts again`);
  }
}

/** Runs the node until `stop` (null) or until it fails. */
async function runOnce(settings: NodeSettings, stop: AbortSignal): Promise<Error | null> {
  const ended = Promise.withResolvers<Error | null>();
  stop.addEventListener("abort", () => ended.resolve(null), { once: true });
  if (stop.aborted) ended.resolve(null);
  const starting = KvServer.start(serverOptions(settings, ended.resolve));
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
