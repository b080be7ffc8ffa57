/**
 * Opens a Clerk on a cluster and makes it a shell's.
 *
 * @module
 */
import { Clerk, type ClerkOptions, type ClerkWaiting, ShardClerk, type SharedCalls } from "../kv/mod.ts";
import type { ShellContext } from "./context.ts";
import type { ServerReport } from "./server_report.ts";
import type { Output } from "./output.ts";
import { describeWaiting, WaitingNotice } from "./waiting.ts";

/** Milliseconds that servers have to say how they are while a call waits: less than the second between two notices. */
const surveyTimeoutMs = 800;

/** Which cluster to talk to, and how. */
export interface ClusterTarget {
  /** Addresses of its nodes, `HOST:PORT`. */
  readonly servers: readonly string[];
  /** The limit of one call in milliseconds, or null. */
  readonly timeoutMs: number | null;
  /** Where results and remarks go. */
  readonly output: Output;
  /** See the shell's context; false unless given. */
  readonly stdinIsFree?: boolean;
  /** Whether these are the servers of a sharded store's controller; false unless given. */
  readonly isSharded?: boolean;
}

/** Runs `body` with a shell's context, and closes the connections afterwards. */
export async function withShell<T>(target: ClusterTarget, body: (context: ShellContext) => Promise<T>): Promise<T> {
  let isAsking = false;
  const options: ClerkOptions = {
    onWaiting: (state) => {
      if (isAsking) return;
      isAsking = true;
      void explainWaiting(context, state).finally(() => isAsking = false);
    },
  };
  await using clerk = target.isSharded === true
    ? new ShardClerk(target.servers, options)
    : new Clerk(target.servers, options);
  const context: ShellContext = {
    store: {
      get: async (key, options) => renderValue((await clerk.getValue(key, options)).value),
      put: (key, value, options) => clerk.put(key, value, options),
      append: (key, value, options) => clerk.append(key, value, options),
    },
    clerk,
    wholeClerk: clerk instanceof Clerk ? clerk : null,
    stdinIsFree: target.stdinIsFree ?? false,
    askServers: (signal) => Promise.all(target.servers.map((address) => askServer(clerk, address, signal))),
    output: target.output,
    waiting: new WaitingNotice(target.output),
    timeoutMs: target.timeoutMs,
    recentKeys: new Set(),
    signal: new AbortController().signal,
    callsInFlight: 0,
    showTime: false,
    lastCallMs: 0,
    isLeaving: false,
  };
  return await body(context);
}

/** Asks every server how it is, which tells more than the one that the Clerk has tried last, and shows the result. */
async function explainWaiting(context: ShellContext, state: ClerkWaiting): Promise<void> {
  const reports = await context.askServers(AbortSignal.timeout(surveyTimeoutMs));
  // The answer may have come meanwhile.
  if (context.callsInFlight > 0) context.waiting.show(describeWaiting(state, reports), state.sinceMs);
}

async function askServer(clerk: SharedCalls, address: string, signal: AbortSignal): Promise<ServerReport> {
  try {
    return { kind: "up", address, ...await clerk.status(address, { signal }) };
  } catch (error) {
    return { kind: "down", address, reason: signal.aborted ? "no answer" : reasonOf(error, address) };
  }
}

/** The innermost message, without the address, which stands beside it already. */
function reasonOf(error: unknown, address: string): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause, address);
  return error.message.replace(`Cannot connect to ${address}: `, "");
}

/** Bytes appear in hexadecimal: a terminal can show nothing better, and a script can read it. */
function renderValue(value: string | Uint8Array): string {
  return typeof value === "string" ? value : `0x${value.toHex()}`;
}
