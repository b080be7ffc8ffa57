/**
 * Connections that are shared: one to each server, whoever in this program has something to ask there.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import type { Clock, Timer } from "../../raft/node/clock.ts";
import type { Network } from "../../raft/wire/network.ts";
import { RpcClient } from "../../raft/wire/rpc.ts";

/** What connections are made with. */
export interface ConnectionsOptions {
  /** Sockets. */
  readonly network: Network;
  /** Time. */
  readonly clock: Clock;
  /** For connecting and handshake together, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** One connection. */
export interface SharedConnection {
  /** Where it leads. */
  readonly address: string;
  /** To call on. Whoever closes it ends everybody's calls. */
  readonly client: RpcClient;
  /** When something was last heard on it, in monotonic milliseconds. */
  lastHeardMs: number;
  /** Told when the connection is over, after the outcomes of all calls. */
  readonly onClosed: Set<(reason: string) => void>;
}

/** A server of a group: where it is, and which cluster must be there. */
export interface Destination {
  /** `HOST:PORT`. */
  readonly address: string;
  /** The group's cluster: others may share the port. */
  readonly clusterId: string;
}

/** See the module. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #closing = new AbortController();
  /** By cluster and address; what is being dialled, too. */
  readonly #connections = new Map<string, Promise<SharedConnection>>();

  /** Nothing is dialled before it is asked for. */
  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** The connection to a server, dialled if there is none. Rejects when that fails. */
  open(destination: Destination): Promise<SharedConnection> {
    const name = `${destination.clusterId} ${destination.address}`;
    let opening = this.#connections.get(name);
    if (opening === undefined) {
      opening = this.#dial(name, destination);
      this.#connections.set(name, opening);
      const own = opening;
      opening.catch(() => {
        if (this.#connections.get(name) === own) this.#connections.delete(name);
      });
    }
    return opening;
  }

  /** Asks a server; null when no answer came in time, for whatever reason. */
  async ask(destination: Destination, body: CborValue, timeoutMs: number): Promise<CborValue | null> {
    const { clock } = this.#options;
    let connection: SharedConnection;
    try {
      connection = await this.open(destination);
    } catch {
      return null;
    }
    return await new Promise((resolve) => {
      const sentAtMs = clock.monotonicMs();
      const timer: Timer = clock.after(timeoutMs, () => {
        giveUp();
        resolve(null);
        // A connection on which nothing came meanwhile is as good as none.
        if (connection.lastHeardMs < sentAtMs) connection.client.close(`no answer for ${timeoutMs} ms`);
      });
      const giveUp = connection.client.call(body, (outcome) => {
        timer.cancel();
        connection.lastHeardMs = clock.monotonicMs();
        resolve(outcome.kind === "reply" ? outcome.body : null);
      });
    });
  }

  /** Closes all. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    const all = [...this.#connections.values()];
    const closed = await Promise.allSettled(all);
    for (const outcome of closed) {
      if (outcome.status === "fulfilled") outcome.value.client.close("closed");
    }
  }

  async #dial(name: string, { address, clusterId }: Destination): Promise<SharedConnection> {
    const { network, clock, connectTimeoutMs } = this.#options;
    this.#closing.signal.throwIfAborted();
    const onClosed = new Set<(reason: string) => void>();
    const client = await RpcClient.connect(network, address, {
      ...{ clock, clusterId, timeoutMs: connectTimeoutMs, signal: this.#closing.signal },
      onClosed: (reason) => {
        this.#connections.delete(name);
        for (const told of [...onClosed]) told(reason);
      },
    });
    return { address, client, lastHeardMs: clock.monotonicMs(), onClosed };
  }
}
