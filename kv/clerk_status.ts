/**
 * Asks one server how it is, on a connection of its own.
 *
 * @module
 */
import type { Clock } from "../raft/node/clock.ts";
import type { Network } from "../raft/wire/network.ts";
import { RpcClient, type RpcOutcome } from "../raft/wire/rpc.ts";
import { replyFromCbor, requestToCbor } from "./protocol.ts";
import { type KvStatus, statusFromCbor } from "./status.ts";

/** How to ask. */
export interface AskStatusOptions {
  /** Sockets. */
  readonly network: Network;
  /** Time. */
  readonly clock: Clock;
  /** The cluster meant; "" for whichever is there. */
  readonly clusterId: string;
  /** For connecting, and again for the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up when aborted. */
  readonly signal: AbortSignal;
}

/** How the server at `address` is. Rejects with a reason for people. */
export async function askStatus(address: string, options: AskStatusOptions): Promise<KvStatus> {
  const client = await RpcClient.connect(options.network, address, options);
  try {
    const outcome = await ask(client, options);
    if (outcome.kind !== "reply") throw new Error(outcome.reason);
    const reply = replyFromCbor(outcome.body);
    if (reply.kind !== "ok") throw new Error(`it answered ${reply.kind}`);
    return statusFromCbor(reply.fields[0]);
  } finally {
    client.close();
  }
}

function ask(client: RpcClient, { clock, timeoutMs, signal }: AskStatusOptions): Promise<RpcOutcome> {
  return new Promise((resolve) => {
    const giveUp = (reason: string): void => client.close(reason);
    const onAbort = (): void => giveUp("it was given up");
    const timer = Number.isFinite(timeoutMs)
      ? clock.after(timeoutMs, () => giveUp(`no answer within ${timeoutMs} ms`))
      : null;
    signal.addEventListener("abort", onAbort, { once: true });
    client.call(requestToCbor({ kind: "status" }), (outcome) => {
      timer?.cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
    });
  });
}
