/**
 * `deno task big-state`: a million keys of 100 bytes on a node that is a process of its own. What is measured, with the bounds
 * that it must keep:
 *
 * - the longest time for which the event loop does not come round while a snapshot is written and writes go on: 50 ms;
 * - from the start of the process to the first linearizable read after a restart: 5 s;
 * - memory resident, at the most: 1 GiB;
 * - bytes in the data directory while keys are written over and over: three snapshots and 256 MiB of log
 *   (`raft/rsm/log_bound.ts` promises less: half of the log's bound, all of it, and two segments).
 *
 * Beside that it shows how fast keys are written over and over, and the longest that a call takes then.
 *
 *     deno task big-state [--keys N] [--value-bytes N] [--seconds S]
 *
 * Ends with code 1 when a bound is not kept.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Clerk, KvServer } from "../../kv/mod.ts";
import { sleep } from "../../raft/node/clock.ts";
import { realClock } from "../../raft/mod.ts";
import { readLines } from "../../shell/lines.ts";
import { nodeFlags } from "../../shell/node_flags.ts";

/** Bounds. */
const maxPauseMs = 50;
const maxRestartMs = 5_000;
const maxResidentBytes = 1024 ** 3;
/** Two snapshots that are kept and one that is written, */
const maxSnapshots = 3;
/** and log: what comes in while a snapshot is written, and several times `maxRaftState` of 32 MiB. */
const maxLogBytes = 256 * 1024 ** 2;

/** Writes under way while keys are loaded. */
const inFlight = 1_000;

/** Writes a second while pauses are measured. */
const lightWritesPerSecond = 500;

interface Figures {
  readonly [name: string]: number;
}

/** What the node's process is asked for, a word a line. It answers each with figures. */
type Question = "snapshotBegun" | "snapshotEnded" | "quiet" | "peaks";

/** Looks how long the event loop takes to come round; resolves to the longest time, in milliseconds, once `isOver`. */
async function longestPauseMs(isOver: () => boolean): Promise<number> {
  let longestMs = 0;
  for (let lastMs = performance.now(); !isOver();) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  return longestMs;
}

/** The node's process. */
async function serve(dataDir: string): Promise<void> {
  const server = await KvServer.start({
    ...{ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir },
  });
  const { promise: ready, resolve } = Promise.withResolvers<number>();
  server.replica.readWith({ kind: "get", key: keyOf(7, 1_000) }, "linearizable", () => resolve(performance.now()));
  console.log(JSON.stringify({ port: Number(server.address.split(":").at(-1)), readyMs: await ready }));
  let peakResidentBytes = 0;
  setInterval(() => peakResidentBytes = Math.max(peakResidentBytes, Deno.memoryUsage().rss), 50);
  const isTaking = (): boolean => server.replica.status().isTakingSnapshot;
  const answers: Readonly<Record<string, () => Promise<Figures>>> = {
    async snapshotBegun() {
      while (!isTaking()) await sleep(realClock, 1);
      return {};
    },
    async snapshotEnded() {
      const startedMs = performance.now();
      return { pauseMs: await longestPauseMs(() => !isTaking()), tookMs: performance.now() - startedMs };
    },
    async quiet() {
      const untilMs = performance.now() + 2_000;
      return { pauseMs: await longestPauseMs(() => performance.now() > untilMs || isTaking()) };
    },
    peaks() {
      return Promise.resolve({ peakResidentBytes });
    },
  };
  for await (const line of readLines(Deno.stdin.readable)) console.log(JSON.stringify(await answers[line]?.()));
  Deno.exit(0);
}

/** The node's process, as seen from here. */
class NodeProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  constructor(dataDir: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-lock", "--quiet", ...nodeFlags, "-A", import.meta.url, "serve", dataDir],
      ...{ stdin: "piped", stdout: "piped", stderr: "inherit" },
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = readLines(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async next(): Promise<Figures> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error("the node's process has ended");
    return JSON.parse(line.value);
  }

  async ask(question: Question): Promise<Figures> {
    await this.#input.write(new TextEncoder().encode(`${question}\n`));
    return await this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#input.close().catch(() => {});
    await this.#lines.return?.();
  }
}

function keyOf(serial: number, keys: number): string {
  return `key-${String(serial % keys).padStart(12, "0")}`;
}

/** Writes keys, one after the other and over and over. */
class Writer {
  readonly #clerk: Clerk;
  readonly #keys: number;
  readonly #value: string;
  written = 0;
  /** The longest that a call has taken, in milliseconds. */
  longestMs = 0;

  constructor(clerk: Clerk, keys: number, valueBytes: number) {
    this.#clerk = clerk;
    this.#keys = keys;
    this.#value = "v".repeat(valueBytes);
  }

  async put(): Promise<void> {
    const startedMs = performance.now();
    await this.#clerk.put(keyOf(this.written++, this.#keys), this.#value);
    this.longestMs = Math.max(this.longestMs, performance.now() - startedMs);
  }

  /** As fast as it goes, until it is told to end. */
  async flood(isOver: () => boolean): Promise<void> {
    const run = async (): Promise<void> => {
      while (!isOver()) await this.put();
    };
    await Promise.all(Array.from({ length: inFlight }, run));
  }

  /** Slowly, until it is told to end. */
  async trickle(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await Promise.all([this.put(), sleep(realClock, 1000 / lightWritesPerSecond)]);
    }
  }
}

