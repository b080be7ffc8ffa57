/**
 * A whole world from one seed: virtual time, machines, disks, and a network between them.
 *
 * @module
 */
import { type Clock, sleep } from "../node/clock.ts";
import type { DiskProfile } from "./disk_faults.ts";
import { Incarnation } from "./incarnation.ts";
import type { NetworkProfile } from "./network_core.ts";
import { lowerGuard, raiseGuard } from "./real_world_guard.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded_random.ts";
import { SimulatedClock, SimulatedTime } from "./simulated_clock.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { type MachineProfile, SimulatedProcess, type SimulatedWorld } from "./simulated_process.ts";
import { Trace } from "./trace.ts";

/** What makes a simulation. */
export interface SimulationOptions {
  /** Everything that is drawn comes from here: the same seed gives the same run. */
  readonly seed: number | string;
  /** How the network behaves. */
  readonly network?: Partial<NetworkProfile>;
  /** How the disks behave, unless a machine's profile says otherwise. */
  readonly disk?: Partial<DiskProfile>;
  /** Whether the trace keeps readable lines. */
  readonly record?: boolean;
  /** Whether real clocks, timers and randomness throw while the simulation runs; true unless given. */
  readonly guard?: boolean;
}

/** A simulation did not get where it should. */
export class SimulationError extends Error {
  /** The class name, for logs. */
  override readonly name = "SimulationError";
}

/** A simulated world. Dispose of it to kill all processes. */
export class Simulation implements SimulatedWorld, Disposable {
  /** The seed. */
  readonly seed: number | string;
  /** Virtual time. */
  readonly scheduler: Scheduler;
  /** What has happened; `trace.hash` is equal in two runs of a seed. */
  readonly trace: Trace;
  /** The root of all random numbers; use `random.stream(name)` for a consumer of your own. */
  readonly random: SeededRandom;
  /** The wires, and their faults. */
  readonly network: SimulatedNetwork;
  /** A clock without fault that no kill stops: for the code that drives the simulation. */
  readonly clock: Clock;
  readonly #processes = new Map<string, SimulatedProcess>();
  readonly #disk: Partial<DiskProfile>;
  readonly #guard: boolean;

  /** A world at time 0, without any process. */
  constructor(options: SimulationOptions) {
    this.seed = options.seed;
    this.trace = new Trace({ record: options.record === true });
    this.scheduler = new Scheduler(this.trace);
    this.random = new SeededRandom(options.seed);
    this.network = new SimulatedNetwork(this.scheduler, this.trace, this.random.stream("network"), options.network);
    this.clock = new SimulatedClock(
      this.scheduler,
      new SimulatedTime(this.scheduler),
      new Incarnation(this.scheduler, "driver", 0),
    );
    this.#disk = options.disk ?? {};
    this.#guard = options.guard ?? true;
  }

  /** Virtual time in milliseconds. */
  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** All machines so far, in the order of their making. */
  get processes(): readonly SimulatedProcess[] {
    return [...this.#processes.values()];
  }

  /** The machine of that name, made when it is first named; `profile` counts only then. */
  process(name: string, profile: MachineProfile = {}): SimulatedProcess {
    let process = this.#processes.get(name);
    if (process === undefined) {
      const merged = { ...profile, disk: { ...this.#disk, ...profile.disk } };
      process = new SimulatedProcess(this, name, this.#processes.size + 1, merged);
      this.#processes.set(name, process);
    }
    return process;
  }

  /** Resolves after `delayMs` of virtual time; to be awaited inside {@link run}. */
  sleep(delayMs: number): Promise<void> {
    return sleep(this.clock, delayMs);
  }

  /**
   * Runs until the promise of `main` settles, and gives its value. Rejects with {@link SimulationError} when that takes more
   * than `timeoutMs` of virtual time (an hour by default), or can never happen because no event is left.
   */
  async run<T>(main: () => Promise<T>, options: { readonly timeoutMs?: number } = {}): Promise<T> {
    const timeoutMs = options.timeoutMs ?? 3_600_000;
    // Widened, because the compiler does not see the assignments in the callbacks.
    const result: { settled: PromiseSettledResult<T> | null } = { settled: null };
    const start = (): void => {
      main().then(
        (value) => result.settled = { status: "fulfilled", value },
        (reason) => result.settled = { status: "rejected", reason },
      );
    };
    this.scheduler.after(0, start);
    const outcome = await this.#run(() => result.settled !== null, this.nowMs + timeoutMs);
    const { settled } = result;
    if (settled === null) throw this.#stuck(outcome === "idle", "the end of the run", timeoutMs);
    if (settled.status === "rejected") throw settled.reason;
    return settled.value;
  }

  /** Lets `durationMs` of virtual time pass. */
  async runFor(durationMs: number): Promise<void> {
    await this.#run(() => false, this.nowMs + durationMs);
  }

  /**
   * Runs until the condition holds; rejects with {@link SimulationError} when it does not within `timeoutMs` of virtual time.
   * The condition is asked before every event. `what` names it in the error.
   */
  async runUntil(condition: () => boolean, timeoutMs: number, what = "the condition"): Promise<void> {
    const outcome = await this.#run(condition, this.nowMs + timeoutMs);
    if (outcome !== "stopped") throw this.#stuck(outcome === "idle", what, timeoutMs);
  }

  /** Kills every process. What waits for them waits for ever. */
  [Symbol.dispose](): void {
    for (const process of this.#processes.values()) process.kill();
  }

  async #run(shouldStop: () => boolean, untilMs: number): Promise<"stopped" | "timeLimit" | "idle"> {
    const onRejection = (event: PromiseRejectionEvent): void => {
      event.preventDefault();
      this.scheduler.fail(event.reason);
    };
    const onError = (event: ErrorEvent): void => {
      event.preventDefault();
      this.scheduler.fail(event.error);
    };
    globalThis.addEventListener("unhandledrejection", onRejection);
    globalThis.addEventListener("error", onError);
    if (this.#guard) raiseGuard();
    try {
      return await this.scheduler.run(shouldStop, untilMs);
    } finally {
      if (this.#guard) lowerGuard();
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    }
  }

  #stuck(isIdle: boolean, what: string, timeoutMs: number): SimulationError {
    const reason = isIdle ? "nothing is left to happen" : `${timeoutMs} ms of virtual time have passed`;
    return new SimulationError(
      `Cannot reach ${what}: ${reason}. Seed ${this.seed}, time ${this.nowMs.toFixed(3)} ms, trace ${this.trace.hash}`,
    );
  }
}
