/**
 * `deno task big-state`: a million keys of 100 bytes on a node that is a process of its own. What is measured, with the bounds
 * that it must keep:
 *
 * - the longest time for which the event loop does not come round while a snapshot is written and writes go on: 50 ms;
 * - from the start of the process to the first linearizable read after a restart: 5 s;
 * - memory resident, at the most: 1 GiB;
 * - bytes in the data directory while keys are written over and over: three snapshots and 256 MiB of log.
 *
 *     deno task big-state [--keys N] [--value-bytes N] [--seconds S]
 *
 * Ends with code 1 when a bound is not kept.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KvServer } from "../../kv/mod.ts";
import { sleep } from "../../raft/node/clock.ts";
import { realClock } from "../../raft/mod.ts";

/** Bounds. */
const maxPauseMs = 50;
const maxRestartMs = 5_000;
const maxResidentBytes = 1024 ** 3;
/** Two snapshots that are kept and one that is written, */
const maxSnapshots = 3;
/** and log: what comes in while a snapshot is written, and several times `maxRaftState` of 32 MiB. */
const maxLogBytes = 256 * 1024 ** 2;

/** Commands under way while keys are loaded. */
const inFlight = 2_000;

/** Commands a second while pauses are measured. */
const lightWritesPerSecond = 500;

interface Figures {
  readonly [name: string]: number;
}

/** Looks how long the event loop takes to come round. */
class PauseWatch {
  longestMs = 0;
  #isStopped = false;

  constructor() {
    void this.#run();
  }

  async #run(): Promise<void> {
    for (let lastMs = performance.now(); !this.#isStopped;) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const nowMs = performance.now();
      this.longestMs = Math.max(this.longestMs, nowMs - lastMs);
      lastMs = nowMs;
    }
  }

  stop(): number {
    this.#isStopped = true;
    return this.longestMs;
  }
}

/** The node's process: does what its arguments say, prints figures as JSON. */
class Worker {
  readonly #dataDir: string;
  readonly #keys: number;
  readonly #value: string;
  #peakResidentBytes = 0;
  #peakDirectoryBytes = 0;

