/**
 * A program on a machine of its own that can be killed, paused and started again. The machine's disk and clock outlive it.
 *
 * @module
 */
import type { Platform } from "../platform.ts";
import type { CrashPolicy } from "./disk_file.ts";
import type { DiskProfile } from "./disk_faults.ts";
import { Incarnation, type LifeState } from "./incarnation.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { SimulatedClock, SimulatedTime } from "./simulated_clock.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import type { SimulatedNetwork } from "./simulated_network.ts";
import type { Trace } from "./trace.ts";

/** How a process ends. */
export type KillOptions =
  /** As by `kill -9`: the operating system closes its connections, and what it wrote stays, synced or not. */
  | { readonly kind: "process" }
  /** The machine loses power: it falls silent, and what was not synced survives as `disk` says (`random` by default). */
  | { readonly kind: "power"; readonly disk?: CrashPolicy };

/** Properties of a machine. */
export interface MachineProfile {
  /** Local milliseconds per millisecond of virtual time; 1 by default. */
  readonly clockRate?: number;
  /** How far the wall clock is ahead, in milliseconds; 0 by default. */
  readonly wallOffsetMs?: number;
  /** How the disk behaves. */
  readonly disk?: Partial<DiskProfile>;
}

/** What all machines of a simulation share. */
export interface SimulatedWorld {
  /** Virtual time. */
  readonly scheduler: Scheduler;
  /** What happened. */
  readonly trace: Trace;
  /** The root of all random numbers. */
  readonly random: SeededRandom;
  /** The wires. */
  readonly network: SimulatedNetwork;
}

/** A machine and the one program that runs on it, life after life. */
export class SimulatedProcess {
  /** Name of the machine and of the program. */
  readonly name: string;
  /** The machine's disk. */
  readonly disk: SimulatedDisk;
  /** The machine's clock, to be set wrong. */
  readonly time: SimulatedTime;
  readonly #world: SimulatedWorld;
  readonly #number: number;
  #incarnation: Incarnation | null = null;
  #lives = 0;

  /** Made by {@link Simulation.process}. */
  constructor(world: SimulatedWorld, name: string, number: number, profile: MachineProfile) {
    this.#world = world;
    this.#number = number;
    this.name = name;
    const { scheduler, trace, random } = world;
    this.time = new SimulatedTime(scheduler, { rate: profile.clockRate ?? 1, wallOffsetMs: profile.wallOffsetMs ?? 0 });
    this.disk = new SimulatedDisk(scheduler, trace, random.stream(`disk/${name}`), number, profile.disk);
  }

  /** What it is now; `dead` also before its first start. */
  get state(): LifeState {
    return this.#incarnation?.state ?? "dead";
  }

  /** Whether it was started and not killed since. */
  get isAlive(): boolean {
    return this.#incarnation?.isAlive === true;
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /**
   * Begins a life, and gives the program what it lives on: pass it as `platform` to whatever is started in it. Throws when
   * the process is alive.
   */
  start(): Platform {
    if (this.isAlive) throw new Error(`Cannot start process ${this.name}: it is ${this.state}; kill it first`);
    const { scheduler, random, network } = this.#world;
    const life = ++this.#lives;
    const incarnation = new Incarnation(scheduler, `${this.name}#${life}`, this.#number * 1_000 + life);
    this.#incarnation = incarnation;
    this.#note("start");
    return {
      clock: new SimulatedClock(scheduler, this.time, incarnation),
      random: random.stream(`process/${this.name}/${life}`),
      network: network.endpoint(this.name, incarnation),
      fileSystem: (directory) => new SimulatedFileSystem(this.disk, directory, incarnation),
    };
  }

  /**
   * Ends its life at once: no timer of it fires, no byte reaches it or leaves it, and its disk operations and promises
   * never come to an end. Nothing happens when it is dead.
   */
  kill(options: KillOptions = { kind: "process" }): void {
    if (!this.isAlive) return;
    this.#note(`kill (${options.kind})`);
    this.#incarnation?.kill(options.kind);
    if (options.kind === "power") this.disk.crash(options.disk ?? "random");
  }

  /** Stops it as SIGSTOP does: time goes on, and what should reach it waits. */
  pause(): void {
    this.#note("pause");
    this.#incarnation?.pause();
  }

  /** Ends {@link pause}. */
  resume(): void {
    this.#note("resume");
    this.#incarnation?.resume();
  }

  #note(what: string): void {
    const { trace, scheduler } = this.#world;
    trace.mixText(this.name);
    trace.mixText(what);
    trace.line(scheduler.nowMs, `${this.name}: ${what}`);
  }
}
