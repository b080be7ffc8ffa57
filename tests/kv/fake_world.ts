/**
 * Time and sockets under a test's control: nothing happens unless the test lets time pass.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../raft/node/clock.ts";
import type { Listener, Network, Socket, SocketHandler } from "../../raft/wire/network.ts";

/** Lets everything happen that needs no time. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface FakeTimer extends Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until {@link FakeClock.advance}. */
export class FakeClock implements Clock {
  #nowMs = 1000;
  readonly #timers = new Set<FakeTimer>();

  /** Timers that are armed. */
  get timerCount(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + Math.floor(this.#nowMs);
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer: FakeTimer = {
      atMs: this.#nowMs + delayMs,
      callback,
      cancel: () => void this.#timers.delete(timer),
    };
    this.#timers.add(timer);
    return timer;
  }

  /** Lets time pass, timer by timer, with all that follows from each. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (;;) {
      let next: FakeTimer | null = null;
      for (const timer of this.#timers) {
        if (timer.atMs <= untilMs && (next === null || timer.atMs < next.atMs)) next = timer;
      }
      if (next === null) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** One end of a pipe in memory. */
class FakeSocket implements Socket {
  readonly remoteAddress: string;
  readonly queuedBytes = 0;
  other: FakeSocket | null = null;
  #handler: SocketHandler | null = null;
  #isClosed = false;
  #isPaused = false;
  #waiting: Uint8Array[] = [];

  readonly #onEnd: () => void;

  constructor(remoteAddress: string, onEnd: () => void) {
    this.remoteAddress = remoteAddress;
    this.#onEnd = onEnd;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
    queueMicrotask(() => this.#deliver());
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const { other } = this;
    queueMicrotask(() => other?.receive(bytes));
  }

  setPaused(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) queueMicrotask(() => this.#deliver());
  }

  close(reason: string): void {
    const { other } = this;
    queueMicrotask(() => other?.end("closed by the other side"));
    queueMicrotask(() => this.end(reason));
  }

  receive(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#deliver();
  }

  end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onEnd();
    this.#handler?.closed(reason);
  }

  #deliver(): void {
    while (this.#handler !== null && !this.#isPaused && !this.#isClosed) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      this.#handler.data(bytes);
    }
  }
}

/** A network in memory. Addresses are any text; who does not listen refuses, and who is `silent` never answers. */
export class FakeNetwork implements Network {
  readonly #listeners = new Map<string, (socket: Socket) => void>();
  /** Addresses at which dialling takes for ever. */
  readonly silent = new Set<string>();
  /** Connections that are open. */
  openCount = 0;
  /** Every address dialled, in order. */
  readonly dialled: string[] = [];

  listen(address: string, accept: (socket: Socket) => void): Promise<Listener> {
    this.#listeners.set(address, accept);
    return Promise.resolve({ address, close: () => void this.#listeners.delete(address) });
  }

  connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Socket> {
    this.dialled.push(address);
    const { signal } = options;
    if (this.silent.has(address)) {
      return new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    }
    const accept = this.#listeners.get(address);
    if (accept === undefined) return Promise.reject(new Error(`${address} refused the connection`));
    const near = new FakeSocket(address, () => this.openCount--);
    const far = new FakeSocket("127.0.0.1:50000", () => {});
    this.openCount++;
    near.other = far;
    far.other = near;
    accept(far);
    return Promise.resolve(near);
  }
}
