/**
 * How many clients a server has.
 *
 * @module
 */
import type { RpcServerConnection } from "../raft/wire/rpc.ts";

/** Connections on which clients have asked something. */
export class ClientCount {
  readonly #connections = new Set<RpcServerConnection>();
  /** Size at which closed connections are looked for, so that they do not pile up. */
  #pruneAt = 64;

  /** Notes that a client has asked something. */
  seen(connection: RpcServerConnection): void {
    this.#connections.add(connection);
    if (this.#connections.size >= this.#pruneAt) this.#pruneAt = 2 * this.count() + 64;
  }

  /** Connections that are open. */
  count(): number {
    for (const connection of this.#connections) {
      if (!connection.isOpen) this.#connections.delete(connection);
    }
    return this.#connections.size;
  }
}
