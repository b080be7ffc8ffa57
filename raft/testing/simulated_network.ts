/**
 * A network in memory and in virtual time, at the level of sockets, so that the very transport and RPC code that runs on
 * TCP runs on it, handshakes, keepalives and reconnects included.
 *
 * Faults: machines and single directions of links can be blocked (silently, holding, or with resets), partitioned and
 * healed; single frames can be lost, delayed, overtaken, repeated, damaged or cut. See {@link FrameFaults}.
 *
 * @module
 */
import { formatAddress, parseAddress } from "../wire/address.ts";
import type { Listener, Network, Socket } from "../wire/network.ts";
import { ConnectAttempt, type ListeningPort, type PortDirectory } from "./connect_attempt.ts";
import type { FrameFaults } from "./frame_faults.ts";
import type { Incarnation, KillReason } from "./incarnation.ts";
import { defaultNetworkProfile, type FrameInterceptor, NetworkCore, type NetworkProfile } from "./network_core.ts";
import type { BlockMode, MsRange, NetworkCounters, NetworkMachine } from "./network_links.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";

/** The ports from which the system chooses when 0 is asked for. */
const firstEphemeralPort = 49_152;

/** The wires between all simulated machines. */
export class SimulatedNetwork implements PortDirectory {
  readonly #core: NetworkCore;
  readonly #ports = new Map<string, ListeningPort>();
  readonly #owners = new Map<string, NetworkMachine>();
  #nextPort = firstEphemeralPort;

  /** A network where everybody reaches everybody. */
  constructor(scheduler: Scheduler, trace: Trace, random: SeededRandom, profile: Partial<NetworkProfile> = {}) {
    this.#core = new NetworkCore(scheduler, trace, random, { ...defaultNetworkProfile, ...profile });
  }

  /** What was sent since the beginning, and what became of it. */
  get counters(): Readonly<NetworkCounters> {
    return this.#core.counters;
  }

  /** Requests sent so far to the machine of that name, lost ones included. */
  requestsTo(name: string): number {
    return this.#core.links.machine(name).requestsTo;
  }

