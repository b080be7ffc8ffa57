/**
 * The way to one peer: dials when there is something to say, queues a little while dialling, waits longer after each
 * failure, and forgets what it cannot deliver, since every message between peers may be lost.
 *
 * ```text
 * idle --send--> dialling --handshake done--> open
 *   ^              | failed                     | closed
 *   |              v                            |
 *   +--timer--- waiting <-----------------------+        waiting --peer has come to us--> dialling, a stale one anew
 * ```
 *
 * @module
 */
import type { Message } from "../core/message.ts";
import type { NodeId } from "../core/types.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type { Random } from "../node/random.ts";
import type { Connection } from "./connection.ts";
import { dial, diallerTerms } from "./dial.ts";
import { frameHeaderBytes } from "./frame.ts";
import type { WireLimits } from "./limits.ts";
import { encodeMessageFrame } from "./message_codec.ts";
import type { Network } from "./network.ts";

/** What a {@link PeerLink} needs to know. */
export interface PeerLinkOptions {
  /** This node. */
  readonly id: NodeId;
  /** The node at the other end. */
  readonly peerId: NodeId;
  /** Where it is dialled, `HOST:PORT`. */
  readonly address: string;
  /** The cluster of both. */
  readonly clusterId: string;
  /** Sockets. */
  readonly network: Network;
  /** For timeouts and pauses. */
  readonly clock: Clock;
  /** Spreads the pauses, so that nodes do not dial in step. */
  readonly random: Random;
  /** What is tolerated. */
  readonly limits: WireLimits;
  /** Told once about every new obstacle; for logs. */
  readonly onProblem?: (problem: string) => void;
}

type LinkState =
  | { readonly kind: "idle" }
  | {
    readonly kind: "dialling";
    readonly attempt: AbortController;
    /** When the attempt began, in monotonic milliseconds. */
    readonly sinceMs: number;
    readonly queue: Uint8Array[];
    queuedBytes: number;
    readonly opened: (connection: Connection) => void;
  }
  | { readonly kind: "open"; readonly connection: Connection; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "stopped" };

/**
 * An attempt that has lasted longer is begun anew when the peer comes to us, in milliseconds. Two nodes that dial each other
 * at the same time are faster, so they do not break each other's attempts.
 */
const staleDialMs = 200;

