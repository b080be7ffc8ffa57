/**
 * A {@link LabWorld} in virtual time, on the simulation kit.
 *
 * @module
 */
import type { Clock } from "../../../raft/node/clock.ts";
import type { Platform } from "../../../raft/platform.ts";
import {
  courseLongReordering,
  courseUnreliable,
  mergeFaults,
  type SeededRandom,
  Simulation,
} from "../../../raft/testing/mod.ts";
import type { LabWorld, Traffic, WorldProfile } from "./world.ts";

/** The port of every simulated server. */
const port = 7000;

/** See the module. */
export class SimulatedWorld implements LabWorld, Disposable {
  readonly usesProcesses = false;
  readonly seed: number;
  readonly random: SeededRandom;
  /** The world underneath, for its trace. */
  readonly simulation: Simulation;
  readonly #crashes: SeededRandom;
  #servers: readonly string[] = [];
  #isReliable = true;
  #isReordering = false;
  /** Instead of the network's own. */
  #latency: WorldProfile["latency"];

  /** `name` makes the runs of two scenarios with one seed differ. */
  constructor(name: string, seed: number, options: { readonly record?: boolean } = {}) {
    this.seed = seed;
    this.simulation = new Simulation({ seed: `${name} ${seed}`, ...options });
    this.random = this.simulation.random.stream("scenario");
    this.#crashes = this.simulation.random.stream("crashes");
  }

  get clock(): Clock {
    return this.simulation.clock;
  }

  sleep(delayMs: number): Promise<void> {
    return this.simulation.sleep(delayMs);
  }

  fail(error: unknown): void {
    this.simulation.scheduler.fail(error);
  }

  atEnd(_action: () => Promise<void>): void {}

  begin(servers: readonly string[], profile: WorldProfile): void {
    this.#servers = servers;
    const { latency } = profile;
    if (latency === undefined) return;
    for (const from of servers) {
      for (const to of servers) this.simulation.network.setLinkLatency(from, to, latency);
    }
    this.#latency = latency;
  }

  boot(name: string): Platform {
    const latency = this.#latency;
    if (latency !== undefined && !this.#servers.includes(name)) {
      for (const server of this.#servers) {
        this.simulation.network.setLinkLatency(name, server, latency);
        this.simulation.network.setLinkLatency(server, name, latency);
      }
    }
    return this.simulation.process(name).start();
  }

  crash(name: string, _stop: () => Promise<void>): Promise<void> {
    this.simulation.process(name).kill({ kind: this.#crashes.chance(0.5) ? "power" : "process" });
    return Promise.resolve();
  }

  listenAddress(server: string): string {
    return `127.0.0.1:${port + 1 + this.#servers.indexOf(server)}`;
  }

  addressesFor(_name: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#servers.map((server) => [server, this.listenAddress(server)]));
  }

  dataDir(_server: string): string {
    return "/data";
  }

  disconnect(server: string): void {
    this.simulation.network.disconnect(server);
  }

  connect(server: string): void {
    this.simulation.network.reconnect(server);
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.simulation.network.partition(groups);
  }

  confine(client: string, servers: readonly string[]): void {
    const { network } = this.simulation;
    for (const server of this.#servers) {
      for (const [from, to] of [[client, server], [server, client]] as const) {
        if (servers.includes(server)) network.unblock(from, to);
        else network.block(from, to);
      }
    }
  }

  setReliable(isReliable: boolean): void {
    this.#isReliable = isReliable;
    this.#setFaults();
  }

  setLongReordering(isOn: boolean): void {
    this.#isReordering = isOn;
    this.#setFaults();
  }

  traffic(): Traffic {
    const { requests, bytes } = this.simulation.network.counters;
    return { rpcs: requests, bytes };
  }

  [Symbol.dispose](): void {
    this.simulation[Symbol.dispose]();
  }

  #setFaults(): void {
    const unreliable = this.#isReliable ? {} : courseUnreliable;
    const reordering = this.#isReordering ? courseLongReordering : {};
    this.simulation.network.setFaults(mergeFaults(unreliable, reordering));
  }
}
