/**
 * One port for the nodes of several clusters in one process: whoever connects names the cluster in the first frame, and is
 * handed to the node of that cluster as if it had come to a port of that node's own.
 *
 * A client that names no cluster is handed on only if there is no choice. Whoever names a cluster that is not here, or speaks
 * another protocol, is handed to any node, which knows what to answer.
 *
 * @module
 */
import type { Clock } from "../node/clock.ts";
import { frameHeaderBytes } from "./frame.ts";
import { decodeHello } from "./hello.ts";
import { wireLimits } from "./limits.ts";
import type { Listener, Network, Socket, SocketHandler } from "./network.ts";

/** What a {@link SharedPort} works with. */
export interface SharedPortOptions {
  /** Where the port is, and how others are dialled. */
  readonly network: Network;
  /** For those who connect and say nothing. */
  readonly clock: Clock;
}

/**
 * A port that several nodes of this process share, each of another cluster. Open it, start each node with
 * {@link networkOf} its cluster as the network of its platform and with {@link address} to listen at; close it last.
 *
 * @example Two clusters of one node each behind one port
 * ```ts
 * import { Clerk, KvServer, realPlatform, SharedPort } from "@balsa/balsa";
 *
 * const port = await SharedPort.open("127.0.0.1:0", realPlatform);
 * const start = async (clusterId: string) =>
 *   await KvServer.start({
 *     ...{ id: "n1", clusterId, listen: port.address, peers: { n1: port.address } },
 *     dataDir: await Deno.makeTempDir(),
 *     platform: { ...realPlatform, network: port.networkOf(clusterId) },
 *   });
 * {
 *   await using _red = await start("red");
 *   await using _blue = await start("blue");
 *   await using red = new Clerk([port.address], { clusterId: "red" });
 *   await using blue = new Clerk([port.address], { clusterId: "blue" });
 *   await red.put("color", "red");
 *   console.log(JSON.stringify(await blue.get("color"))); // ""
 * }
 * port.close();
 * ```
 */
export class SharedPort {
  readonly #options: SharedPortOptions;
  readonly #accepts = new Map<string, (socket: Socket) => void>();
  /** Connections whose first frame has not come whole. */
  readonly #waiting = new Set<WaitingSocket>();
  #listener: Listener | null = null;

  private constructor(options: SharedPortOptions) {
    this.#options = options;
  }

  /** Listens on `HOST:PORT`; rejects with a clear message when that cannot be done. */
  static async open(address: string, options: SharedPortOptions): Promise<SharedPort> {
    const port = new SharedPort(options);
    port.#listener = await options.network.listen(address, (socket) => port.#accept(socket));
    return port;
  }

  /** Where it listens, with the port the system chose if 0 was asked for. */
  get address(): string {
    return this.#listener?.address ?? "";
  }

  /** The network of the node of one cluster. */
  networkOf(clusterId: string): Network {
    const { network } = this.#options;
    return {
      connect: (address, options) => network.connect(address, options),
      listen: (address, accept) => {
        if (address !== this.address) {
          const reason = `the port that it shares is ${this.address}`;
          return Promise.reject(new Error(`Cannot listen on ${address} for cluster ${clusterId}: ${reason}`));
        }
        if (this.#accepts.has(clusterId)) {
          return Promise.reject(
            new Error(`Cannot listen on ${address} for cluster ${clusterId}: another node of it does`),
          );
        }
        this.#accepts.set(clusterId, accept);
        return Promise.resolve({ address, close: () => this.#accepts.delete(clusterId) });
      },
    };
  }

  /** Stops listening; connections that have been handed on stay. */
  close(): void {
    this.#listener?.close();
    for (const waiting of [...this.#waiting]) waiting.close("the port is closed");
  }

  #accept(socket: Socket): void {
    const waiting = new WaitingSocket(socket, (item) => this.#acceptOf(item), () => this.#waiting.delete(waiting));
    this.#waiting.add(waiting);
    const excess = this.#waiting.size > wireLimits.maxConnections;
    if (excess) return waiting.close("too many connections");
    const timer = this.#options.clock.after(wireLimits.handshakeTimeoutMs, () => waiting.close("it has said nothing"));
    waiting.onDecided = () => timer.cancel();
  }

  /** To whom a connection with this first frame goes; null to nobody. */
  #acceptOf(item: Uint8Array): ((socket: Socket) => void) | null {
    const outcome = decodeHello(item);
    const clusterId = outcome.kind === "ok" ? outcome.hello.clusterId : null;
    const [first] = this.#accepts.values();
    if (clusterId === "" && this.#accepts.size > 1) return null;
    return (clusterId === null ? undefined : this.#accepts.get(clusterId)) ?? first ?? null;
  }
}

/** A connection until it is known whom it is for, and from then on as its owner sees it. */
class WaitingSocket implements Socket {
  /** Told once, when it is known whom the connection is for, or that it is over. */
  onDecided: () => void = () => {};
  readonly #socket: Socket;
  readonly #acceptOf: (item: Uint8Array) => ((socket: Socket) => void) | null;
  readonly #onDecided: () => void;
  /** What has come before the owner had it. */
  #early = new Uint8Array(0);
  #owner: SocketHandler | null = null;
  #isDecided = false;

  constructor(
    socket: Socket,
    acceptOf: (item: Uint8Array) => ((socket: Socket) => void) | null,
    onDecided: () => void,
  ) {
    this.#socket = socket;
    this.#acceptOf = acceptOf;
    this.#onDecided = onDecided;
    socket.start({
      data: (bytes) => this.#owner === null ? this.#gather(bytes) : this.#owner.data(bytes),
      closed: (reason) => {
        this.#decided();
        this.#owner?.closed(reason);
      },
    });
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  start(handler: SocketHandler): void {
    this.#owner = handler;
    const early = this.#early;
    this.#early = new Uint8Array(0);
    // Behind the turn in which the socket is handed over, and before anything else can come.
    queueMicrotask(() => handler.data(early));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  setPaused(paused: boolean): void {
    this.#socket.setPaused(paused);
  }

  close(reason: string, options?: { readonly flush?: boolean }): void {
    this.#socket.close(reason, options);
  }

  #gather(bytes: Uint8Array): void {
    const early = new Uint8Array(this.#early.length + bytes.length);
    early.set(this.#early);
    early.set(bytes, this.#early.length);
    this.#early = early;
    if (this.#isDecided || early.length < frameHeaderBytes) return;
    const length = new DataView(early.buffer).getUint32(0);
    if (length > wireLimits.maxHelloFrameBytes) return this.close("its first frame is too long");
    if (early.length < frameHeaderBytes + length) return;
    this.#decided();
    const accept = this.#acceptOf(early.subarray(frameHeaderBytes, frameHeaderBytes + length));
    if (accept === null) return this.close("several clusters listen here: one must be named");
    accept(this);
  }

  #decided(): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#onDecided();
    this.onDecided();
  }
}