/** The sending half of what goes on between this node and one peer. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  #state: LinkState = { kind: "idle" };
  /** Dials in a row that failed, or that led to a connection which ended at once. */
  #failures = 0;
  #lastProblem = "";

  /** Does nothing until the first {@link send}. */
  constructor(options: PeerLinkOptions) {
    this.#options = options;
  }

  /** Whether messages leave at once. */
  get isConnected(): boolean {
    return this.#state.kind === "open";
  }

  /** Bytes of messages that wait to leave. */
  get queuedBytes(): number {
    switch (this.#state.kind) {
      case "dialling":
        return this.#state.queuedBytes;
      case "open":
        return this.#state.connection.queuedBytes;
      default:
        return 0;
    }
  }

  /** Why the peer could last not be reached; empty while it can. */
  get problem(): string {
    return this.#lastProblem;
  }

  /** Sends, queues or drops a message. */
  send(message: Message): void {
    const state = this.#state;
    if (state.kind === "waiting" || state.kind === "stopped") return;
    const { limits } = this.#options;
    const frame = encodeMessageFrame(message);
    if (frame.length - frameHeaderBytes > limits.maxPeerFrameBytes) {
      return this.#report(
        `dropped a ${message.type} of ${frame.length} bytes: ${limits.maxPeerFrameBytes} is the limit`,
      );
    }
    switch (state.kind) {
      case "open":
        if (state.connection.queuedBytes + frame.length <= limits.maxQueuedPeerBytes) state.connection.send(frame);
        return;
      case "dialling":
        return this.#enqueue(state.queue, frame);
      case "idle":
        return this.#dial([frame]);
    }
  }

  /**
   * The peer has connected to this node: it can be reached again, so do not wait any longer; neither for an attempt whose
   * packets were lost while it could not be, and which the operating system would repeat after seconds only.
   */
  noteAlive(): void {
    const state = this.#state;
    if (state.kind === "waiting") {
      state.timer.cancel();
      this.#dial([]);
    } else if (state.kind === "dialling" && this.#options.clock.monotonicMs() - state.sinceMs > staleDialMs) {
      state.attempt.abort(new Error("the peer has come to us"));
      this.#dial(state.queue);
    }
  }

  /** Closes the connection and dials no more. */
  stop(): void {
    const state = this.#state;
    this.#state = { kind: "stopped" };
    if (state.kind === "dialling") state.attempt.abort(new Error("the node stops"));
    if (state.kind === "open") state.connection.close("the node stops");
    if (state.kind === "waiting") state.timer.cancel();
  }

  /** Keeps the newest: a peer that has been away is served better by them. */
  #enqueue(queue: Uint8Array[], frame: Uint8Array): void {
    const state = this.#state;
    if (state.kind !== "dialling") return;
    const { maxQueuedPeerMessages, maxQueuedPeerBytes } = this.#options.limits;
    queue.push(frame);
    state.queuedBytes += frame.length;
    while (queue.length > maxQueuedPeerMessages || state.queuedBytes > maxQueuedPeerBytes) {
      state.queuedBytes -= queue.shift()?.length ?? 0;
    }
  }

  /** `waiting` are frames to be sent first. */
  #dial(waiting: readonly Uint8Array[]): void {
    const queue: Uint8Array[] = [];
    const attempt = new AbortController();
    const opened = (connection: Connection): void => {
      for (const frame of queue) connection.send(frame);
    };
    const { id, peerId, address, clusterId, network, clock, limits } = this.#options;
    this.#state = { kind: "dialling", attempt, sinceMs: clock.monotonicMs(), queue, queuedBytes: 0, opened };
    for (const frame of waiting) this.#enqueue(queue, frame);
    const hello = { clusterId, role: "peer", nodeId: id, targetNodeId: peerId } as const;
    const dialOptions = { hello, clock, limits, timeoutMs: limits.peerConnectTimeoutMs, signal: attempt.signal };
    dial(network, address, dialOptions).then((outcome) => {
      if (attempt.signal.aborted) {
        if (outcome.kind === "connected") outcome.connection.close("another attempt was begun");
      } else if (outcome.kind === "connected") this.#open(outcome.connection, opened);
      else this.#fail(outcome.reason);
    }, () => {
      // Aborted by stop() or noteAlive().
    });
  }

  #open(connection: Connection, opened: (connection: Connection) => void): void {
    const { clock, limits, peerId } = this.#options;
    if (this.#state.kind === "stopped") return connection.close("the node stops");
    this.#state = { kind: "open", connection, sinceMs: clock.monotonicMs() };
    this.#lastProblem = "";
    connection.open(diallerTerms("peer", limits), {
      // Messages from the peer come on the connection that the peer opened; here only pings are in order.
      frame: () => connection.close(`${peerId} sent a frame on a connection that only this node may send on`),
      closed: (reason) => this.#closed(connection, reason),
    });
    opened(connection);
  }

  #closed(connection: Connection, reason: string): void {
    const state = this.#state;
    if (state.kind !== "open" || state.connection !== connection) return;
    const { clock, limits } = this.#options;
    // A peer that accepts and hangs up at once must not be dialled in a tight loop.
    if (clock.monotonicMs() - state.sinceMs > limits.maxReconnectMs) this.#failures = 0;
    this.#fail(`the connection ended: ${reason}`);
  }

  #fail(reason: string): void {
    if (this.#state.kind === "stopped") return;
    const { clock, random, limits } = this.#options;
    const longestMs = Math.min(limits.minReconnectMs * 2 ** Math.min(this.#failures++, 30), limits.maxReconnectMs);
    const delayMs = longestMs * (1 + random.next()) / 2;
    this.#state = { kind: "waiting", timer: clock.after(delayMs, () => this.#state = { kind: "idle" }) };
    this.#report(reason);
  }

  #report(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#options.onProblem?.(`Cannot send to peer ${this.#options.peerId}: ${problem}`);
  }
}
