/**
 * Runs one coordinator until it is told to stop or fails, and tells on standard error what happens to it.
 *
 * @module
 */
import { CoordinatorServer } from "../../mapreduce/mod.ts";
import { exitFailed, exitOk } from "../failure.ts";
import type { NodeSettings } from "../node_settings.ts";
import { log, serverOptions } from "../server_options.ts";

/** Runs it until `stop` or SIGTERM; returns the exit code. Rejects when it cannot be started. */
export async function runCoordinator(settings: NodeSettings, stop: AbortSignal): Promise<number> {
  const ended = Promise.withResolvers<Error | null>();
  await using server = await CoordinatorServer.start(serverOptions(settings, ended.resolve));
  console.log(`${settings.id} listens on ${server.address}`);
  stop.addEventListener("abort", () => ended.resolve(null), { once: true });
  if (stop.aborted) ended.resolve(null);
  Deno.addSignalListener("SIGTERM", () => ended.resolve(null));
  const reason = await ended.promise;
  if (reason === null) return exitOk;
  log(`${settings.id} has failed and takes no further part: ${reason.message}`);
  return exitFailed;
}
