/**
 * The port through which the driver sends and receives Raft messages.
 *
 * @module
 */
import type { PeerMessage } from "../core/message.ts";
import type { Configuration, NodeId } from "../core/types.ts";

/** What a node has found out about its cluster, for those who ask at the door. */
export interface ClusterView {
  /** The leader it follows, itself perhaps; null for none. */
  readonly leader: NodeId | null;
  /** The committed configuration. */
  readonly configuration: Configuration;
}

/** Carries messages between nodes; may lose, delay, repeat and reorder them, and never blocks the sender. */
export interface Transport extends AsyncDisposable {
  /** Begins to deliver what arrives for this node. Called once. */
  start(deliver: (message: PeerMessage) => void): void;
  /** Queues a message to `message.to`; drops it when that node is unknown, away or its queue is full. */
  send(message: PeerMessage): void;
  /** Identities of the peers that have a connection to this node now; left out by a transport that cannot know. */
  connected?(): readonly NodeId[];
  /** Told when the node knows another leader or configuration; left out by a transport that tells nobody. */
  observe?(view: ClusterView): void;
  /** Closes all connections. */
  [Symbol.asyncDispose](): Promise<void>;
}