  constructor(dataDir: string, keys: number, valueBytes: number) {
    this.#dataDir = dataDir;
    this.#keys = keys;
    this.#value = "v".repeat(valueBytes);
    Deno.unrefTimer(setInterval(() => this.#sample(), 50));
  }

  async start(): Promise<KvServer> {
    const server = await KvServer.start({
      ...{ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir: this.#dataDir },
    });
    while (server.status().role !== "leader") await sleep(realClock, 1);
    return server;
  }

  /** Loads all keys, waits for a snapshot while a few writes go on, then writes keys over and over. */
  async load(seconds: number): Promise<Figures> {
    await using server = await this.start();
    const loadStartedMs = performance.now();
    let serial = 0;
    await this.#write(server, () => serial++, () => serial >= this.#keys);
    const loadMs = performance.now() - loadStartedMs;
    await this.#untilSnapshot(server, false);
    const snapshots = await this.#pauses(server, () => serial++);
    const overwriteUntilMs = performance.now() + seconds * 1000;
    await this.#write(server, () => serial++, () => performance.now() >= overwriteUntilMs);
    const { keys, snapshotBytes, syncP99Ms } = server.status();
    this.#sample();
    const peaks = { peakResidentBytes: this.#peakResidentBytes, peakDirectoryBytes: this.#peakDirectoryBytes };
    return { keys, loadMs, ...snapshots, writes: serial, snapshotBytes, syncP99Ms, ...peaks };
  }

  /** Starts, and reads. */
  async restart(): Promise<Figures> {
    await using server = await this.start();
    const { promise, resolve } = Promise.withResolvers<string>();
    server.replica.readWith({ kind: "get", key: this.#key(7) }, "linearizable", ({ kind }) => resolve(kind));
    const outcome = await promise;
    const readyMs = performance.now();
    if (outcome !== "done") throw new Error(`the read after the restart: ${outcome}`);
    await sleep(realClock, 200);
    return { readyMs, keys: server.status().keys, peakResidentBytes: this.#peakResidentBytes };
  }

  #key(serial: number): string {
    return `key-${String(serial % this.#keys).padStart(12, "0")}`;
  }

  /** Keeps writes under way until it is told to end. */
  async #write(server: KvServer, next: () => number, isOver: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let running = inFlight;
    const submit = (): void => {
      if (isOver()) return --running === 0 ? resolve() : undefined;
      this.#submit(server, next(), (isDone) => isDone ? submit() : reject(new Error("a write was not done")));
    };
    for (let call = 0; call < inFlight; call++) submit();
    await promise;
  }

  #submit(server: KvServer, serial: number, done: (isDone: boolean) => void): void {
    const { replica } = server;
    const version = Math.floor(serial / this.#keys);
    const operation = { kind: "putIfVersion", key: this.#key(serial), value: this.#value, version } as const;
    void replica.submit({ kind: "sessionlessWrite", operation }, { timeoutMs: 60_000 })
      .then(() => done(true), () => done(false));
  }

  /** Some writes each second until a snapshot has begun and ended; the longest pauses meanwhile, and without one. */
  async #pauses(server: KvServer, next: () => number): Promise<Figures> {
    const quiet = new PauseWatch();
    let pending = 0;
    const trickle = setInterval(() => {
      for (let call = 0; call < lightWritesPerSecond / 100; call++) {
        pending++;
        this.#submit(server, next(), () => pending--);
      }
    }, 10);
    await sleep(realClock, 2_000);
    const quietPauseMs = quiet.stop();
    // Enough for a snapshot to be due, then only the trickle.
    const dueBytes = 40 * 1024 * 1024;
    const until = server.status().logBytes + dueBytes;
    await this.#write(server, next, () => server.replica.status().isTakingSnapshot || server.status().logBytes > until);
    await this.#untilSnapshot(server, true);
    const during = new PauseWatch();
    const startedMs = performance.now();
    await this.#untilSnapshot(server, false);
    const snapshotMs = performance.now() - startedMs;
    const snapshotPauseMs = during.stop();
    clearInterval(trickle);
    while (pending > 0) await sleep(realClock, 1);
    return { quietPauseMs, snapshotPauseMs, snapshotMs };
  }

  async #untilSnapshot(server: KvServer, isWanted: boolean): Promise<void> {
    while (server.replica.status().isTakingSnapshot !== isWanted) await sleep(realClock, 1);
  }

  #sample(): void {
    this.#peakResidentBytes = Math.max(this.#peakResidentBytes, Deno.memoryUsage().rss);
    let bytes = 0;
    for (const { name } of Deno.readDirSync(this.#dataDir)) {
      try {
        bytes += Deno.statSync(`${this.#dataDir}/${name}`).size;
      } catch {
        // Gone meanwhile.
      }
    }
    this.#peakDirectoryBytes = Math.max(this.#peakDirectoryBytes, bytes);
  }
}

async function inProcess(job: readonly string[]): Promise<Figures> {
  const startedMs = performance.now();
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", "--quiet", "-A", import.meta.url, ...job],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`${job[0]} has ended with code ${code}`);
  const figures: Figures = JSON.parse(new TextDecoder().decode(stdout));
  return { ...figures, totalMs: performance.now() - startedMs };
}

function mebibytes(bytes: number | undefined): string {
  return `${((bytes ?? NaN) / 1024 ** 2).toFixed(0)} MiB`;
}

/** Measures, prints, and returns whether all bounds were kept. */
async function measure(keys: number, valueBytes: number, seconds: number): Promise<boolean> {
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-big-" });
  try {
    const job = [dataDir, String(keys), String(valueBytes), String(seconds)];
    const loaded = await inProcess(["load", ...job]);
    const restarted = await inProcess(["restart", ...job]);
    const of = (name: string): number => loaded[name] ?? NaN;
    const rate = Math.round(keys / of("loadMs") * 1000);
    const resident = Math.max(of("peakResidentBytes"), restarted["peakResidentBytes"] ?? NaN);
    const bound = maxSnapshots * of("snapshotBytes") + maxLogBytes;
    const readyMs = restarted["readyMs"] ?? NaN;
    const rows: readonly (readonly [what: string, found: string, isKept: boolean])[] = [
      [`${of("keys")} keys of ${valueBytes} bytes, loaded at`, `${rate} a second`, of("keys") === keys],
      ["snapshot", `${mebibytes(of("snapshotBytes"))} in ${Math.round(of("snapshotMs"))} ms`, true],
      ["longest pause without a snapshot", `${of("quietPauseMs").toFixed(1)} ms`, true],
      [
        `longest pause during a snapshot (${maxPauseMs} ms)`,
        `${of("snapshotPauseMs").toFixed(1)} ms`,
        of("snapshotPauseMs") <= maxPauseMs,
      ],
      [`restart to first linearizable read (${maxRestartMs} ms)`, `${Math.round(readyMs)} ms`, readyMs <= maxRestartMs],
      [`memory resident at most (${mebibytes(maxResidentBytes)})`, mebibytes(resident), resident <= maxResidentBytes],
      [
        `data directory at most, ${seconds} s of overwriting (${mebibytes(bound)})`,
        mebibytes(of("peakDirectoryBytes")),
        of("peakDirectoryBytes") <= bound,
      ],
    ];
    for (const [what, found, isKept] of rows) console.log(`${what.padEnd(70)} ${found}${isKept ? "" : "  NOT KEPT"}`);
    return rows.every(([, , isKept]) => isKept);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

if (import.meta.main) {
  const [job, dataDir, ...numbers] = Deno.args;
  if ((job === "load" || job === "restart") && dataDir !== undefined) {
    const [keys = 0, valueBytes = 0, seconds = 0] = numbers.map(Number);
    const worker = new Worker(dataDir, keys, valueBytes);
    console.log(JSON.stringify(await (job === "load" ? worker.load(seconds) : worker.restart())));
    Deno.exit(0);
  }
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { "keys": text, "value-bytes": text, "seconds": text } });
  const [keys, valueBytes, seconds] = [values.keys ?? 1_000_000, values["value-bytes"] ?? 100, values.seconds ?? 10]
    .map(Number);
  if (
    keys === undefined || valueBytes === undefined || seconds === undefined ||
    !(keys > 0 && valueBytes > 0 && seconds > 0)
  ) {
    console.error("Cannot run: --keys, --value-bytes and --seconds are numbers above 0");
    Deno.exit(2);
  }
  Deno.exit(await measure(keys, valueBytes, seconds) ? 0 : 1);
}
