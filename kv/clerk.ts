/**
 * The client of the key/value store.
 *
 * @module
 */
import { type Clock, realClock } from "../raft/node/clock.ts";
import { type Random, realRandom } from "../raft/node/random.ts";
import type { Consistency } from "../raft/rsm/rsm.ts";
import { realPlatform } from "../raft/open.ts";
import type { Network } from "../raft/wire/network.ts";
import { RpcClient, type RpcOutcome } from "../raft/wire/rpc.ts";
import { Call, type CallOutcome, type CallTask } from "./clerk_calls.ts";
import { ClerkEngine, type ClerkWaiting } from "./clerk_engine.ts";
import type { Operation } from "./commands.ts";
import { ClerkError } from "./errors.ts";
import { replyFromCbor, requestToCbor } from "./protocol.ts";
import { type KvStatus, statusFromCbor } from "./status.ts";
import type { ReadResult } from "./store.ts";
import { keyProblem, type Value, valueProblem } from "./values.ts";

/** Settings of a {@link Clerk}; all have defaults. */
export interface ClerkOptions {
  /** The cluster's name; servers of another cluster are refused. Whichever is there by default. */
  readonly clusterId?: string;
  /** Time for each call, in milliseconds, unless the call says otherwise. Infinity by default: it tries for ever. */
  readonly timeoutMs?: number;
  /** A server that answers nothing for this long is left for another one, in milliseconds; 2000 by default. */
  readonly attemptTimeoutMs?: number;
  /** Closes the Clerk when aborted. */
  readonly signal?: AbortSignal;
  /** Called about once a second while calls wait and nothing is answered: says for what. Must not throw. */
  readonly onWaiting?: (state: ClerkWaiting) => void;
  /** Sockets; the machine's own by default. */
  readonly network?: Network;
  /** Time; the machine's own by default. */
  readonly clock?: Clock;
  /** Randomness, for pauses; the machine's own by default. */
  readonly random?: Random;
}

/** Settings of one call. */
export interface CallOptions {
  /** Time for the call, in milliseconds; the Clerk's own unless given. */
  readonly timeoutMs?: number;
  /** Gives the call up when aborted. */
  readonly signal?: AbortSignal;
}

/** Settings of one read. */
export interface GetOptions extends CallOptions {
  /** "linearizable" unless given: the read sees every write that was answered before. "stale" may see an older state. */
  readonly consistency?: Consistency;
}

const defaultAttemptTimeoutMs = 2000;

/** Bytes that a request counts beside its key and value. */
const requestOverheadBytes = 48;

/**
 * Talks to a cluster: finds the leader, remembers it, and tries again until a call is answered. Each write is executed
 * exactly once however often it had to be sent. Any number of calls may be under way at a time; those are concurrent, so a
 * write that must come after another one has to await it.
 *
 * Without `timeoutMs` a call waits as long as it takes. Calls fail with a {@link ClerkError}, whose code tells a write
 * that was definitely not executed from one of which nobody knows ("unknown").
 *
 * @example A cluster of one, and a Clerk
 * ```ts
 * import { Clerk, KvServer } from "@balsa/balsa";
 *
 * const dataDir = await Deno.makeTempDir();
 * const address = "127.0.0.1:17321";
 * await using _server = await KvServer.start({ id: "n1", listen: address, peers: { n1: address }, dataDir });
 * await using clerk = new Clerk([address]);
 *
 * await clerk.put("color", "blue");
 * await clerk.append("color", "-green");
 * console.log(await clerk.get("color")); // blue-green
 * ```
 */
export class Clerk implements AsyncDisposable {
  readonly #engine: ClerkEngine;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #clusterId: string;
  readonly #timeoutMs: number;
  readonly #attemptTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onSignal = (): void => void this.close();
  /** Status requests under way, to be ended by {@link close}. */
  readonly #closing = new AbortController();

