/**
 * A network whose other side is the test itself.
 *
 * @module
 */
import type { Listener, Network, Socket, SocketHandler } from "../../../raft/wire/network.ts";

/** A socket that records what is written and lets the test speak. */
export class ScriptedSocket implements Socket {
  readonly remoteAddress: string;
  /** What {@link Socket.queuedBytes} reports. */
  queuedBytes = 0;
  /** Every write. */
  readonly written: Uint8Array[] = [];
  /** The last {@link setPaused}. */
  isPaused = false;
  /** Why it was closed; null while it is open. */
  closeReason: string | null = null;
  /** Whether it was closed with `flush`. */
  isFlushed = false;
  #handler: SocketHandler | null = null;

  /** A connection with `remoteAddress`. */
  constructor(remoteAddress = "10.0.0.1:9") {
    this.remoteAddress = remoteAddress;
  }

  /** See {@link Socket.start}. */
  start(handler: SocketHandler): void {
    this.#handler = handler;
  }

  /** See {@link Socket.write}. */
  write(bytes: Uint8Array): void {
    if (this.closeReason === null) this.written.push(bytes);
  }

  /** See {@link Socket.setPaused}. */
  setPaused(paused: boolean): void {
    this.isPaused = paused;
  }

  /** See {@link Socket.close}. */
  close(reason: string, options: { readonly flush?: boolean } = {}): void {
    if (this.closeReason !== null) return;
    this.closeReason = reason;
    this.isFlushed = options.flush ?? false;
    queueMicrotask(() => this.#handler?.closed(reason));
  }

  /** The other side says something. The bytes are destroyed afterwards, as a read buffer's would be. */
  receive(bytes: Uint8Array): void {
    const view = bytes.slice();
    this.#handler?.data(view);
    view.fill(0xee);
  }

  /** The other side hangs up. */
  hangUp(): void {
    this.close("closed by the other side");
  }
}

/** A dial that the test decides. */
export interface ScriptedDial {
  /** Where to. */
  readonly address: string;
  /** Whether whoever dialled has given up. */
  readonly isAborted: boolean;
  /** Lets it succeed. */
  succeed(): ScriptedSocket;
  /** Lets it fail. */
  fail(reason: string): void;
}

/** Remembers who is dialled, and does nothing of itself. */
export class ScriptedNetwork implements Network {
  /** Every {@link connect}, in order. */
  readonly dials: ScriptedDial[] = [];

  /** Not offered. */
  listen(): Promise<Listener> {
    return Promise.reject(new Error("a scripted network does not listen"));
  }

  /** See {@link Network.connect}. */
  connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const { signal } = options;
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.dials.push({
      address,
      get isAborted() {
        return signal?.aborted ?? false;
      },
      succeed() {
        const socket = new ScriptedSocket();
        resolve(socket);
        return socket;
      },
      fail: (reason) => reject(new Error(reason)),
    });
    return promise;
  }
}

/** Lets everything that waits for nothing but a microtask happen. */
export async function microtasks(): Promise<void> {
  for (let hop = 0; hop < 50; hop++) await Promise.resolve();
}
