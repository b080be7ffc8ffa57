/**
 * What the processes of MapReduce are started with: how one process tells another, and the permissions it gets. None gets
 * more than it needs: a coordinator its port, its peers and its directory; a worker the coordinators, its inputs, the job's
 * module and the directories it writes to.
 *
 * @module
 */
import { type NodeSettings, toArguments } from "../node_settings.ts";

/** The cluster's name when none is given: not the one of the key/value store, so that the two refuse each other. */
export const defaultMapReduceClusterId = "balsa-mapreduce";

/** What a worker's process is told. */
export interface WorkerSettings {
  /** The coordinators, `HOST:PORT`. */
  readonly servers: readonly string[];
  /** The cluster's name. */
  readonly clusterId: string;
  /** Name without equal; "" to have one chosen. */
  readonly worker: string;
  /** Whether it ends when no job is under way. */
  readonly exitWhenIdle: boolean;
  /** Whether it ends when its standard input does. */
  readonly endsWithInput: boolean;
  /** It gives up when no coordinator answers for so long, in milliseconds. */
  readonly giveUpMs: number;
  /** See `WorkerOptions.bufferBytes`; null for the default. */
  readonly bufferBytes: number | null;
}

/** What a worker may touch. */
export interface WorkerAccess {
  /** Files and directories that it may read. */
  readonly read: readonly string[];
  /** Directories that it may write to and read. */
  readonly write: readonly string[];
  /** Hosts that modules may be loaded from. */
  readonly importHosts: readonly string[];
}

/** Memory for JavaScript objects of a worker, in MiB: what it holds at a time is far less, but garbage comes on top. */
const workerHeapMebibytes = 144;

/** Options of every process: no configuration and no registry, as it consists of Balsa's own modules (and the job). */
function commonOptions(script: URL, importHosts: readonly string[]): string[] {
  const hosts = [...importHosts, ...(script.protocol === "file:" ? [] : [script.host])];
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    ...(hosts.length === 0 ? [] : [`--allow-import=${[...new Set(hosts)].join(",")}`]),
  ];
}

/** The command line of a coordinator's process. */
export function coordinatorCommandLine(settings: NodeSettings): string[] {
  const script = new URL("./coordinator_process.ts", import.meta.url);
  const addresses = [...new Set([settings.listen, ...Object.values(settings.peers)])];
  return [
    ...commonOptions(script, []),
    `--allow-net=${addresses.join(",")}`,
    `--allow-read=${listed([settings.dataDir])}`,
    `--allow-write=${listed([settings.dataDir])}`,
    script.href,
    ...toArguments(settings),
  ];
}

/** The command line of a worker's process. */
export function workerCommandLine(settings: WorkerSettings, access: WorkerAccess): string[] {
  const script = new URL("./worker_process.ts", import.meta.url);
  return [
    ...commonOptions(script, access.importHosts),
    `--v8-flags=--max-old-space-size=${workerHeapMebibytes}`,
    `--allow-net=${settings.servers.join(",")}`,
    `--allow-read=${listed([...access.read, ...access.write])}`,
    `--allow-write=${listed(access.write)}`,
    script.href,
    "work",
    JSON.stringify(settings),
  ];
}

/** The command line of a process that only looks whether a module is a job, with the permissions it would run with. */
export function checkCommandLine(moduleUrl: string, access: WorkerAccess): string[] {
  const script = new URL("./worker_process.ts", import.meta.url);
  return [
    ...commonOptions(script, access.importHosts),
    `--allow-read=${listed([...access.read, ...access.write])}`,
    ...[script.href, "check", moduleUrl],
  ];
}

/** Paths as a permission lists them: commas within a path are doubled. */
function listed(paths: readonly string[]): string {
  return [...new Set(paths)].map((path) => path.replaceAll(",", ",,")).join(",");
}