  /** `addresses` are servers of the cluster, `HOST:PORT`: at least one, better all. Nothing is dialled before a call. */
  constructor(addresses: readonly string[], options: ClerkOptions = {}) {
    if (addresses.length === 0) {
      throw new ClerkError("invalid", "Cannot make a Clerk without servers: give at least one HOST:PORT");
    }
    this.#network = options.network ?? realPlatform.network;
    this.#clock = options.clock ?? realClock;
    this.#clusterId = options.clusterId ?? "";
    this.#timeoutMs = checkedTimeout(options.timeoutMs ?? Infinity);
    this.#attemptTimeoutMs = checkedTimeout(options.attemptTimeoutMs ?? defaultAttemptTimeoutMs);
    this.#engine = new ClerkEngine({
      addresses: [...addresses],
      clusterId: this.#clusterId,
      network: this.#network,
      clock: this.#clock,
      random: options.random ?? realRandom,
      connectTimeoutMs: this.#attemptTimeoutMs,
      attemptTimeoutMs: this.#attemptTimeoutMs,
      onWaiting: options.onWaiting,
    });
    this.#signal = options.signal;
    if (this.#signal?.aborted) this.#onSignal();
    this.#signal?.addEventListener("abort", this.#onSignal, { once: true });
  }

  /** Replaces the value of a key. */
  put(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    return this.#write({ kind: "put", key, value }, options);
  }

  /** Adds to the end of a key's value; a missing key counts as empty. Text and bytes do not mix: "wrongType". */
  append(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    return this.#write({ kind: "append", key, value }, options);
  }

  /** The text of a key, "" if it is missing. Fails with "wrongType" if it holds bytes. */
  async get(key: string, options: GetOptions = {}): Promise<string> {
    const { value } = await this.getValue(key, options);
    if (typeof value === "string") return value;
    throw new ClerkError("wrongType", `Cannot get ${JSON.stringify(key)} as text: it holds bytes; use getBytes`);
  }

  /** The bytes of a key, none if it is missing. Fails with "wrongType" if it holds text. */
  async getBytes(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { value, version } = await this.getValue(key, options);
    if (typeof value !== "string") return value;
    if (version === 0) return new Uint8Array();
    throw new ClerkError("wrongType", `Cannot get ${JSON.stringify(key)} as bytes: it holds text; use get`);
  }

  /** The value of a key, whatever its type, and its version; "" and 0 if it is missing. */
  getValue(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const problem = keyProblem(key);
    if (problem !== null) return Promise.reject(new ClerkError("invalid", `Cannot get: ${problem}`));
    const task = { kind: "read", key, consistency: options.consistency ?? "linearizable" } as const;
    return new Promise((resolve, reject) => {
      this.#call(task, key.length, options, (outcome) => {
        if (outcome.kind === "read") resolve(outcome.result);
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** How the server at `address` is; it need not be one that the Clerk was given. Fails with "timeout" if none answers. */
  async status(address: string, options: CallOptions = {}): Promise<KvStatus> {
    const { timeoutMs = Math.min(this.#timeoutMs, this.#attemptTimeoutMs), signal } = options;
    const ends = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    let client: RpcClient | null = null;
    try {
      const connectOptions = {
        clock: this.#clock,
        clusterId: this.#clusterId,
        timeoutMs,
        signal: AbortSignal.any(ends),
      };
      client = await RpcClient.connect(this.#network, address, connectOptions);
      const outcome = await this.#ask(client, timeoutMs, connectOptions.signal);
      if (outcome.kind !== "reply") throw new Error(outcome.reason);
      const reply = replyFromCbor(outcome.body);
      if (reply.kind !== "ok") throw new Error(`it answered ${reply.kind}`);
      return statusFromCbor(reply.fields[0]);
    } catch (error) {
      const code = this.#closing.signal.aborted ? "closed" : signal?.aborted ? "aborted" : "timeout";
      const text = error instanceof Error ? error.message : String(error);
      throw new ClerkError(code, `Cannot get the status of ${address}: ${text}`, { cause: error });
    } finally {
      client?.close();
    }
  }

  /** Ends all calls and closes all connections. Writes that were under way fail with "unknown". */
  async close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onSignal);
    this.#closing.abort(new Error("the Clerk was closed"));
    await this.#engine.close();
  }

  /** Same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write(operation: Operation, options: CallOptions): Promise<void> {
    const { kind, key, value } = operation;
    const problem = keyProblem(key) ?? valueProblem(value);
    if (problem !== null) return Promise.reject(new ClerkError("invalid", `Cannot ${kind}: ${problem}`));
    return new Promise((resolve, reject) => {
      this.#call({ kind: "write", operation }, key.length + value.length, options, (outcome) => {
        if (outcome.kind === "number") resolve();
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  #call(task: CallTask, bytes: number, options: CallOptions, onSettled: (outcome: CallOutcome) => void): void {
    const now = this.#clock.monotonicMs();
    const { signal, timeoutMs = this.#timeoutMs } = options;
    const deadlineMs = now + checkedTimeout(timeoutMs);
    if (signal === undefined) {
      return this.#engine.submit(new Call(task, bytes + requestOverheadBytes, now, deadlineMs, onSettled));
    }
    const onAbort = (): void => {
      this.#engine.giveUp(call, "aborted", "its signal was aborted", signal.reason);
    };
    const call = new Call(task, bytes + requestOverheadBytes, now, deadlineMs, (outcome) => {
      signal.removeEventListener("abort", onAbort);
      onSettled(outcome);
    });
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#engine.submit(call);
  }

  /** One status request on a connection of its own, limited in time. */
  #ask(client: RpcClient, timeoutMs: number, signal: AbortSignal): Promise<RpcOutcome> {
    return new Promise((resolve) => {
      const giveUp = (reason: string): void => client.close(reason);
      const onAbort = (): void => giveUp("it was given up");
      const timer = Number.isFinite(timeoutMs)
        ? this.#clock.after(timeoutMs, () => giveUp(`no answer within ${timeoutMs} ms`))
        : null;
      signal.addEventListener("abort", onAbort, { once: true });
      client.call(requestToCbor({ kind: "status" }), (outcome) => {
        timer?.cancel();
        signal.removeEventListener("abort", onAbort);
        resolve(outcome);
      });
    });
  }
}

function checkedTimeout(timeoutMs: number): number {
  if (timeoutMs > 0) return timeoutMs;
  throw new ClerkError(
    "invalid",
    `Cannot wait for ${timeoutMs} ms: give a positive number of milliseconds, or Infinity`,
  );
}
