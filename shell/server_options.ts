/**
 * What every server that the shell runs is started with, whatever it replicates, and how it tells what happens to it.
 *
 * @module
 */
import type { KvServerOptions } from "../kv/mod.ts";
import type { NodeSettings } from "./node_settings.ts";

/** A line of the log, on standard error. */
export function log(text: string): void {
  console.error(`${new Date().toISOString()} ${text}`);
}

/** The settings as a server wants them; changes of role go to the log, the end to `onStopped`. */
export function serverOptions(settings: NodeSettings, onStopped: (reason: Error | null) => void): KvServerOptions {
  let lastRole = "";
  return {
    id: settings.id,
    listen: settings.listen,
    peers: settings.peers,
    dataDir: settings.dataDir,
    clusterId: settings.clusterId,
    insecure: settings.isInsecure,
    onProblem: log,
    onStatus: (status) => {
      const role = `${status.role} of term ${status.currentTerm}, leader ${status.leader ?? "unknown"}`;
      if (role !== lastRole) log(role);
      lastRole = role;
    },
    onStopped,
  };
}
