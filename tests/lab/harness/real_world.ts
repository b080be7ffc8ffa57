/**
 * A {@link LabWorld} on this machine: TCP, files and the real clock. Every way from a machine to a server leads through a
 * proxy of its own: a server listens in one place, and each of the others dials it in another.
 *
 * @module
 */
import { type Clock, realClock, type Timer } from "../../../raft/node/clock.ts";
import { realPlatform } from "../../../raft/open.ts";
import type { Platform } from "../../../raft/platform.ts";
import { courseLongReordering, courseUnreliable, mergeFaults, SeededRandom } from "../../../raft/testing/mod.ts";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import { freePorts } from "../../e2e/free_ports.ts";
import { RealLink, type RealNetwork } from "./real_link.ts";
import type { LabWorld, Traffic } from "./world.ts";

/** See the module. Dispose of it to stop what runs and to remove all files. */
export class RealWorld implements LabWorld, AsyncDisposable {
  readonly usesProcesses: boolean;
  readonly seed: number;
  readonly random: SeededRandom;
  readonly clock: Clock = realClock;
  /** Rejects when something has called {@link fail}. */
  readonly failed: Promise<never>;
  readonly #directory: string;
  readonly #shared: RealNetwork;
  readonly #reject: (error: unknown) => void;
  readonly #ports = new Map<string, number>();
  /** By dialling machine, then by server. */
  readonly #links = new Map<string, Map<string, RealLink>>();
  readonly #addresses = new Map<string, Record<string, string>>();
  readonly #endings: (() => Promise<void>)[] = [];
  readonly #timers = new Set<Timer>();
  #isOver = false;
  readonly #disconnected = new Set<string>();
  #groups: readonly (readonly string[])[] = [];
  readonly #confined = new Map<string, readonly string[]>();
  #isReliable = true;
  #isReordering = false;

  private constructor(name: string, seed: number, directory: string, usesProcesses: boolean) {
    this.seed = seed;
    this.usesProcesses = usesProcesses;
    this.#directory = directory;
    this.random = new SeededRandom(`${name} ${seed}`).stream("scenario");
    this.#shared = {
      network: new DenoNetwork(),
      random: this.random.stream("faults"),
      faults: {},
      rpcs: 0,
      bytes: 0,
    };
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#reject = reject;
    // Whoever runs the scenario listens; until then a failure is not unhandled.
    promise.catch(() => {});
  }

  /** An empty world, with a directory of its own. */
  static async make(name: string, seed: number, usesProcesses: boolean): Promise<RealWorld> {
    return new RealWorld(name, seed, await Deno.makeTempDir({ prefix: "balsa-lab-" }), usesProcesses);
  }

  /** See {@link LabWorld.sleep}. Once the run is over nobody wakes up any more, so that what was left behind stays still. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) return;
      const timer = this.clock.after(delayMs, () => {
        this.#timers.delete(timer);
        resolve();
      });
      this.#timers.add(timer);
    });
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  atEnd(action: () => Promise<void>): void {
    this.#endings.push(action);
  }

  begin(servers: readonly string[]): void {
    const ports = freePorts(servers.length);
    for (const [at, server] of servers.entries()) this.#ports.set(server, ports[at] ?? 0);
    for (const server of servers) this.#connectMachine(server);
  }

  boot(name: string): Platform {
    if (!this.#links.has(name)) this.#connectMachine(name);
    return realPlatform;
  }

  async crash(_name: string, stop: () => Promise<void>): Promise<void> {
    await stop();
  }

  listenAddress(server: string): string {
    return `127.0.0.1:${this.#ports.get(server)}`;
  }

  addressesFor(name: string): Readonly<Record<string, string>> {
    return this.#addresses.get(name) ?? {};
  }

  dataDir(server: string): string {
    return `${this.#directory}/${server}`;
  }

  disconnect(server: string): void {
    this.#disconnected.add(server);
    this.#cutLinks();
  }

  connect(server: string): void {
    this.#disconnected.delete(server);
    this.#cutLinks();
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = groups;
    this.#cutLinks();
  }

  confine(client: string, servers: readonly string[]): void {
    this.#confined.set(client, servers);
    this.#cutLinks();
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
    const { rpcs, bytes } = this.#shared;
    return { rpcs, bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    await Promise.allSettled(this.#endings.map((action) => action()));
    for (const links of this.#links.values()) {
      for (const link of links.values()) link.close();
    }
    await Deno.remove(this.#directory, { recursive: true });
  }

  #connectMachine(name: string): void {
    const links = new Map<string, RealLink>();
    const addresses: Record<string, string> = {};
    for (const server of this.#ports.keys()) {
      if (server === name) {
        addresses[server] = this.listenAddress(server);
        continue;
      }
      const link = new RealLink(this.#shared, this.listenAddress(server));
      addresses[server] = link.address;
      links.set(server, link);
    }
    this.#links.set(name, links);
    this.#addresses.set(name, addresses);
    this.#cutLinks();
  }

  #cutLinks(): void {
    for (const [from, links] of this.#links) {
      for (const [to, link] of links) {
        const isCut = this.#isCut(from, to);
        if (link.isCut !== isCut) link.isCut = isCut;
      }
    }
  }

  #isCut(from: string, to: string): boolean {
    if (this.#disconnected.has(from) || this.#disconnected.has(to)) return true;
    const confined = this.#confined.get(from);
    if (confined !== undefined) return !confined.includes(to);
    const groupOf = (name: string): number => this.#groups.findIndex((group) => group.includes(name));
    const [fromGroup, toGroup] = [groupOf(from), groupOf(to)];
    return fromGroup >= 0 && toGroup >= 0 && fromGroup !== toGroup;
  }

  #setFaults(): void {
    const unreliable = this.#isReliable ? {} : courseUnreliable;
    const reordering = this.#isReordering ? courseLongReordering : {};
    this.#shared.faults = mergeFaults(unreliable, reordering);
  }
}
