/**
 * What a scenario runs on. The scenarios are written once, against this port: a simulated world with virtual time, where a
 * seed decides everything, or this machine, with TCP, files and proxies that lose, delay and cut.
 *
 * @module
 */
import type { Clock } from "../../../raft/node/clock.ts";
import type { Platform } from "../../../raft/platform.ts";
import type { MsRange, SeededRandom } from "../../../raft/testing/mod.ts";

/** What was sent since the beginning. */
export interface Traffic {
  /** Requests: the messages between peers that ask for something, and the calls of clients. Lost ones count. */
  readonly rpcs: number;
  /** Bytes, both ways. */
  readonly bytes: number;
}

/** What a scenario may ask of the network before it begins. */
export interface WorldProfile {
  /** One-way latency between machines; that of a quick local network unless given. Counts only in virtual time. */
  readonly latency?: MsRange;
}

/** What one life of a server needs of its world. */
export interface ServerHost {
  /** A clock that no crash stops. */
  readonly clock: Clock;

  /** Makes the run fail, whatever the scenario waits for. */
  fail(error: unknown): void;
  /** Begins a life of a machine: a server, or a client of any other name. */
  boot(name: string): Platform;
  /**
   * Ends a life without warning. In virtual time it is over at once, by kill or by power failure; on a real machine
   * `stop`, which closes what the program has open, is all that can be done within one process.
   */
  crash(name: string, stop: () => Promise<void>): Promise<void>;
  /** Where a server listens. */
  listenAddress(server: string): string;
  /** Where a machine dials the servers, by name. */
  addressesFor(name: string): Readonly<Record<string, string>>;
  /** Where a server keeps its files. */
  dataDir(server: string): string;
}

/** Machines, the links between them, and time. */
export interface LabWorld extends ServerHost {
  /** Names the run. */
  readonly seed: number;
  /** Whether each server is to be a process of the operating system, crashed by SIGKILL. */
  readonly usesProcesses: boolean;
  /** For the choices of the scenario. */
  readonly random: SeededRandom;

  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>;

  /** Has `action` called when the run is over, however it ended; in virtual time everything just ceases. */
  atEnd(action: () => Promise<void>): void;

  /** Names the servers; to be called once, before any other thing. */
  begin(servers: readonly string[], profile: WorldProfile): void;

  /** Cuts a server off from all others, both ways, without a word to anybody. */
  disconnect(server: string): void;
  /** Ends {@link disconnect}. */
  connect(server: string): void;
  /** Splits the servers into groups that do not reach each other; clients reach all. An empty list heals. */
  partition(groups: readonly (readonly string[])[]): void;
  /** Lets a client reach these servers only. */
  confine(client: string, servers: readonly string[]): void;
  /** The course's `Reliable(false)`: requests wait 0 to 26 ms, one in ten is lost, and one in ten replies. */
  setReliable(isReliable: boolean): void;
  /** The course's `LongReordering(true)`: two thirds of the replies are 200 to 2200 ms late. */
  setLongReordering(isOn: boolean): void;
  /** What was sent so far. */
  traffic(): Traffic;
}

/** What the scenario demands does not hold. */
export class LabFailure extends Error {
  /** The class name, for logs. */
  override readonly name = "LabFailure";
}

/** Fails the scenario unless the condition holds. */
export function demand(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new LabFailure(typeof message === "string" ? message : message());
}
