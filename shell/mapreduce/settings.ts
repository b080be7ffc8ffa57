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

/** What a worker's memory has to be large enough for. */
export interface WorkerLoad {
  /** Bytes of the largest input file, which `map` gets as a whole. */
  readonly largestInputBytes: number;
  /** See `WorkerOptions.bufferBytes`. */
  readonly bufferBytes: number;
}

/** What a worker needs beside its load, in MiB: code, a block of each file of a merge. */
const idleHeapMebibytes = 40;
/**
 * Room for short-lived objects, in MiB, of which V8 takes three. Its own choice makes a worker larger without need; with half
 * of this it takes a sixth longer, for what lives a little longer is copied once more.
 */
const semiSpaceMebibytes = 16;

/**
 * Room for long-lived objects, in MiB. V8 lets garbage gather up to here, so that this is what a worker grows to: it must
 * not be more than the load calls for.
 */
export function heapMebibytesFor({ largestInputBytes, bufferBytes }: WorkerLoad): number {
  // A text beyond Latin-1 takes two bytes a character, and `map` may well make as much of it again. The buffer's size is a
  // guess; with a little garbage it takes twice as much.
  const loadMebibytes = (4 * largestInputBytes + 2 * bufferBytes) / 1024 / 1024;
  return idleHeapMebibytes + Math.ceil(loadMebibytes);
}

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
export function workerCommandLine(settings: WorkerSettings, access: WorkerAccess, heapMebibytes: number): string[] {
  const script = new URL("./worker_process.ts", import.meta.url);
  return [
    ...commonOptions(script, access.importHosts),
    `--v8-flags=--max-old-space-size=${heapMebibytes},--max-semi-space-size=${semiSpaceMebibytes}`,
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
