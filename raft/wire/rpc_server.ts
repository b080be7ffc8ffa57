/**
 * The server's end of requests and replies, and how it pushes back; `rpc_codec.ts` describes what goes over the wire.
 *
 * A client costs memory in two ways: by requests that are being worked on, and by replies that it does not read. Both are
 * bounded by not reading any further. Replies beyond a few megabytes are kept as values, not as bytes: the values mostly
 * belong to the state machine anyway, and their requests still count as being worked on.
 *
 * @module
 */
import type { CborValue } from "../encoding/cbor.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type { Connection } from "./connection.ts";
import { frameHeaderBytes } from "./frame.ts";
import type { WireLimits } from "./limits.ts";
import type { AcceptedConnection } from "./listener.ts";
import { type BodyReader, decodeCall, encodeCall } from "./rpc_codec.ts";

/**
 * Works on a request and calls `respond` once, now or later. Calling it again, or after the connection is over, does
 * nothing. A {@link CborError} thrown here means that the request cannot be understood, and closes the connection.
 */
export type RpcHandler<Request = CborValue> = (
  request: Request,
  respond: (reply: CborValue) => void,
  connection: RpcServerConnection,
) => void;

/** What an {@link RpcServer} needs to know. */
export interface RpcServerOptions {
  /** For noticing clients that do not read. */
  readonly clock: Clock;
}

/** A client, as a handler sees it. */
export interface RpcServerConnection {
  /** The client's address, for messages to people. */
  readonly remoteAddress: string;
  /** Whether a reply could still be sent. */
  readonly isOpen: boolean;
  /** Hangs up. */
  close(reason: string): void;
}

/** Hands the requests of any number of connections to one handler. */
export class RpcServer<Request = CborValue> {
  readonly #handler: RpcHandler<Request>;
  readonly #readRequest: BodyReader<Request>;
  readonly #clock: Clock;
  readonly #clients = new Set<ServedClient<Request>>();

  /** Serves whoever is given to {@link accept}. `readRequest` makes of their bodies what the handler understands. */
  constructor(handler: RpcHandler<Request>, readRequest: BodyReader<Request>, options: RpcServerOptions) {
    this.#handler = handler;
    this.#readRequest = readRequest;
    this.#clock = options.clock;
  }

  /** Clients connected now. */
  get connectionCount(): number {
    return this.#clients.size;
  }

