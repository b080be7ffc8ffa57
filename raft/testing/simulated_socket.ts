/**
 * The ends of a connection on the simulated network.
 *
 * @module
 */
import type { Socket, SocketHandler } from "../wire/network.ts";
import type { Incarnation } from "./incarnation.ts";
import type { NetworkCore, OpenSocket } from "./network_core.ts";
import type { NetworkLink } from "./network_links.ts";
import { type ConnectionState, Pipe, type PipeEnd, type Unit } from "./pipe.ts";

/** One end of a simulated connection. */
export class SimulatedSocket implements Socket, PipeEnd, OpenSocket {
  /** See {@link Socket.remoteAddress}. */
  readonly remoteAddress: string;
  /** Whose it is. */
  readonly incarnation: Incarnation;
  readonly #core: NetworkCore;
  readonly #incoming: Uint8Array[] = [];
  #handler: SocketHandler | null = null;
  #outgoing: Pipe | null = null;
  #incomingPipe: Pipe | null = null;
  #isPaused = false;
  #isOver = false;
  #remoteEnd: string | null = null;

  /** Made in pairs by {@link connectSockets}. */
  constructor(core: NetworkCore, incarnation: Incarnation, remoteAddress: string) {
    this.#core = core;
    this.incarnation = incarnation;
    this.remoteAddress = remoteAddress;
    core.sockets(incarnation).add(this);
  }

  /**
   * See {@link Socket.queuedBytes}: what was written in this turn, or what the other side has not read and the simulated
   * kernels cannot hold.
   */
  get queuedBytes(): number {
    const pipe = this.#outgoing;
    if (pipe === null || this.#isOver) return 0;
    return Math.max(pipe.bytesOfThisTurn, pipe.unreadBytes - this.#core.profile.socketBufferBytes);
  }

  /** Whether the connection is over for this end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Where this end writes to. */
  get outgoing(): Pipe | null {
    return this.#outgoing;
  }

  /** Joins the socket to its pipes. */
  attach(outgoing: Pipe, incoming: Pipe): void {
    this.#outgoing = outgoing;
    this.#incomingPipe = incoming;
    this.#core.openSockets.add(this);
  }

  /** See {@link Socket.start}. */
  start(handler: SocketHandler): void {
    if (this.#handler !== null) throw new Error(`Cannot start the socket to ${this.remoteAddress}: started already`);
    this.#handler = handler;
  }

  /** See {@link Socket.write}. */
  write(bytes: Uint8Array): void {
    if (!this.#isOver && this.incarnation.isAlive && bytes.length > 0) this.#outgoing?.write(bytes);
  }

  /** See {@link Socket.setPaused}. */
  setPaused(paused: boolean): void {
    const resumed = this.#isPaused && !paused;
    this.#isPaused = paused;
    if (resumed) this.#core.scheduler.after(0, () => this.incarnation.deliver(() => this.#drain()));
  }

  /** See {@link Socket.close}. */
  close(reason: string, options: { readonly flush?: boolean } = {}): void {
    if (this.#isOver || !this.incarnation.isAlive) return;
    this.#outgoing?.end(options.flush === true);
    this.#finishSoon(reason);
  }

  /** The process is gone: nothing more is read, and unless the power failed the other side is told. */
  abandon(tellOther: boolean): void {
    if (this.#isOver) return;
    this.#finish();
    if (tellOther) this.#outgoing?.end(false);
  }

  /** The connection broke. What has arrived and not been read is lost. */
  break(reason: string): void {
    if (this.#isOver) return;
    this.#core.counters.reset++;
    this.#finishSoon(reason);
  }

  /** Bytes or the other side's end arrive, with the process awake. */
  receive(units: readonly Unit[]): void {
    if (this.#isOver) return;
    for (const unit of units) {
      if (unit !== null) this.#incoming.push(unit);
      else this.#remoteEnd = `closed by ${this.remoteAddress}`;
    }
    this.#drain();
  }

  #drain(): void {
    while (!this.#isPaused && !this.#isOver && this.#incoming.length > 0) {
      if (this.#handler === null) throw new Error(`Cannot deliver to the socket to ${this.remoteAddress}: not started`);
      const length = this.#fillReadBuffer();
      const view = this.#core.readBuffer.subarray(0, length);
      this.#incomingPipe?.hasBeenRead(length);
      this.#handler.data(view);
      // The view is only valid during the call: whoever kept it shall notice.
      view.fill(0xdb);
    }
    if (this.#remoteEnd !== null && this.#incoming.length === 0) this.#finishNow(this.#remoteEnd);
  }

  /** Moves bytes into the read buffer, as many as one read of a kernel's buffer would give. */
  #fillReadBuffer(): number {
    const buffer = this.#core.readBuffer;
    const { fragmentProbability } = this.#core.profile;
    const random = this.#core.random;
    const limit = random.chance(fragmentProbability) ? 1 + random.integer(64) : buffer.length;
    let length = 0;
    while (length < limit) {
      const unit = this.#incoming[0];
      if (unit === undefined) break;
      const room = limit - length;
      if (unit.length <= room) {
        buffer.set(unit, length);
        length += unit.length;
        this.#incoming.shift();
      } else {
        buffer.set(unit.subarray(0, room), length);
        length += room;
        this.#incoming[0] = unit.subarray(room);
      }
    }
    return length;
  }

  /** Ends it with a call of `closed` in a turn of its own. */
  #finishSoon(reason: string): void {
    this.#finish();
    this.#core.scheduler.after(0, () => this.incarnation.deliver(() => this.#handler?.closed(reason)));
  }

  #finishNow(reason: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.#handler?.closed(reason);
  }

  #finish(): void {
    this.#isOver = true;
    this.#incoming.length = 0;
    this.#core.sockets(this.incarnation).delete(this);
    this.#core.openSockets.delete(this);
  }
}

/** Joins two new sockets; the initiator sees nothing from the acceptor before `notBeforeMs`. */
export function connectSockets(
  core: NetworkCore,
  initiator: SimulatedSocket,
  acceptor: SimulatedSocket,
  there: NetworkLink,
  back: NetworkLink,
  notBeforeMs: number,
): void {
  const state: ConnectionState = { number: core.nextConnectionNumber++, role: null };
  const forth = new Pipe(core, state, there, initiator, acceptor, true, core.scheduler.nowMs);
  const reverse = new Pipe(core, state, back, acceptor, initiator, false, notBeforeMs);
  initiator.attach(forth, reverse);
  acceptor.attach(reverse, forth);
  core.counters.connections++;
  core.trace.mix(state.number);
  core.trace.line(core.scheduler.nowMs, `${there.from.name} -> ${there.to.name} #${state.number}: connected`);
}
