/**
 * `balsa node`: one node in the foreground.
 *
 * @module
 */
import type { NodeSettings } from "../node_settings.ts";
import { runNode } from "../run_node.ts";

/** Runs the node until Ctrl-C or a request to end; returns the exit code. */
export async function runNodeInForeground(settings: NodeSettings): Promise<number> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  return await runNode(settings, stop.signal);
}
