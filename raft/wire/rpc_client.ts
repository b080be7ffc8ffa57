/**
 * The client's end of requests and replies; `rpc_codec.ts` describes what goes over the wire.
 *
 * @module
 */
import type { NodeId } from "../core/types.ts";
import { CborError, type CborValue } from "../encoding/cbor.ts";
import type { Clock } from "../node/clock.ts";
import type { Connection } from "./connection.ts";
import { dial, diallerTerms } from "./dial.ts";
import { frameHeaderBytes } from "./frame.ts";
import { type WireLimits, wireLimits } from "./limits.ts";
import type { Network } from "./network.ts";
import { NumberedSlots } from "../encoding/numbered_slots.ts";
import { type BodyWriter, decodeCall, encodeCall, readAnyBody } from "./rpc_codec.ts";

/** What became of a call. */
export type RpcOutcome =
  /** The server answered. */
  | { readonly kind: "reply"; readonly body: CborValue }
  /** The connection ended before an answer came: the request may or may not have been executed. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The request never left: it was not executed. */
  | { readonly kind: "notSent"; readonly reason: string };

/** How to reach a server. */
export interface RpcClientOptions {
  /** For timeouts and pings. */
  readonly clock: Clock;
  /** The cluster meant; whichever is there by default. */
  readonly clusterId?: string;
  /** For connecting and handshake together, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up connecting when aborted. */
  readonly signal?: AbortSignal;
  /** Where they differ from {@link wireLimits}. */
  readonly limits?: Partial<WireLimits>;
  /** Told once when the connection is over, after the outcomes of all calls. */
  readonly onClosed?: (reason: string) => void;
}

/** No server could be reached; nothing was asked. */
export class RpcConnectError extends Error {
  /** The class name, for logs. */
  override readonly name = "RpcConnectError";
  /** "refused" when somebody is there who will not have us: trying again soon is of no use. */
  readonly kind: "unreachable" | "refused";

  /** Made by {@link RpcClient.connect}. */
  constructor(kind: "unreachable" | "refused", message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The client's end of a connection: many calls at a time, each with a callback. */
export class RpcClient {
  /** The node at the other end. */
  readonly serverId: NodeId;
  /** The cluster that node belongs to. */
  readonly clusterId: string;
  readonly #connection: Connection;
  readonly #limits: WireLimits;
  readonly #callbacks = new NumberedSlots<(outcome: RpcOutcome) => void>();
  readonly #onClosed: ((reason: string) => void) | undefined;
  /** The id of the latest request; every key of #callbacks is at most this. */
  #lastId = 0;

  private constructor(
    connection: Connection,
    server: { readonly nodeId: NodeId; readonly clusterId: string },
    limits: WireLimits,
    onClosed: ((reason: string) => void) | undefined,
  ) {
    this.serverId = server.nodeId;
    this.clusterId = server.clusterId;
    this.#connection = connection;
    this.#limits = limits;
    this.#onClosed = onClosed;
    connection.open(diallerTerms("client", limits), {
      frame: (item, isOwn) => this.#receive(item, isOwn),
      closed: (reason) => this.#closed(reason),
    });
  }

  /** Connects. Rejects with {@link RpcConnectError}, or with the signal's reason when it is aborted. */
  static async connect(network: Network, address: string, options: RpcClientOptions): Promise<RpcClient> {
    const { clock, clusterId = "", timeoutMs, signal, onClosed } = options;
    const limits = { ...wireLimits, ...options.limits };
    const hello = { clusterId, role: "client", nodeId: "", targetNodeId: "" } as const;
    const dialOptions = { hello, clock, limits, timeoutMs, ...(signal === undefined ? {} : { signal }) };
    const outcome = await dial(network, address, dialOptions);
    if (outcome.kind !== "connected") throw new RpcConnectError(outcome.kind, outcome.reason);
    return new RpcClient(outcome.connection, outcome.reply, limits, onClosed);
  }

  /** Whether calls can be made. */
  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** Calls that were sent and have no outcome so far. */
  get pendingCalls(): number {
    return this.#callbacks.size;
  }

  /**
   * Asks. `callback` is called once, never before this returns; the returned function gives up waiting for it: the request
   * may be executed nevertheless, and the callback is not called.
   */
  call(body: CborValue | BodyWriter, callback: (outcome: RpcOutcome) => void): () => void {
    const id = ++this.#lastId;
    const obstacle = this.#send(id, body);
    if (obstacle === null) {
      this.#callbacks.add(id, callback);
      return () => {
        this.#callbacks.take(id);
      };
    }
    // Never among #callbacks: what was not sent must not be taken for lost when the connection ends.
    let isGivenUp = false;
    queueMicrotask(() => {
      if (!isGivenUp) callback({ kind: "notSent", reason: obstacle });
    });
    return () => {
      isGivenUp = true;
    };
  }

  /** Ends the connection; calls without an outcome are lost. */
  close(reason = "closed by the client"): void {
    this.#connection.close(reason);
  }

  /** Sends a request, or says why it cannot be sent. */
  #send(id: number, body: CborValue | BodyWriter): string | null {
    if (!this.#connection.isOpen) {
      return `the connection to ${this.serverId} has ended: ${this.#connection.closeReason}`;
    }
    let frame: Uint8Array;
    try {
      frame = encodeCall(id, body);
    } catch (error) {
      if (error instanceof CborError) return error.message;
      throw error;
    }
    const itemBytes = frame.length - frameHeaderBytes;
    const { maxClientFrameBytes } = this.#limits;
    if (itemBytes > maxClientFrameBytes) return `a request of ${itemBytes} bytes: ${maxClientFrameBytes} is the limit`;
    this.#connection.send(frame);
    return null;
  }

  #receive(item: Uint8Array, isOwn: boolean): void {
    const { correlationId, body } = decodeCall(item, isOwn, readAnyBody);
    if (correlationId > this.#lastId) {
      return this.#connection.close(`${this.serverId} replied to request ${correlationId}, which was never sent`);
    }
    this.#settle(correlationId, { kind: "reply", body });
  }

  /** Without effect when the call was given up or answered before. */
  #settle(id: number, outcome: RpcOutcome): void {
    this.#callbacks.take(id)?.(outcome);
  }

  #closed(reason: string): void {
    for (let id = this.#callbacks.first; id !== null; id = this.#callbacks.first) {
      this.#settle(id, { kind: "lost", reason });
    }
    this.#onClosed?.(reason);
  }
}
