/**
 * A connection attempt on the simulated network, with what TCP does when nothing answers: it asks again, after 1 s, 2 s,
 * 4 s and so on.
 *
 * @module
 */
import type { Socket } from "../wire/network.ts";
import type { Timer } from "../node/clock.ts";
import type { Incarnation } from "./incarnation.ts";
import type { NetworkCore } from "./network_core.ts";
import type { NetworkMachine } from "./network_links.ts";
import { connectSockets, SimulatedSocket } from "./simulated_socket.ts";

/** An open port, from the network's side. */
export interface ListeningPort {
  /** `HOST:PORT`. */
  readonly address: string;
  /** The process that listens. */
  readonly incarnation: Incarnation;
  /** Hands a new connection to it. */
  readonly accept: (socket: Socket) => void;
}

/** Finds out who has an address. */
export interface PortDirectory {
  /** The machine that listens, or has once listened, on an address. */
  machineAt(address: string): NetworkMachine | undefined;
  /** The port that is open there now. */
  portAt(address: string): ListeningPort | undefined;
}

/** What one attempt needs to know. */
export interface ConnectRequest {
  /** The machine that connects. */
  readonly from: NetworkMachine;
  /** The process that connects. */
  readonly incarnation: Incarnation;
  /** The source address, `HOST:PORT`. */
  readonly sourceAddress: string;
  /** The target, `HOST:PORT`. */
  readonly address: string;
  /** Called once unless the process dies. */
  readonly connected: (socket: Socket) => void;
  /** Called once unless the process dies. */
  readonly failed: (error: unknown) => void;
}

/** One attempt, from the first packet to the socket. */
export class ConnectAttempt {
  readonly #core: NetworkCore;
  readonly #ports: PortDirectory;
  readonly #request: ConnectRequest;
  readonly #startedMs: number;
  #pauseMs: number;
  #timer: Timer | null = null;
  #isOver = false;
  /** Our end, once the other side has accepted. */
  #socket: SimulatedSocket | null = null;

  /** Starts it. */
  constructor(core: NetworkCore, ports: PortDirectory, request: ConnectRequest) {
    this.#core = core;
    this.#ports = ports;
    this.#request = request;
    this.#startedMs = core.scheduler.nowMs;
    this.#pauseMs = core.profile.connectRetryMs;
    this.#ask();
  }

  /** Gives up; `error` is told unless the attempt is over. */
  abort(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#socket?.abandon(true);
    this.#request.failed(error);
  }

  /** The process is gone. */
  abandon(tellOther: boolean): void {
    if (this.#isOver) return;
    this.#end();
    this.#socket?.abandon(tellOther);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timer = this.#core.scheduler.after(delayMs, callback);
  }

  #ask(): void {
    const target = this.#ports.machineAt(this.#request.address);
    if (target === undefined) return this.#after(1, () => this.#refuse("connection refused: nobody listens there"));
    const link = this.#core.links.link(this.#request.from.name, target.name);
    if (link.block === "reset") return this.#after(this.#core.latencyMs(link), () => this.#refuse("the link is cut"));
    if (link.block !== null) return this.#askAgain();
    this.#after(this.#core.latencyMs(link), () => this.#reach(target));
  }

  #reach(target: NetworkMachine): void {
    const there = this.#core.links.link(this.#request.from.name, target.name);
    const back = this.#core.links.link(target.name, this.#request.from.name);
    if (there.block !== null || target.isDown) return this.#askAgain();
    const returnMs = this.#core.latencyMs(back);
    const port = this.#ports.portAt(this.#request.address);
    if (port === undefined || !port.incarnation.isAlive) {
      return this.#after(returnMs, () => this.#refuse("connection refused: nobody listens there"));
    }
    const core = this.#core;
    const request = this.#request;
    const own = new SimulatedSocket(core, request.incarnation, request.address);
    const theirs = new SimulatedSocket(core, port.incarnation, request.sourceAddress);
    this.#socket = own;
    connectSockets(core, own, theirs, there, back, core.scheduler.nowMs + returnMs);
    port.incarnation.deliver(() => {
      // A port that was closed while its process was paused accepts nothing any more.
      if (this.#ports.portAt(request.address) === port) port.accept(theirs);
      else theirs.abandon(true);
    });
    this.#after(returnMs, () => this.#arrive(own, back));
  }

  #arrive(own: SimulatedSocket, back: { readonly block: unknown }): void {
    if (back.block !== null && !own.isOver) {
      const pauseMs = this.#nextPauseMs();
      if (pauseMs === null) return this.#timeOut();
      return this.#after(pauseMs, () => this.#arrive(own, back));
    }
    this.#end();
    if (own.isOver) this.#request.failed(new Error(`Cannot connect to ${this.#request.address}: connection reset`));
    else this.#request.connected(own);
  }

  #askAgain(): void {
    const pauseMs = this.#nextPauseMs();
    if (pauseMs === null) this.#timeOut();
    else this.#after(pauseMs, () => this.#ask());
  }

  #nextPauseMs(): number | null {
    const leftMs = this.#startedMs + this.#core.profile.connectTimeoutMs - this.#core.scheduler.nowMs;
    if (leftMs <= 0) return null;
    const pauseMs = Math.min(this.#pauseMs, leftMs);
    this.#pauseMs *= 2;
    return pauseMs;
  }

  #timeOut(): void {
    this.abort(new Error(`Cannot connect to ${this.#request.address}: no answer`));
  }

  #refuse(reason: string): void {
    this.#core.counters.refused++;
    this.abort(new Error(`Cannot connect to ${this.#request.address}: ${reason}`));
  }
}