function directoryBytes(dataDir: string): number {
  let bytes = 0;
  for (const { name } of Deno.readDirSync(dataDir)) {
    try {
      bytes += Deno.statSync(`${dataDir}/${name}`).size;
    } catch {
      // Gone meanwhile.
    }
  }
  return bytes;
}

/** Loads a node, and has it take a snapshot while few writes go on. */
async function load(dataDir: string, keys: number, valueBytes: number, seconds: number): Promise<Figures> {
  await using node = new NodeProcess(dataDir);
  const address = `127.0.0.1:${(await node.next())["port"]}`;
  await using clerk = new Clerk([address]);
  const writer = new Writer(clerk, keys, valueBytes);
  let peakDirectoryBytes = 0;
  const sampling = setInterval(() => peakDirectoryBytes = Math.max(peakDirectoryBytes, directoryBytes(dataDir)), 100);
  const startedMs = performance.now();
  await writer.flood(() => writer.written >= keys);
  const loadMs = performance.now() - startedMs;
  let hasBegun = false;
  const begun = node.ask("snapshotBegun").then(() => hasBegun = true);
  await writer.flood(() => hasBegun);
  await begun;
  let isOver = false;
  const trickling = writer.trickle(() => isOver);
  const snapshot = await node.ask("snapshotEnded");
  const quiet = await node.ask("quiet");
  isOver = true;
  await trickling;
  const untilMs = performance.now() + seconds * 1000;
  const writtenBefore = writer.written;
  writer.longestMs = 0;
  await writer.flood(() => performance.now() > untilMs);
  clearInterval(sampling);
  const { snapshotBytes } = await clerk.status(address);
  const { peakResidentBytes } = await node.ask("peaks");
  return {
    ...{ loadMs, peakDirectoryBytes, snapshotBytes },
    ...{ writesPerSecond: (writer.written - writtenBefore) / seconds, longestCallMs: writer.longestMs },
    ...{ peakResidentBytes: peakResidentBytes ?? NaN, snapshotMs: snapshot["tookMs"] ?? NaN },
    ...{ snapshotPauseMs: snapshot["pauseMs"] ?? NaN, quietPauseMs: quiet["pauseMs"] ?? NaN },
  };
}

/** Starts a node again, on what is there. */
async function restart(dataDir: string): Promise<Figures> {
  await using node = new NodeProcess(dataDir);
  const { port, readyMs = NaN } = await node.next();
  await sleep(realClock, 200);
  await using clerk = new Clerk([`127.0.0.1:${port}`]);
  const { keys } = await clerk.status(`127.0.0.1:${port}`);
  const { peakResidentBytes = NaN } = await node.ask("peaks");
  return { readyMs, keys, peakResidentBytes };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
}

/** Measures, prints, and returns whether all bounds were kept. */
async function measure(keys: number, valueBytes: number, seconds: number): Promise<boolean> {
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-big-" });
  try {
    const loaded = await load(dataDir, keys, valueBytes, seconds);
    const restarted = await restart(dataDir);
    const of = (name: string): number => loaded[name] ?? NaN;
    const resident = Math.max(of("peakResidentBytes"), restarted["peakResidentBytes"] ?? NaN);
    const bound = maxSnapshots * of("snapshotBytes") + maxLogBytes;
    const readyMs = restarted["readyMs"] ?? NaN;
    const pause = of("snapshotPauseMs");
    const directory = of("peakDirectoryBytes");
    const rate = Math.round(keys / of("loadMs") * 1000);
    const rows: readonly (readonly [what: string, found: string, isKept: boolean])[] = [
      [`${restarted["keys"]} keys of ${valueBytes} bytes, loaded at`, `${rate} a second`, restarted["keys"] === keys],
      ["written over and over at", `${Math.round(of("writesPerSecond"))} a second`, true],
      ["longest call meanwhile", `${Math.round(of("longestCallMs"))} ms`, true],
      ["snapshot", `${mebibytes(of("snapshotBytes"))} in ${Math.round(of("snapshotMs"))} ms`, true],
      ["longest pause without a snapshot", `${of("quietPauseMs").toFixed(1)} ms`, true],
      [`longest pause during a snapshot (${maxPauseMs} ms)`, `${pause.toFixed(1)} ms`, pause <= maxPauseMs],
      [`restart to first linearizable read (${maxRestartMs} ms)`, `${Math.round(readyMs)} ms`, readyMs <= maxRestartMs],
      [`memory resident at most (${mebibytes(maxResidentBytes)})`, mebibytes(resident), resident <= maxResidentBytes],
      [`data directory at most (${mebibytes(bound)})`, mebibytes(directory), directory <= bound],
    ];
    for (const [what, found, isKept] of rows) console.log(`${what.padEnd(56)} ${found}${isKept ? "" : "  NOT KEPT"}`);
    return rows.every(([, , isKept]) => isKept);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

if (import.meta.main) {
  const [job, dataDir] = Deno.args;
  if (job === "serve" && dataDir !== undefined) await serve(dataDir);
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { "keys": text, "value-bytes": text, "seconds": text } });
  const keys = Number(values.keys ?? 1_000_000);
  const valueBytes = Number(values["value-bytes"] ?? 100);
  const seconds = Number(values.seconds ?? 10);
  if (!(keys > 0 && valueBytes > 0 && seconds > 0)) {
    console.error("Cannot run: --keys, --value-bytes and --seconds are numbers above 0");
    Deno.exit(2);
  }
  Deno.exit(await measure(keys, valueBytes, seconds) ? 0 : 1);
}
