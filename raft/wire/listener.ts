/**
 * One port for peers and clients: the accepting half of the handshake, and the limits on how many may come.
 *
 * @module
 */
import { nameOf, type NodeId } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import { isLoopback, parseAddress } from "./address.ts";
import { Connection, type ConnectionHandler, type ConnectionTerms } from "./connection.ts";
import {
  decodeHello,
  encodeHelloReply,
  type Hello,
  type HelloErrorCode,
  type Knowledge,
  protocolVersion,
} from "./hello.ts";
import { type WireLimits, wireLimits } from "./limits.ts";
import type { Listener, Network, Socket } from "./network.ts";

/** What a {@link WireListener} needs to know. */
export interface WireListenerOptions {
  /** The cluster of this node. */
  readonly clusterId: string;
  /** This node's identity. */
  readonly nodeId: NodeId;
  /** For the timeouts. */
  readonly clock: Clock;
  /** Where they differ from {@link wireLimits}. */
  readonly limits?: Partial<WireLimits>;
  /** Whether a node of this name may connect as a peer; everybody else may by default, but never this node itself. */
  readonly isPeer?: (nodeId: NodeId) => boolean;
  /** Whether a known peer's directory may speak for it: null, or why not. Everybody's may by default. */
  readonly admit?: (hello: Hello) => Refusal | null | Promise<Refusal | null>;
  /** Turns everybody away for whom there is a refusal; nobody by default. */
  readonly turnAway?: (hello: Hello) => Refusal | null;
  /** What a peer is told besides; see {@link Knowledge}. */
  readonly knowledge?: (hello: Hello) => Knowledge;
  /** A peer has connected. */
  readonly onPeer: (connection: AcceptedConnection, nodeId: NodeId) => void;
  /** A node has connected that has lost entries of its log; without this they are sent away. */
  readonly onRepair?: (connection: AcceptedConnection) => void;
  /** A client has connected. */
  readonly onClient: (connection: AcceptedConnection) => void;
  /** Told why a connection was refused or a handshake failed; for logs. */
  readonly onProblem?: (problem: string) => void;
}

/** A connection whose handshake is done. Its new owner must call {@link start} in the turn in which it gets it. */
export class AcceptedConnection {
  /** The connection, to send on and to close. */
  readonly connection: Connection;
  /** What this side tolerates. */
  readonly limits: WireLimits;
  readonly #terms: ConnectionTerms;
  readonly #onClosed: () => void;

  /** For {@link WireListener}, which is told when the connection is over. */
  constructor(connection: Connection, limits: WireLimits, terms: ConnectionTerms, onClosed: () => void) {
    this.connection = connection;
    this.limits = limits;
    this.#terms = terms;
    this.#onClosed = onClosed;
  }

  /** Begins to receive. */
  start(handler: ConnectionHandler): void {
    this.connection.open(this.#terms, {
      frame: (item, isOwn) => handler.frame(item, isOwn),
      closed: (reason) => {
        this.#onClosed();
        handler.closed(reason);
      },
    });
  }
}

/** Why a hello is refused. */
export interface Refusal {
  /** For programs. */
  readonly errorCode: HelloErrorCode;
  /** For people. */
  readonly message: string;
}

/** An open port that shakes hands with everyone who comes. */
export class WireListener {
  readonly #options: WireListenerOptions;
  readonly #limits: WireLimits;
  readonly #connections = new Set<Connection>();
  /** Connections from each host that is not loopback; every count is at least 1. */
  readonly #countByHost = new Map<string, number>();
  #listener: Listener | null = null;
  #isOpen = true;

  private constructor(options: WireListenerOptions) {
    this.#options = options;
    this.#limits = { ...wireLimits, ...options.limits };
  }

  /** Listens on `HOST:PORT`; rejects with a clear message when that cannot be done. */
  static async listen(network: Network, address: string, options: WireListenerOptions): Promise<WireListener> {
    const listener = new WireListener(options);
    listener.#listener = await network.listen(address, (socket) => listener.#accept(socket));
    return listener;
  }

  /** Where it listens, with the port the system chose if 0 was asked for. */
  get address(): string {
    return this.#listener?.address ?? "";
  }

  /** Connections that are open now, shaking hands or past it. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Stops listening and closes every connection it has accepted. */
  close(): void {
    this.#isOpen = false;
    this.#listener?.close();
    for (const connection of this.#connections) connection.close("the node stops");
  }

  #accept(socket: Socket): void {
    const host = hostOf(socket.remoteAddress);
    const count = (this.#countByHost.get(host) ?? 0) + 1;
    const isLocal = isLoopback(host);
    const excess = !this.#isOpen || this.#connections.size >= this.#limits.maxConnections ||
      (!isLocal && count > this.#limits.connectionsPerAddress);
    if (excess) return this.#turnAway(socket);
    if (!isLocal) this.#countByHost.set(host, count);
    const onClosed = (): void => this.#release(connection, host);
    let hasSpoken = false;
    const connection: Connection = new Connection(socket, this.#options.clock, this.#limits, {
      frame: (item) => {
        if (hasSpoken) return connection.close("it did not wait for the answer to its hello");
        hasSpoken = true;
        this.#receiveHello(connection, item, onClosed);
      },
      closed: (reason) => {
        onClosed();
        this.#problem(connection.remoteAddress, reason);
      },
    });
    this.#connections.add(connection);
  }

  #turnAway(socket: Socket): void {
    socket.start({ data: () => {}, closed: () => {} });
    socket.close("too many connections");
    this.#problem(socket.remoteAddress, "too many connections");
  }

