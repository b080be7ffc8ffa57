/**
 * The port through which the driver sends and receives Raft messages.
 *
 * @module
 */
import type { Message } from "../core/message.ts";

/** Carries messages between nodes; may lose, delay, repeat and reorder them, and never blocks the sender. */
export interface Transport extends AsyncDisposable {
  /** Begins to deliver what arrives for this node. Called once. */
  start(deliver: (message: Message) => void): void;
  /** Queues a message to `message.to`; drops it when that node is unknown, away or its queue is full. */
  send(message: Message): void;
  /** Closes all connections. */
  [Symbol.asyncDispose](): Promise<void>;
}
