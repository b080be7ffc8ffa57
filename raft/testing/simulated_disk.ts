/**
 * A disk in memory that outlives processes, forgets at a power failure what was not synced, and fails on demand.
 *
 * @module
 */
import { type DirectoryImage, DiskDirectory } from "./disk_directory.ts";
import {
  defaultDiskProfile,
  type DiskFault,
  DiskFaultPlan,
  type DiskLatency,
  type DiskOperation,
  diskOperationCodes,
  type DiskProfile,
  drawLatencyMs,
} from "./disk_faults.ts";
import type { CrashPolicy, CrashTally, DiskFile } from "./disk_file.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";

/** A disk operation, as an observer sees it. */
export interface DiskEvent {
  /** Its number on this disk, from 1. */
  readonly number: number;
  /** What is asked. */
  readonly operation: DiskOperation;
  /** The file, or "" for a directory. */
  readonly name: string;
  /** `before` it has an effect; or `after`, when its caller does not know yet. */
  readonly phase: "before" | "after";
}

/** The disk of one machine. */
export class SimulatedDisk {
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  readonly #random: SeededRandom;
  readonly #directories = new Map<string, DiskDirectory>();
  readonly #number: number;
  /** How it behaves from now on. */
  profile: DiskProfile;
  /** The faults to come. */
  readonly faults: DiskFaultPlan;
  /** Told of every operation; may kill the process, which then never hears of the operation's end. */
  observer: ((event: DiskEvent) => void) | null = null;
  /** Operations asked for so far. */
  operations = 0;
  /** Writes for which there was no room so far. */
  refusals = 0;
  /** Syncs of files done so far. */
  syncs = 0;
  /** What became of unsynced changes at all power failures so far. */
  readonly crashTally: CrashTally = { lost: 0, torn: 0 };

  /** An empty disk; `number` stands for it in the trace. */
  constructor(
    scheduler: Scheduler,
    trace: Trace,
    random: SeededRandom,
    number: number,
    profile: Partial<DiskProfile> = {},
  ) {
    this.#scheduler = scheduler;
    this.#trace = trace;
    this.#random = random;
    this.#number = number;
    this.profile = { ...defaultDiskProfile, ...profile };
    this.faults = new DiskFaultPlan(random.stream("faults"));
  }

  /** Adds a fault to come. */
  inject(fault: DiskFault): void {
    this.faults.add(fault);
  }