  #release(connection: Connection, host: string): void {
    this.#connections.delete(connection);
    const count = this.#countByHost.get(host);
    if (count === undefined) return;
    if (count > 1) this.#countByHost.set(host, count - 1);
    else this.#countByHost.delete(host);
  }

  #receiveHello(connection: Connection, item: Uint8Array, onClosed: () => void): void {
    const outcome = decodeHello(item);
    switch (outcome.kind) {
      case "foreign":
        // Not our protocol: whatever we said would not be understood.
        return connection.close("it does not speak the Balsa protocol");
      case "version":
        return this.#refuse(connection, null, {
          errorCode: "version",
          message: `protocol version ${outcome.version} is not spoken here, ${protocolVersion} is`,
        });
      case "malformed":
        return this.#refuse(connection, null, {
          errorCode: "malformed",
          message: `malformed hello: ${outcome.problem}`,
        });
      case "ok":
        return this.#welcome(connection, outcome.hello, onClosed);
    }
  }

  #welcome(connection: Connection, hello: Hello, onClosed: () => void): void {
    const refusal = this.#judge(hello) ?? (hello.role === "client" ? null : this.#options.admit?.(hello) ?? null);
    if (!(refusal instanceof Promise)) return this.#conclude(connection, hello, onClosed, refusal);
    refusal.then(
      (decided) => this.#conclude(connection, hello, onClosed, decided),
      (error) => connection.close(`it cannot be admitted now: ${error instanceof Error ? error.message : error}`),
    );
  }

  #conclude(connection: Connection, hello: Hello, onClosed: () => void, refusal: Refusal | null): void {
    if (refusal !== null) return this.#refuse(connection, hello, refusal);
    // It may have ended while its admission was being decided.
    if (!connection.isOpen) return;
    this.#reply(connection, hello, { errorCode: "", message: "" });
    const limits = this.#limits;
    if (hello.role === "peer") {
      const terms = {
        maxFrameBytes: limits.maxPeerFrameBytes,
        keepaliveMs: limits.peerKeepaliveMs,
        idleTimeoutMs: Infinity,
        frameTimeoutMs: limits.peerFrameTimeoutMs,
      };
      this.#options.onPeer(new AcceptedConnection(connection, limits, terms, onClosed), hello.nodeId);
    } else if (hello.role === "repair") {
      const { frameTimeoutMs, keepaliveMs, idleTimeoutMs } = limits;
      const terms = { maxFrameBytes: limits.maxHelloFrameBytes, keepaliveMs, idleTimeoutMs, frameTimeoutMs };
      const { onRepair } = this.#options;
      if (onRepair === undefined) return connection.close("nothing is lent here");
      onRepair(new AcceptedConnection(connection, limits, terms, onClosed));
    } else {
      const terms = {
        maxFrameBytes: limits.maxClientFrameBytes,
        keepaliveMs: limits.keepaliveMs,
        idleTimeoutMs: limits.idleTimeoutMs,
        frameTimeoutMs: limits.frameTimeoutMs,
      };
      this.#options.onClient(new AcceptedConnection(connection, limits, terms, onClosed));
    }
  }

  #judge(hello: Hello): Refusal | null {
    const { clusterId, nodeId, isPeer } = this.#options;
    if (hello.clusterId !== "" && hello.clusterId !== clusterId) {
      return { errorCode: "wrongCluster", message: `this is cluster "${clusterId}", not "${hello.clusterId}"` };
    }
    const name = nameOf(nodeId);
    if (hello.targetNodeId !== "" && hello.targetNodeId !== name) {
      return { errorCode: "wrongNode", message: `this is node ${name}, not ${hello.targetNodeId}` };
    }
    const turnedAway = this.#options.turnAway?.(hello) ?? null;
    if (turnedAway !== null || hello.role === "client") return turnedAway;
    if (nameOf(hello.nodeId) === name) {
      return { errorCode: "unknownPeer", message: `this is node ${name} itself: two nodes have the same name` };
    }
    if (isPeer === undefined || isPeer(nameOf(hello.nodeId))) return null;
    return { errorCode: "unknownPeer", message: `node ${name} knows no peer ${hello.nodeId}` };
  }

  #refuse(connection: Connection, hello: Hello | null, refusal: Refusal): void {
    this.#reply(connection, hello, refusal);
    connection.close(refusal.message, { flush: true });
  }

  /** Peers are told the identity; clients, who know nothing of incarnations, the name. */
  #reply(
    connection: Connection,
    hello: Hello | null,
    refusal: { readonly errorCode: HelloErrorCode | ""; readonly message: string },
  ): void {
    const { clusterId, nodeId, knowledge } = this.#options;
    const answer = {
      clusterId,
      nodeId: hello !== null && hello.role !== "client" ? nodeId : nameOf(nodeId),
      ...refusal,
    };
    const isTold = hello !== null && knowledge !== undefined;
    connection.send(encodeHelloReply(isTold ? { ...answer, knowledge: knowledge(hello) } : answer));
  }

  #problem(remoteAddress: string, problem: string): void {
    this.#options.onProblem?.(`Refused a connection from ${remoteAddress}: ${problem}`);
  }
}

function hostOf(remoteAddress: string): string {
  try {
    return parseAddress(remoteAddress).hostname;
  } catch {
    // A simulated network may name its hosts as it likes.
    return remoteAddress;
  }
}
