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
import type { PeerMessage } from "../core/message.ts";
import type { DirectoryStamp, NodeId } from "../core/types.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type { Random } from "../node/random.ts";
import type { Connection } from "./connection.ts";
import { dial, diallerTerms } from "./dial.ts";
import { frameHeaderBytes } from "./frame.ts";
import type { HelloReply } from "./hello.ts";
import type { WireLimits } from "./limits.ts";
import { encodeMessageFrame } from "./message_codec.ts";
import type { Network } from "./network.ts";

/** What a {@link PeerLink} needs to know. */
export interface PeerLinkOptions {
  /** This node's identity. */
  readonly id: NodeId;
  /** Where this node keeps its promises. */
  readonly stamp?: DirectoryStamp;
  /** The name of the node at the other end. */
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
  /** Judges who answered a hello, before anything is said: null, or why nothing will be. */
  readonly judge?: (reply: HelloReply) => string | null | Promise<string | null>;
  /** Told what a peer said that will not have this node. */
  readonly onRefused?: (reply: HelloReply) => void;
  /** Whether to dial again without having anything to say. */
  readonly isEager?: () => boolean;
}

/** A message that waits for a connection. */
interface Waiting {
  readonly to: NodeId;
  readonly frame: Uint8Array;
}

type LinkState =
  | { readonly kind: "idle" }
  | {
    readonly kind: "dialling";
    readonly attempt: AbortController;
    /** When the attempt began, in monotonic milliseconds. */
    readonly sinceMs: number;
    readonly queue: Waiting[];
    queuedBytes: number;
  }
  | { readonly kind: "open"; readonly connection: Connection; readonly sinceMs: number; readonly identity: NodeId }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "stopped" };

/**
 * An attempt that has lasted longer is begun anew when the peer comes to us, in milliseconds. Two nodes that dial each other
 * at the same time are faster, unless the wires between them are long: then each attempt would be broken by the other's, and
 * so on for ever. So each attempt begun anew is given twice the time of the one before.
 */
const staleDialMs = 200;

/** The sending half of what goes on between this node and one peer. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  #state: LinkState = { kind: "idle" };
  /** Dials in a row that failed, or that led to a connection which ended at once. */
  #failures = 0;
  /** What {@link staleDialMs} has grown to. */
  #patienceMs = staleDialMs;
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
  send(message: PeerMessage): void {
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
        // Somebody else has the name now, who must not hear what was meant for the one before.
        if (message.to !== state.identity) return;
        if (state.connection.queuedBytes + frame.length <= limits.maxQueuedPeerBytes) state.connection.send(frame);
        return;
      case "dialling":
        return this.#enqueue(state.queue, { to: message.to, frame });
      case "idle":
        return this.#dial([{ to: message.to, frame }]);
    }
  }

  /** Dials, even without anything to say. */
  greet(): void {
    if (this.#state.kind === "idle") this.#dial([]);
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
    } else if (state.kind === "dialling" && this.#options.clock.monotonicMs() - state.sinceMs > this.#patienceMs) {
      this.#patienceMs *= 2;
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
  #enqueue(queue: Waiting[], waiting: Waiting): void {
    const state = this.#state;
    if (state.kind !== "dialling") return;
    const { maxQueuedPeerMessages, maxQueuedPeerBytes } = this.#options.limits;
    queue.push(waiting);
    state.queuedBytes += waiting.frame.length;
    while (queue.length > maxQueuedPeerMessages || state.queuedBytes > maxQueuedPeerBytes) {
      state.queuedBytes -= queue.shift()?.frame.length ?? 0;
    }
  }

  /** `waiting` are messages to be sent first. */
  #dial(waiting: readonly Waiting[]): void {
    const queue: Waiting[] = [];
    const attempt = new AbortController();
    const { id, peerId, address, clusterId, network, clock, limits, stamp, judge } = this.#options;
    this.#state = { kind: "dialling", attempt, sinceMs: clock.monotonicMs(), queue, queuedBytes: 0 };
    for (const one of waiting) this.#enqueue(queue, one);
    const hello = { clusterId, role: "peer", nodeId: id, targetNodeId: peerId } as const;
    const dialOptions = {
      hello: stamp === undefined ? hello : { ...hello, stamp },
      clock,
      limits,
      timeoutMs: limits.peerConnectTimeoutMs,
      signal: attempt.signal,
    };
    dial(network, address, dialOptions).then((outcome) => {
      if (attempt.signal.aborted) {
        if (outcome.kind === "connected") outcome.connection.close("another attempt was begun");
      } else if (outcome.kind === "connected") {
        const { connection, reply } = outcome;
        this.#open(connection, attempt, reply.nodeId, judge?.(reply) ?? null);
      } else {
        if (outcome.kind === "refused" && outcome.reply !== undefined) this.#options.onRefused?.(outcome.reply);
        this.#fail(outcome.reason);
      }
    }, () => {
      // Aborted by stop() or noteAlive().
    });
  }

  /** Takes the connection over; messages leave once the other side was found to be who it must be. */
  #open(
    connection: Connection,
    attempt: AbortController,
    identity: NodeId,
    verdict: string | null | Promise<string | null>,
  ): void {
    const { limits, peerId } = this.#options;
    if (this.#state.kind === "stopped") return connection.close("the node stops");
    connection.open(diallerTerms("peer", limits), {
      // Messages from the peer come on the connection that the peer opened; here only pings are in order.
      frame: () => connection.close(`${peerId} sent a frame on a connection that only this node may send on`),
      closed: (reason) => this.#closed(connection, reason),
    });
    if (!(verdict instanceof Promise)) return this.#conclude(connection, attempt, identity, verdict);
    verdict.catch((error) => error instanceof Error ? error.message : String(error))
      .then((decided) => this.#conclude(connection, attempt, identity, decided));
  }

  #conclude(connection: Connection, attempt: AbortController, identity: NodeId, problem: string | null): void {
    const state = this.#state;
    if (state.kind !== "dialling" || state.attempt !== attempt) return connection.close("another attempt was begun");
    if (!connection.isOpen) return this.#fail(`the connection ended: ${connection.closeReason}`);
    if (problem !== null) {
      connection.close(problem);
      return this.#fail(problem);
    }
    this.#state = { kind: "open", connection, sinceMs: this.#options.clock.monotonicMs(), identity };
    this.#lastProblem = "";
    this.#patienceMs = staleDialMs;
    for (const { to, frame } of state.queue) if (to === identity) connection.send(frame);
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
    this.#patienceMs = staleDialMs;
    const { clock, random, limits } = this.#options;
    const longestMs = Math.min(limits.minReconnectMs * 2 ** Math.min(this.#failures++, 30), limits.maxReconnectMs);
    const delayMs = longestMs * (1 + random.next()) / 2;
    const timer = clock.after(delayMs, () => {
      this.#state = { kind: "idle" };
      if (this.#options.isEager?.() === true) this.#dial([]);
    });
    this.#state = { kind: "waiting", timer };
    this.#report(reason);
  }

  #report(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#options.onProblem?.(`Cannot send to peer ${this.#options.peerId}: ${problem}`);
  }
}