  /** Takes over a connection that a client has opened. */
  accept(accepted: AcceptedConnection): void {
    const client = new ServedClient(accepted, this.#handler, this.#readRequest, this.#clock);
    this.#clients.add(client);
    accepted.start({
      frame: (item, isOwn) => client.receive(item, isOwn),
      closed: () => {
        client.stop();
        this.#clients.delete(client);
      },
    });
  }

  /** Hangs up on every client. */
  close(reason = "the node stops"): void {
    for (const client of this.#clients) client.close(reason);
  }
}

/** A reply that waits, as a value, until the client has read others. */
interface WaitingReply {
  readonly correlationId: number;
  readonly requestBytes: number;
  readonly reply: CborValue;
}

/** Correlation ids remembered at least, on each connection. */
const rememberedIds = 256;

/** The correlation ids of a connection's latest requests. */
class RecentIds {
  #older = new Set<number>();
  #newer = new Set<number>();

  /** Notes an id; false when it is there already. */
  add(id: number): boolean {
    if (this.#newer.has(id) || this.#older.has(id)) return false;
    this.#newer.add(id);
    if (this.#newer.size >= rememberedIds) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    return true;
  }
}

class ServedClient<Request> implements RpcServerConnection {
  readonly #connection: Connection;
  readonly #limits: WireLimits;
  readonly #handler: RpcHandler<Request>;
  readonly #readRequest: BodyReader<Request>;
  readonly #clock: Clock;
  /** Requests handed to the handler and not yet answered with bytes: >= #waiting.length. */
  #inflight = 0;
  /** Bytes of those requests. */
  #inflightBytes = 0;
  #waiting: WaitingReply[] = [];
  readonly #recentIds = new RecentIds();
  #isPaused = false;
  /** Runs while replies pile up. */
  #drainTimer: Timer | null = null;
  #queuedAtLastDrain = 0;
  #lastProgressMs = 0;

  constructor(
    accepted: AcceptedConnection,
    handler: RpcHandler<Request>,
    readRequest: BodyReader<Request>,
    clock: Clock,
  ) {
    this.#connection = accepted.connection;
    this.#limits = accepted.limits;
    this.#handler = handler;
    this.#readRequest = readRequest;
    this.#clock = clock;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  close(reason: string): void {
    this.#connection.close(reason);
  }

  /** The connection is over. */
  stop(): void {
    this.#drainTimer?.cancel();
    this.#drainTimer = null;
    this.#waiting = [];
  }

  receive(item: Uint8Array, isOwn: boolean): void {
    const { correlationId, body } = decodeCall(item, isOwn, this.#readRequest);
    // A copy made on the way must not be answered: refused now, while the first is under way, it would say "not executed".
    if (!this.#recentIds.add(correlationId)) return;
    const requestBytes = item.length;
    this.#inflight++;
    this.#inflightBytes += requestBytes;
    this.#updatePaused();
    let isAnswered = false;
    this.#handler(body, (reply) => {
      if (isAnswered || !this.#connection.isOpen) return;
      isAnswered = true;
      this.#respond({ correlationId, requestBytes, reply });
    }, this);
  }

  #respond(waiting: WaitingReply): void {
    if (this.#drainTimer === null && this.#connection.queuedBytes <= this.#limits.maxQueuedReplyBytes) {
      this.#send(waiting);
      return this.#updatePaused();
    }
    this.#waiting.push(waiting);
    if (this.#drainTimer !== null) return;
    this.#queuedAtLastDrain = this.#connection.queuedBytes;
    this.#lastProgressMs = this.#clock.monotonicMs();
    this.#scheduleDrain();
    this.#updatePaused();
  }

  #send({ correlationId, requestBytes, reply }: WaitingReply): void {
    this.#inflight--;
    this.#inflightBytes -= requestBytes;
    const frame = encodeCall(correlationId, reply);
    const itemBytes = frame.length - frameHeaderBytes;
    const { maxReplyFrameBytes } = this.#limits;
    if (itemBytes <= maxReplyFrameBytes) return this.#connection.send(frame);
    this.#connection.close(`a reply of ${itemBytes} bytes: ${maxReplyFrameBytes} is the limit`);
  }

  #scheduleDrain(): void {
    this.#drainTimer = this.#clock.after(this.#limits.drainPollMs, () => this.#drain());
  }

  /** Looks how far the client has read, and sends what waited while there is room. */
  #drain(): void {
    this.#drainTimer = null;
    if (!this.#connection.isOpen) return;
    const { maxQueuedReplyBytes, stalledClientTimeoutMs } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    if (this.#connection.queuedBytes < this.#queuedAtLastDrain) this.#lastProgressMs = nowMs;
    if (nowMs - this.#lastProgressMs >= stalledClientTimeoutMs) {
      return this.#connection.close(`it has read no reply for ${stalledClientTimeoutMs} ms`);
    }
    let sent = 0;
    for (; sent < this.#waiting.length && this.#connection.queuedBytes <= maxQueuedReplyBytes; sent++) {
      const waiting = this.#waiting[sent];
      if (waiting !== undefined) this.#send(waiting);
    }
    this.#waiting.splice(0, sent);
    this.#queuedAtLastDrain = this.#connection.queuedBytes;
    if (this.#waiting.length > 0) this.#scheduleDrain();
    this.#updatePaused();
  }

  /** Stops reading at a limit, and resumes at three quarters of it, so as not to do so for every single request. */
  #updatePaused(): void {
    const { maxInflightRequests, maxInflightBytes } = this.#limits;
    const share = this.#isPaused ? 0.75 : 1;
    const isPaused = this.#waiting.length > 0 || this.#inflight >= share * maxInflightRequests ||
      this.#inflightBytes >= share * maxInflightBytes;
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#connection.setPaused(isPaused);
  }
}