  /** The power fails: see {@link CrashPolicy}. The processes must be dead already. */
  crash(policy: CrashPolicy): void {
    this.#trace.mixText(policy);
    for (const directory of this.#directories.values()) directory.crash(policy, this.#random, this.crashTally);
  }

  /** Names of the files below a directory, sorted. */
  list(directory: string): string[] {
    return this.directory(directory).list();
  }

  /** A copy of a file's bytes as programs see them; throws when there is no such file. */
  bytes(directory: string, name: string): Uint8Array {
    return this.#file(directory, name).read(0, Infinity);
  }

  /** Replaces a file's bytes, durably; throws when there is no such file. */
  overwrite(directory: string, name: string, bytes: Uint8Array): void {
    this.#file(directory, name).replace(bytes);
  }

  /** Flips one bit of a file (bit rot); throws when there is no such file or byte. */
  flipBit(directory: string, name: string, offset: number, bit: number): void {
    const bytes = this.bytes(directory, name);
    const old = bytes[offset];
    if (old === undefined) {
      throw new RangeError(`Cannot flip a bit at ${offset} of ${name}: it has ${bytes.length} bytes`);
    }
    bytes[offset] = old ^ (1 << bit);
    this.overwrite(directory, name, bytes);
  }

  /** A copy of a directory, such as a backup makes. */
  image(directory: string): DirectoryImage {
    return this.directory(directory).image();
  }

  /** Replaces a directory by an image: an older backup, or another node's data. An empty map makes it a new disk. */
  restore(directory: string, image: DirectoryImage): void {
    this.directory(directory).restore(image);
  }

  /** The directory of that name, made when it is first named. */
  directory(name: string): DiskDirectory {
    let directory = this.#directories.get(name);
    if (directory === undefined) {
      directory = new DiskDirectory();
      this.#directories.set(name, directory);
    }
    return directory;
  }

  /** Whether so many more bytes fit. */
  hasRoomFor(bytes: number): boolean {
    const { capacityBytes } = this.profile;
    const hasRoom = capacityBytes === Infinity || this.usedBytes + bytes <= capacityBytes;
    if (!hasRoom) this.refusals++;
    return hasRoom;
  }

  /** Bytes of all files, as programs see them. */
  get usedBytes(): number {
    let used = 0;
    for (const directory of this.#directories.values()) used += directory.bytes;
    return used;
  }

  /** A bit or an offset for a fault. */
  draw(bound: number): number {
    return this.#random.integer(bound);
  }

  /**
   * Carries out an operation of a process: `begin` is called at once, and what it returns when the operation's time is
   * over, whether the process lives or not; the process gets the result if it does.
   */
  operate<T>(
    incarnation: Incarnation,
    operation: DiskOperation,
    name: string,
    begin: (fault: DiskFault | null) => () => T,
  ): Promise<T> {
    if (!incarnation.isAlive) return never();
    const number = ++this.operations;
    this.#trace.mix(this.#number * 16 + diskOperationCodes[operation]);
    this.#trace.mix(number);
    if (this.#trace.recording) {
      this.#trace.line(this.#scheduler.nowMs, `${incarnation.label} disk #${number}: ${operation} ${name}`);
    }
    this.observer?.({ number, operation, name, phase: "before" });
    if (!incarnation.isAlive) return never();
    if (isSync(operation)) this.syncs++;
    const latencyMs = drawLatencyMs(this.#latencyOf(operation), this.#random);
    let finish: () => T;
    try {
      finish = begin(this.faults.strike(operation, name));
    } catch (error) {
      finish = () => {
        throw error;
      };
    }
    const after = (): void => this.observer?.({ number, operation, name, phase: "after" });
    if (latencyMs <= 0) return this.#finishNow(incarnation, finish, after);
    return new Promise((resolve, reject) => {
      this.#scheduler.after(latencyMs, () => {
        this.#settle(finish, after, (value) => incarnation.deliver(() => resolve(value)), (error) => {
          incarnation.deliver(() => reject(error));
        });
      });
    });
  }

  #latencyOf(operation: DiskOperation): DiskLatency {
    const { cached, read = cached, sync } = this.profile;
    return isSync(operation) ? sync : operation === "read" ? read : cached;
  }

  /** Adds bytes that were written to the trace. */
  traceBytes(bytes: Uint8Array): void {
    this.#trace.mixBytes(bytes);
  }

  #finishNow<T>(incarnation: Incarnation, finish: () => T, after: () => void): Promise<T> {
    let result: Promise<T> | null = null;
    this.#settle(finish, after, (value) => {
      result = Promise.resolve(value);
    }, (error) => {
      result = Promise.reject(error);
    });
    if (incarnation.isAlive) return result ?? never();
    // Nobody will ever handle it.
    (result ?? never<T>()).catch(() => {});
    return never();
  }

  #settle<T>(finish: () => T, after: () => void, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    let value: T;
    try {
      value = finish();
    } catch (error) {
      after();
      return reject(error);
    }
    after();
    resolve(value);
  }

  #file(directory: string, name: string): DiskFile {
    const file = this.directory(directory).find(name);
    if (file === undefined) throw new Deno.errors.NotFound(`No such file on the simulated disk: ${directory}/${name}`);
    return file;
  }
}

function isSync(operation: DiskOperation): boolean {
  return operation === "sync" || operation === "syncDirectory";
}

/** A promise that a dead process waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => {});
}
