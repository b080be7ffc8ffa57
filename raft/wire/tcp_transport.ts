/**
 * The {@link Transport} of a real node: one {@link PeerLink} to each peer for what this node says, and the connections
 * that peers opened for what they say.
 *
 * @module
 */
import type { PeerMessage } from "../core/message.ts";
import { type DirectoryStamp, nameOf, type NodeId } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import type { Random } from "../node/random.ts";
import type { Connection } from "./connection.ts";
import type { HelloReply } from "./hello.ts";
import { type WireLimits, wireLimits } from "./limits.ts";
import type { AcceptedConnection } from "./listener.ts";
import { decodeMessage, withOwnBytes } from "./message_codec.ts";
import type { Network } from "./network.ts";
import { PeerLink } from "./peer_link.ts";
import type { ClusterView, Transport } from "./transport.ts";

/** What a {@link TcpTransport} needs to know. */
export interface TcpTransportOptions {
  /** This node's identity. */
  readonly id: NodeId;
  /** The cluster. */
  readonly clusterId: string;
  /** Where this node dials each peer, `HOST:PORT`; an entry for the node itself is ignored. */
  readonly peers: Readonly<Record<NodeId, string>>;
  /** Sockets. */
  readonly network: Network;
  /** For timeouts and pauses. */
  readonly clock: Clock;
  /** Spreads the pauses between dials. */
  readonly random: Random;
  /** Where they differ from {@link wireLimits}. */
  readonly limits?: Partial<WireLimits>;
  /** Told once about every new obstacle; for logs. */
  readonly onProblem?: (problem: string) => void;
  /** Where this node keeps its promises. */
  readonly stamp?: DirectoryStamp;
  /** Judges who answered a hello; see `PeerLinkOptions`. */
  readonly judge?: (reply: HelloReply) => string | null | Promise<string | null>;
  /** Told what a peer said that will not have this node. */
  readonly onRefused?: (reply: HelloReply) => void;
  /** Whether to dial peers again without having anything to say. */
  readonly isEager?: () => boolean;
  /** Told when the node knows another leader or configuration. */
  readonly onView?: (view: ClusterView) => void;
}

/** How things stand with one peer; for `status`. */
export interface PeerStatus {
  /** The peer. */
  readonly id: NodeId;
  /** Where it is dialled. */
  readonly address: string;
  /** Whether messages to it leave at once. */
  readonly isConnected: boolean;
  /** Bytes of messages that wait to leave. */
  readonly queuedBytes: number;
  /** Why it could last not be reached; empty while it can. */
  readonly problem: string;
}

/** Messages between nodes over TCP; see `message_codec.ts` for what goes over the wire. */
export class TcpTransport implements Transport {
  readonly #options: TcpTransportOptions;
  readonly #limits: WireLimits;
  /** By name. */
  readonly #links = new Map<NodeId, { readonly link: PeerLink; readonly address: string }>();
  /** The newest connection from each peer, by name, and under which identity the peer came. */
  readonly #inbound = new Map<NodeId, { readonly connection: Connection; readonly identity: NodeId }>();
  #deliver: ((message: PeerMessage) => void) | null = null;
  #isOpen = true;

  /** Connects to nobody until there is something to send. */
  constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#limits = { ...wireLimits, ...options.limits };
    for (const [peerId, address] of Object.entries(options.peers)) this.setPeer(peerId, address);
  }

  /** Begins to deliver; what arrived before is lost. */
  start(deliver: (message: PeerMessage) => void): void {
    this.#deliver = deliver;
  }

  /** Adds a peer, or changes where it is dialled. */
  setPeer(peerId: NodeId, address: string): void {
    const known = this.#links.get(peerId);
    if (peerId === nameOf(this.#options.id) || known?.address === address || !this.#isOpen) return;
    known?.link.stop();
    const { id, clusterId, network, clock, random, onProblem, stamp, judge, onRefused, isEager } = this.#options;
    const link = new PeerLink({
      id,
      peerId,
      address,
      clusterId,
      network,
      clock,
      random,
      limits: this.#limits,
      ...(onProblem === undefined ? {} : { onProblem }),
      ...(stamp === undefined ? {} : { stamp }),
      ...(judge === undefined ? {} : { judge }),
      ...(onRefused === undefined ? {} : { onRefused }),
      ...(isEager === undefined ? {} : { isEager }),
    });
    this.#links.set(peerId, { link, address });
  }

  /** Whether a node of this name is a peer: what the listener asks before it lets one in. */
  isPeer(nodeId: NodeId): boolean {
    return this.#links.has(nodeId);
  }

  /** See {@link Transport.send}. */
  send(message: PeerMessage): void {
    const known = this.#links.get(message.to) ?? this.#links.get(nameOf(message.to));
    known?.link.send(message);
  }

  /** Connects to every peer, although there is nothing to say yet. */
  greet(): void {
    for (const { link } of this.#links.values()) link.greet();
  }

  /** See {@link Transport.connected}. */
  connected(): readonly NodeId[] {
    return [...this.#inbound.values()].map(({ identity }) => identity);
  }

  /** See {@link Transport.observe}. */
  observe(view: ClusterView): void {
    this.#options.onView?.(view);
  }

  /** Takes over a connection that a peer has opened under `identity`. A newer one replaces an older one. */
  accept(accepted: AcceptedConnection, identity: NodeId): void {
    const { connection } = accepted;
    const peerId = nameOf(identity);
    const link = this.#links.get(peerId)?.link;
    if (link === undefined || !this.#isOpen) {
      connection.close(this.#isOpen ? `${peerId} is no peer of this node` : "the node stops");
      return;
    }
    this.#inbound.get(peerId)?.connection.close(`${peerId} has opened a new connection`);
    this.#inbound.set(peerId, { connection, identity });
    accepted.start({
      frame: (item, isOwn) => this.#receive(connection, identity, item, isOwn),
      closed: (reason) => this.#closed(connection, peerId, reason),
    });
    link.noteAlive();
  }

  /** How things stand with each peer, in the order in which they were named. */
  peerStatus(): PeerStatus[] {
    return [...this.#links].map(([id, { link, address }]) => ({
      id,
      address,
      isConnected: link.isConnected,
      queuedBytes: link.queuedBytes,
      problem: link.problem,
    }));
  }

  /** Closes all connections, in both directions. */
  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    this.#deliver = null;
    for (const { link } of this.#links.values()) link.stop();
    for (const { connection } of this.#inbound.values()) connection.close("the node stops");
  }

  #receive(connection: Connection, identity: NodeId, item: Uint8Array, isOwn: boolean): void {
    const message = decodeMessage(item);
    if (message === null) return;
    if (message.from !== identity || message.to !== this.#options.id) {
      connection.close(`it sent a message from ${message.from} to ${message.to}`);
      return;
    }
    this.#deliver?.(isOwn ? message : withOwnBytes(message));
  }

  #closed(connection: Connection, peerId: NodeId, reason: string): void {
    if (this.#inbound.get(peerId)?.connection !== connection) return;
    this.#inbound.delete(peerId);
    if (this.#isOpen) this.#options.onProblem?.(`Lost the connection from peer ${peerId}: ${reason}`);
  }
}
