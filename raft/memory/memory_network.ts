/**
 * A network inside one program: connections are objects that hand bytes to each other, a turn of the event loop later. No
 * port of the machine is opened, so any number of them may use the same addresses without meeting.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { formatAddress, parseAddress } from "../wire/address.ts";
import type { Listener, Network, Socket, SocketHandler } from "../wire/network.ts";

/** Ports that are chosen when 0 is asked for begin here. */
const firstPort = 49_152;

/** What has happened at the other end, in order. */
type Arrival =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "closed"; readonly reason: string };

class MemorySocket implements Socket {
  readonly remoteAddress: string;
  /** The other end. */
  #peer: MemorySocket | null = null;
  #handler: SocketHandler | null = null;
  /** Open, or waiting for what was written to be heard, or over. */
  #state: "open" | "ending" | "closed" = "open";
  #isPaused = false;
  #arrivals: Arrival[] = [];
  #isDelivering = false;
  /** Bytes sent that the other end has not heard. */
  #queuedBytes = 0;

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  /** Two ends; the first dialled `address`. */
  static pair(address: string): [near: MemorySocket, far: MemorySocket] {
    const near = new MemorySocket(address);
    const far = new MemorySocket(formatAddress({ hostname: "127.0.0.1", port: 0 }));
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  start(handler: SocketHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open" || bytes.length === 0) return;
    this.#queuedBytes += bytes.length;
    this.#other.#arrive({ kind: "data", bytes });
  }

  setPaused(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#schedule();
  }

  close(reason: string, options: { readonly flush?: boolean } = {}): void {
    if (this.#state === "closed" || (this.#state === "ending" && options.flush)) return;
    const isFirst = this.#state === "open";
    this.#state = options.flush ? "ending" : "closed";
    // What is under way to this end is of no interest any more.
    this.#arrivals = [];
    if (!options.flush) this.#other.#drop();
    if (!isFirst) return;
    this.#other.#arrive({ kind: "closed", reason: "closed by the other side" });
    this.#arrive({ kind: "closed", reason });
  }

  get #other(): MemorySocket {
    if (this.#peer === null) throw new Error("Cannot use a socket without another end");
    return this.#peer;
  }

  #arrive(arrival: Arrival): void {
    // The own end is the last thing that an end hears of.
    if (this.#state !== "open" && arrival.kind === "data") return this.#other.#heard(arrival.bytes.length);
    this.#arrivals.push(arrival);
    this.#schedule();
  }

  /** Forgets what the other end has sent and this one has not heard. */
  #drop(): void {
    this.#arrivals = this.#arrivals.filter(({ kind }) => kind === "closed");
  }

  #heard(count: number): void {
    this.#queuedBytes -= count;
  }

  #schedule(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    setImmediate(() => {
      this.#isDelivering = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const handler = this.#handler;
    if (handler === null) return;
    while (!this.#isPaused || this.#state !== "open") {
      const arrival = this.#arrivals.shift();
      if (arrival === undefined) return;
      if (arrival.kind === "data") {
        this.#other.#heard(arrival.bytes.length);
        handler.data(arrival.bytes);
      } else {
        this.#state = "closed";
        this.#arrivals = [];
        // Only once.
        this.#handler = null;
        return handler.closed(arrival.reason);
      }
    }
  }
}

/** See the module. */
export class MemoryNetwork implements Network {
  readonly #listeners = new Map<string, (socket: Socket) => void>();
  #nextPort = firstPort;

  /** See {@link Network.listen}. */
  listen(address: string, accept: (socket: Socket) => void): Promise<Listener> {
    const { hostname, port } = parseAddress(address);
    const actual = formatAddress({ hostname, port: port === 0 ? this.#nextPort++ : port });
    if (this.#listeners.has(actual)) {
      const text = `Cannot listen on ${actual}: the port is in use; choose another, or stop who holds it`;
      return Promise.reject(new Error(text));
    }
    this.#listeners.set(actual, accept);
    return Promise.resolve({
      address: actual,
      close: () => {
        if (this.#listeners.get(actual) === accept) this.#listeners.delete(actual);
      },
    });
  }

  /** See {@link Network.connect}. */
  async connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Socket> {
    const { signal } = options;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw signal.reason;
    const accept = this.#listeners.get(address);
    if (accept === undefined) {
      throw new Error(`Cannot connect to ${address}: connection refused: nobody listens there`);
    }
    const [near, far] = MemorySocket.pair(address);
    accept(far);
    return near;
  }
}
