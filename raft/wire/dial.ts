/**
 * The connecting half of the handshake: connect, send a hello, judge the answer.
 *
 * @module
 */
import { nameOf } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import { Connection, type ConnectionTerms } from "./connection.ts";
import { decodeHelloReply, encodeHello, type Hello, type HelloReply, protocolVersion } from "./hello.ts";
import type { WireLimits } from "./limits.ts";
import type { Network, Socket } from "./network.ts";

/** How to dial. */
export interface DialOptions {
  /** Who says hello. */
  readonly hello: Hello;
  /** For the timeouts. */
  readonly clock: Clock;
  /** What is tolerated. */
  readonly limits: WireLimits;
  /** For connecting and handshake together, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export type DialOutcome =
  /** The handshake is done; the connection must be given {@link Connection.open | terms and a handler} in this turn. */
  | { readonly kind: "connected"; readonly connection: Connection; readonly reply: HelloReply }
  /** Nobody there, or nobody who answers. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** Somebody is there who will not have us, or who is not the one we meant; `reply` is what they said, if we know them. */
  | { readonly kind: "refused"; readonly reason: string; readonly reply?: HelloReply };

/** The terms of whoever dialled: it never disconnects an idle other side. */
export function diallerTerms(role: "peer" | "client", limits: WireLimits): ConnectionTerms {
  return role === "peer"
    ? {
      maxFrameBytes: limits.maxHelloFrameBytes,
      keepaliveMs: limits.peerKeepaliveMs,
      idleTimeoutMs: Infinity,
      frameTimeoutMs: limits.peerFrameTimeoutMs,
    }
    : {
      maxFrameBytes: limits.maxReplyFrameBytes,
      keepaliveMs: limits.keepaliveMs,
      idleTimeoutMs: Infinity,
      frameTimeoutMs: limits.frameTimeoutMs,
    };
}

/** Connects to `address` and shakes hands. Rejects only when the `signal` is aborted, with its reason. */
export async function dial(network: Network, address: string, options: DialOptions): Promise<DialOutcome> {
  const { clock, timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const attempt = new AbortController();
  const timer = clock.after(timeoutMs, () => attempt.abort(new Error(`no answer within ${timeoutMs} ms`)));
  const onAbort = (): void => attempt.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const socket = await network.connect(address, { signal: attempt.signal });
    return await shakeHands(socket, address, options, attempt.signal);
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

function shakeHands(socket: Socket, address: string, options: DialOptions, signal: AbortSignal): Promise<DialOutcome> {
  const { hello, clock, limits } = options;
  return new Promise((resolve) => {
    const connection = new Connection(socket, clock, limits, {
      frame(item) {
        const outcome = judge(item, address, hello, connection);
        if (outcome.kind !== "connected") connection.close(outcome.reason);
        end(outcome);
      },
      closed: (reason) => end({ kind: "unreachable", reason: `${address}: ${reason}` }),
    });
    const onAbort = (): void => connection.close(String(signal.reason?.message ?? signal.reason));
    const end = (outcome: DialOutcome): void => {
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    connection.send(encodeHello(hello));
  });
}

function judge(item: Uint8Array, address: string, hello: Hello, connection: Connection): DialOutcome {
  const answer = decodeHelloReply(item);
  switch (answer.kind) {
    case "foreign":
      return { kind: "refused", reason: `${address} does not speak the Balsa protocol` };
    case "version":
      return {
        kind: "refused",
        reason: `${address} speaks protocol version ${answer.version}, and this side ${protocolVersion}`,
      };
    case "malformed":
      return { kind: "refused", reason: `${address} answered with a malformed hello: ${answer.problem}` };
    case "ok":
      break;
  }
  const reply = answer.hello;
  if (reply.errorCode !== "") return { kind: "refused", reason: `${address} refused: ${reply.message}`, reply };
  if (hello.clusterId !== "" && reply.clusterId !== hello.clusterId) {
    return { kind: "refused", reason: `${address} belongs to cluster "${reply.clusterId}", not "${hello.clusterId}"` };
  }
  if (hello.targetNodeId !== "" && nameOf(reply.nodeId) !== hello.targetNodeId) {
    return { kind: "refused", reason: `${address} is node ${reply.nodeId}, not ${hello.targetNodeId}` };
  }
  return { kind: "connected", connection, reply };
}