  /** The network as a process on the machine `name` sees it. All of it is gone when the process dies. */
  endpoint(name: string, incarnation: Incarnation): Network {
    const machine = this.#core.links.machine(name);
    machine.isDown = false;
    return new Endpoint(this.#core, this, machine, incarnation);
  }

  /** Faults of frames on all links; null for none. */
  setFaults(faults: FrameFaults | null): void {
    this.#core.faults = faults;
  }

  /** Faults of frames on one direction of a link, instead of the network's; null for the network's. */
  setLinkFaults(from: string, to: string, faults: FrameFaults | null): void {
    this.#core.links.link(from, to).faults = faults;
  }

  /** One-way latency of one direction of a link, instead of the network's; null for the network's. */
  setLinkLatency(from: string, to: string, latency: MsRange | null): void {
    this.#core.links.link(from, to).latency = latency;
  }

  /** Asks `interceptor` about every frame before the configured faults; null for nobody. */
  intercept(interceptor: FrameInterceptor | null): void {
    this.#core.interceptor = interceptor;
  }

  /** Blocks one direction of a link. */
  block(from: string, to: string, mode: BlockMode = "drop"): void {
    this.#core.links.link(from, to).blocked = mode;
    this.#changed(`block ${from} -> ${to} ${mode}`);
  }

  /** Frees one direction of a link; a partition or a disconnected machine still blocks it. */
  unblock(from: string, to: string): void {
    this.#core.links.link(from, to).blocked = null;
    this.#changed(`unblock ${from} -> ${to}`);
  }

  /** Cuts a machine off from all others, both ways. */
  disconnect(name: string, mode: BlockMode = "drop"): void {
    this.#core.links.machine(name).isolated = mode;
    this.#changed(`disconnect ${name} ${mode}`);
  }

  /** Ends {@link disconnect}. */
  reconnect(name: string): void {
    this.#core.links.machine(name).isolated = null;
    this.#changed(`reconnect ${name}`);
  }

  /** Whether the machine was cut off by {@link disconnect}. */
  isDisconnected(name: string): boolean {
    return this.#core.links.machine(name).isolated !== null;
  }

  /** Splits machines into groups that do not reach each other, instead of the former partition; others are unaffected. */
  partition(groups: readonly (readonly string[])[], mode: BlockMode = "drop"): void {
    this.#core.links.partition(groups, mode);
    this.#changed(`partition ${groups.map((group) => group.join(",")).join(" | ")} ${mode}`);
  }

  /** Frees all links and machines. Faults of frames stay. */
  heal(): void {
    this.#core.links.heal();
    this.#changed("heal");
  }

  /** Breaks every connection of a machine, as a restarting middlebox does. */
  resetConnections(name: string): void {
    for (const socket of [...this.#core.openSockets]) {
      const link = socket.outgoing?.link;
      if (link?.from.name === name || link?.to.name === name) socket.break("connection reset");
    }
    this.#changed(`reset connections of ${name}`);
  }

  /** See {@link PortDirectory.machineAt}. */
  machineAt(address: string): NetworkMachine | undefined {
    return this.#owners.get(address);
  }

  /** See {@link PortDirectory.portAt}. */
  portAt(address: string): ListeningPort | undefined {
    return this.#ports.get(address);
  }

  /** Opens a port; throws when the address is taken or not an address. */
  open(address: string, machine: NetworkMachine, incarnation: Incarnation, accept: (socket: Socket) => void): Listener {
    const { hostname, port } = parseAddress(address);
    const own = formatAddress({ hostname, port: port === 0 ? this.choosePort() : port });
    if (this.#ports.has(own)) throw new Error(`Cannot listen on ${own}: the port is in use; choose another`);
    const listening: ListeningPort = { address: own, incarnation, accept };
    this.#ports.set(own, listening);
    this.#owners.set(own, machine);
    return {
      address: own,
      close: () => {
        if (this.#ports.get(own) === listening) this.#ports.delete(own);
      },
    };
  }

  /** A port that nobody has used. */
  choosePort(): number {
    return this.#nextPort++;
  }

  #changed(what: string): void {
    const { trace, scheduler } = this.#core;
    trace.mixText(what);
    trace.line(scheduler.nowMs, `network: ${what}`);
    for (const socket of [...this.#core.openSockets]) socket.outgoing?.linkChanged();
    for (const pipe of [...this.#core.holdingPipes]) pipe.linkChanged();
  }
}

/** One process's access to the network. */
class Endpoint implements Network {
  readonly #core: NetworkCore;
  readonly #network: SimulatedNetwork;
  readonly #machine: NetworkMachine;
  readonly #incarnation: Incarnation;
  readonly #listeners = new Set<Listener>();
  readonly #attempts = new Set<ConnectAttempt>();

  constructor(core: NetworkCore, network: SimulatedNetwork, machine: NetworkMachine, incarnation: Incarnation) {
    this.#core = core;
    this.#network = network;
    this.#machine = machine;
    this.#incarnation = incarnation;
    incarnation.onKill((reason) => this.#die(reason));
  }

  listen(address: string, accept: (socket: Socket) => void): Promise<Listener> {
    return this.#incarnation.promise((resolve, reject) => {
      try {
        const port = this.#network.open(address, this.#machine, this.#incarnation, accept);
        const listener: Listener = {
          address: port.address,
          close: () => {
            port.close();
            this.#listeners.delete(listener);
          },
        };
        this.#listeners.add(listener);
        resolve(listener);
      } catch (error) {
        reject(error);
      }
    });
  }

  connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Socket> {
    const { signal } = options;
    return this.#incarnation.promise((resolve, reject) => {
      parseAddress(address);
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => attempt.abort(signal?.reason);
      const end = (): void => {
        signal?.removeEventListener("abort", onAbort);
        this.#attempts.delete(attempt);
      };
      const attempt = new ConnectAttempt(this.#core, this.#network, {
        from: this.#machine,
        incarnation: this.#incarnation,
        sourceAddress: `${this.#machine.name}:${this.#network.choosePort()}`,
        address,
        connected: (socket) => {
          end();
          resolve(socket);
        },
        failed: (error) => {
          end();
          reject(error);
        },
      });
      this.#attempts.add(attempt);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #die(reason: KillReason): void {
    const tellOthers = reason === "process";
    this.#machine.isDown = reason === "power";
    for (const listener of [...this.#listeners]) listener.close();
    for (const attempt of [...this.#attempts]) attempt.abandon(tellOthers);
    for (const socket of [...this.#core.sockets(this.#incarnation)]) socket.abandon(tellOthers);
  }
}
