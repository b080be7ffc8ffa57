/**
 * The client of the key/value store.
 *
 * @module
 */
import { type Clock, realClock } from "../raft/node/clock.ts";
import { type Random, realRandom } from "../raft/node/random.ts";
import { realPlatform } from "../raft/open.ts";
import type { Network } from "../raft/wire/network.ts";
import { ClerkCaller } from "./clerk_caller.ts";
import { ClerkEngine } from "./clerk_engine.ts";
import type {
  AcquireResult,
  CallOptions,
  ClerkOptions,
  CountOptions,
  GetOptions,
  KeyAndVersion,
  LeaseOptions,
  LockState,
  Page,
  PutIfVersionResult,
  PutOptions,
  RangeEntry,
  RangeOptions,
  Transaction,
} from "./clerk_options.ts";
import { checkedTimeout, comparisonOf, selectionOf } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { HeldLease } from "./lease.ts";
import type { LeaseState } from "./lease_queries.ts";
import { clerkWatchBytes, deletedKeysPerCommand, maxPageLeases } from "./limits.ts";
import { askStatus } from "./clerk_status.ts";
import type { KvStatus } from "./status.ts";
import type { ReadResult } from "./store.ts";
import type { Value } from "./values.ts";
import { Watch, type WatchOptions, type WatchSource, type WatchTarget } from "./watch.ts";
import { WatchFeed } from "./watch_feed.ts";
import { readWatched } from "./watch_state.ts";

export type { CallOptions, ClerkOptions, GetOptions, PutIfVersionResult } from "./clerk_options.ts";

const defaultAttemptTimeoutMs = 2000;

const defaultTtlMs = 10_000;

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
  /** The time that this Clerk goes by. */
  readonly clock: Clock;
  /** Where this Clerk's randomness comes from. */
  readonly random: Random;
  readonly #engine: ClerkEngine;
  readonly #feed: WatchFeed;
  readonly #network: Network;
  readonly #clusterId: string;
  readonly #timeoutMs: number;
  readonly #attemptTimeoutMs: number;
  readonly #caller: ClerkCaller;
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
    this.clock = options.clock ?? realClock;
    this.random = options.random ?? realRandom;
    this.#clusterId = options.clusterId ?? "";
    this.#timeoutMs = checkedTimeout(options.timeoutMs ?? Infinity);
    this.#attemptTimeoutMs = checkedTimeout(options.attemptTimeoutMs ?? defaultAttemptTimeoutMs);
    const means = {
      addresses: [...addresses],
      clusterId: this.#clusterId,
      network: this.#network,
      connect: options.connect,
      clock: this.clock,
      random: this.random,
      connectTimeoutMs: this.#attemptTimeoutMs,
      attemptTimeoutMs: this.#attemptTimeoutMs,
      onWaiting: options.onWaiting,
    };
    this.#engine = new ClerkEngine(means);
    const hasSessions = options.sessions ?? true;
    this.#caller = new ClerkCaller({ engine: this.#engine, timeoutMs: this.#timeoutMs, hasSessions });
    this.#feed = new WatchFeed(means);
    this.#signal = options.signal;
    if (this.#signal?.aborted) this.#onSignal();
    this.#signal?.addEventListener("abort", this.#onSignal, { once: true });
  }

  /** Replaces the value of a key. Fails with "unknownLease" if it is to be tied to a lease that is not there. */
  put(key: string, value: Value, options: PutOptions = {}): Promise<void> {
    const { lease } = options;
    if (lease !== undefined) return this.#caller.run({ kind: "putWithLease", key, value, lease }, options);
    return this.#caller.run({ kind: "put", key, value }, options);
  }

  /** Adds to the end of a key's value; a missing key counts as empty. Text and bytes do not mix: "wrongType". */
  append(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    return this.#caller.run({ kind: "append", key, value }, options);
  }

  /**
   * Replaces the value of a key if its version is `version`; 0 stands for a key that is missing, which is then made. With
   * a session the write runs exactly once however often it had to be sent, and "maybe" is answered only when the truth
   * cannot be known: the call timed out, or was aborted or closed after it was sent, or its session has expired.
   *
   * @example Counting without losing a count
   * ```ts
   * import { Clerk, KvServer } from "@balsa/balsa";
   *
   * const dataDir = await Deno.makeTempDir();
   * await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
   * await using clerk = new Clerk([server.address]);
   *
   * async function increment(): Promise<number> {
   *   for (;;) {
   *     const { value, version } = await clerk.getWithVersion("count");
   *     const next = Number(value) + 1;
   *     const { kind } = await clerk.putIfVersion("count", String(next), version);
   *     if (kind === "ok") return next;
   *     if (kind === "maybe") throw new Error("the count may have gone up");
   *   }
   * }
   * await Promise.all([increment(), increment(), increment()]);
   * console.log(await clerk.getWithVersion("count")); // { value: "3", version: 3 }
   * ```
   */
  putIfVersion(key: string, value: Value, version: number, options: CallOptions = {}): Promise<PutIfVersionResult> {
    return new Promise((resolve, reject) => {
      this.#caller.write({ kind: "putIfVersion", key, value, version }, options, (outcome) => {
        if (outcome.kind === "number") resolve({ kind: "ok", version: outcome.number });
        else if (outcome.kind === "versionMismatch" || outcome.kind === "noKey") resolve(outcome);
        else if (outcome.kind === "failed" && outcome.error.code === "unknown") resolve({ kind: "maybe" });
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** Takes a key away; says whether it was there. A key made anew begins with version 1 again. */
  async delete(key: string, options: CallOptions = {}): Promise<boolean> {
    return await this.#caller.number({ kind: "delete", key }, options) === 1;
  }

  /**
   * Takes away all keys that begin with `prefix`, and says how many they were. Done in steps of 1,000 keys, each of them at
   * once and exactly once; others may read and write between two steps. If it fails, some keys may be gone and others not.
   */
  async deletePrefix(prefix: string, options: CallOptions = {}): Promise<number> {
    const limit = deletedKeysPerCommand;
    for (let total = 0;;) {
      const deleted = await this.#caller.number({ kind: "deletePrefix", prefix, limit }, options);
      total += deleted;
      if (deleted < limit) return total;
    }
  }

  /**
   * Adds to the whole number that a key's text is, and returns the sum; a missing key counts as 0. Fails with "notANumber"
   * if it is none, and with "outOfRange" if the sum would be beyond plus or minus 2^48.
   */
  increment(key: string, by = 1, options: CallOptions = {}): Promise<number> {
    return this.#caller.number({ kind: "increment", key, by }, options);
  }

  /**
   * Replaces a key's value if it is `expected`, null standing for a missing key; says whether it did. Unlike
   * {@link putIfVersion} it does not notice a value that was changed and changed back.
   */
  compareAndSet(key: string, expected: Value | null, value: Value, options: CallOptions = {}): Promise<boolean> {
    const comparison = expected === null ? { key, absent: true as const } : { key, value: expected };
    return this.transaction({ compare: [comparison], then: [{ kind: "put", key, value }] }, options);
  }

  /**
   * Compares, then does one list of writes or the other: all at once, or nothing if one of them is refused. Says whether
   * the comparisons held. Fails with what would have kept a write from being done, "wrongType" for instance.
   *
   * @example Moving a coin from one account to another, if it is there
   * ```ts
   * import { Clerk, KvServer } from "@balsa/balsa";
   *
   * const dataDir = await Deno.makeTempDir();
   * await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
   * await using clerk = new Clerk([server.address]);
   *
   * await clerk.put("alice", "1");
   * const move = {
   *   compare: [{ key: "alice", value: "1" }],
   *   then: [{ kind: "increment", key: "alice", by: -1 }, { kind: "increment", key: "bob", by: 1 }],
   * } as const;
   * console.log(await clerk.transaction(move)); // true
   * console.log(await clerk.transaction(move)); // false
   * console.log(await clerk.get("alice"), await clerk.get("bob")); // 0 1
   * ```
   */
  async transaction(transaction: Transaction, options: CallOptions = {}): Promise<boolean> {
    const { compare = [], then = [], else: otherwise = [] } = transaction;
    const comparisons = compare.map(comparisonOf);
    return await this.#caller.number({ kind: "transaction", comparisons, then, else: otherwise }, options) === 1;
  }

  /**
   * Keys with their values and versions, a page at a time: see {@link RangeOptions}. A page is a view of one moment; the
   * next one may be of a later moment, which its `index` shows. Keys are ordered by their UTF-16 code units.
   */
  async range(options: RangeOptions = {}): Promise<Page<RangeEntry>> {
    const { entries, cursor, index } = await this.#caller.page(options, false);
    return { entries: entries.map(({ key, version, value }) => ({ key, value: value ?? "", version })), cursor, index };
  }

  /** Like {@link range}, without the values. */
  async keys(options: RangeOptions = {}): Promise<Page<KeyAndVersion>> {
    const { entries, cursor, index } = await this.#caller.page(options, true);
    return { entries: entries.map(({ key, version }) => ({ key, version })), cursor, index };
  }

  /** All pages of a {@link range}, entry by entry; `limit` is the size of a page. */
  async *scan(options: RangeOptions = {}): AsyncIterableIterator<RangeEntry> {
    for (let cursor = options.cursor ?? null;;) {
      const page = await this.range({ ...options, cursor });
      yield* page.entries;
      if (page.cursor === null) return;
      cursor = page.cursor;
    }
  }

  /** How many keys there are. */
  async count(options: CountOptions = {}): Promise<number> {
    const { answer } = await this.#caller.query({ kind: "count", ...selectionOf(options) }, options);
    return answer.kind === "count" ? answer.count : 0;
  }

  /**
   * Watches a key, or all keys with a prefix: tells what happens to them, one change after the other, in the order of the
   * log, without gaps and without repetition, whatever becomes of connections and leaders. It asks for more only when all
   * has been taken, so that one who is slow holds nobody up; one who is so slow that what happened next is forgotten (a
   * server remembers 65,536 changes or 32 MiB, and none from before the snapshot it was last started or brought up to date
   * from) gets a `CompactedError`, or a snapshot if that is asked for.
   *
   * The iteration ends when it is left, when the signal is aborted (with "aborted") or the Clerk closed (with "closed").
   * What happens before `started` resolves may be missed.
   *
   * @example A copy of some keys that follows them
   * ```ts
   * import { Clerk, KvServer, type Value } from "@balsa/balsa";
   *
   * const dataDir = await Deno.makeTempDir();
   * await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
   * await using clerk = new Clerk([server.address]);
   *
   * await clerk.put("jobs/1", "sort");
   * const jobs = new Map<string, Value>();
   * await using watch = clerk.watch({ prefix: "jobs/" }, { snapshot: "first" });
   * await watch.started;
   * await clerk.put("jobs/2", "search");
   * await clerk.delete("jobs/1");
   * for await (const event of watch) {
   *   if (event.kind === "snapshot") {
   *     jobs.clear();
   *     for (const { key, value } of event.entries) jobs.set(key, value);
   *   } else if (event.kind === "put") jobs.set(event.key, event.value);
   *   else jobs.delete(event.key);
   *   console.log(event.kind, [...jobs.keys()]);
   *   if (event.kind === "delete") break;
   * }
   * ```
   */
  watch(target: WatchTarget, options: WatchOptions = {}): Watch {
    const feed = this.#feed;
    const range = (query: RangeOptions): Promise<Page<RangeEntry>> => this.range({ ...query, timeoutMs: Infinity });
    const source: WatchSource = {
      ask: (selection, from, waitMs, signal) =>
        feed.poll({ kind: "watch", selection, from, waitMs, maxBytes: clerkWatchBytes }, signal),
      readAll: (selection, signal) => readWatched(feed, range, selection, signal),
    };
    return new Watch(source, target, options);
  }

  /**
   * Tries once to take the lock `name` for `leaseMs` of cluster time: what `Lock` is built on, which does this until it
   * succeeds, and renews the lease. When this fails with "unknown" the lock may be held under a token that nobody knows,
   * until the lease ends.
   */
  acquireLock(name: string, leaseMs: number, options: CallOptions = {}): Promise<AcquireResult> {
    return new Promise((resolve, reject) => {
      this.#caller.write({ kind: "acquireLock", name, leaseMs }, options, (outcome) => {
        if (outcome.kind === "number") resolve({ kind: "acquired", token: outcome.number });
        else if (outcome.kind === "lockHeld") resolve({ kind: "held", remainingMs: outcome.remainingMs });
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** Begins a lock's lease anew; false if it is not, or not any more, held under this token. */
  renewLock(name: string, token: number, options: CallOptions = {}): Promise<boolean> {
    return this.#caller.ifHeld({ kind: "renewLock", name, token }, options);
  }

  /** Gives a lock up; false if it is not, or not any more, held under this token. */
  releaseLock(name: string, token: number, options: CallOptions = {}): Promise<boolean> {
    return this.#caller.ifHeld({ kind: "releaseLock", name, token }, options);
  }

  /** How the lock `name` is. */
  async lockState(name: string, options: GetOptions = {}): Promise<LockState> {
    const { answer } = await this.#caller.query({ kind: "lock", name }, options);
    return answer.kind === "lock"
      ? { token: answer.token, remainingMs: answer.remainingMs }
      : { token: 0, remainingMs: 0 };
  }

  /**
   * Grants a lease of `ttlMs` (100 to 2,678,400,000) of cluster time and returns its id. Keys that are put with it are
   * deleted, all at once, when it has not been kept alive for that long, or is revoked. Somebody has to keep it alive:
   * {@link lease} does so by itself.
   */
  grantLease(ttlMs: number, options: CallOptions = {}): Promise<number> {
    return this.#caller.number({ kind: "grantLease", ttlMs }, options);
  }

  /** Begins a lease's time anew. Fails with "unknownLease" if it is not there, or not any more. */
  keepLeaseAlive(lease: number, options: CallOptions = {}): Promise<void> {
    return this.#caller.run({ kind: "keepLeaseAlive", lease }, options);
  }

  /** Ends a lease, deletes its keys and says how many they were. Fails with "unknownLease" if it is not there. */
  revokeLease(lease: number, options: CallOptions = {}): Promise<number> {
    return this.#caller.number({ kind: "revokeLease", lease }, options);
  }

  /** How a lease is; null if it is not there, or not any more. */
  async timeToLive(lease: number, options: GetOptions = {}): Promise<LeaseState | null> {
    const { answer } = await this.#caller.query({ kind: "lease", lease, nowMs: 0 }, options);
    return answer.kind === "lease" ? answer.lease : null;
  }

  /** All leases there are, in the order in which they were granted. */
  async *leases(options: GetOptions = {}): AsyncIterableIterator<LeaseState> {
    for (let after = 0;;) {
      const { answer } = await this.#caller.query({ kind: "leases", after, limit: maxPageLeases, nowMs: 0 }, options);
      if (answer.kind !== "leases") return;
      yield* answer.leases;
      if (answer.leases.length < maxPageLeases) return;
      after = answer.leases.at(-1)?.id ?? after;
    }
  }

  /**
   * Grants a lease and keeps it alive in the background until it is released; its `signal` is aborted if it is lost.
   *
   * @example A key that is there as long as this program lives
   * ```ts
   * import { Clerk, KvServer } from "@balsa/balsa";
   *
   * const dataDir = await Deno.makeTempDir();
   * await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
   * await using clerk = new Clerk([server.address]);
   * {
   *   await using lease = await clerk.lease({ ttlMs: 5000 });
   *   await clerk.put("members/n1", "here", { lease: lease.id });
   *   console.log(await clerk.count({ prefix: "members/" })); // 1
   * } // Released here; if the program dies, the key goes within five seconds.
   * console.log(await clerk.count({ prefix: "members/" })); // 0
   * ```
   */
  async lease(options: LeaseOptions = {}): Promise<HeldLease> {
    const { ttlMs = defaultTtlMs, ...limits } = options;
    const sentAtMs = this.clock.monotonicMs();
    return new HeldLease(this, await this.grantLease(ttlMs, limits), ttlMs, sentAtMs);
  }

  /** The value of a key, whatever its type, and its version; "" and 0 if it is missing. Same as {@link getValue}. */
  getWithVersion(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.getValue(key, options);
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
    return this.#caller.read(key, options);
  }

  /** How the server at `address` is; it need not be one that the Clerk was given. Fails with "timeout" if none answers. */
  async status(address: string, options: CallOptions = {}): Promise<KvStatus> {
    const { timeoutMs = Math.min(this.#timeoutMs, this.#attemptTimeoutMs), signal } = options;
    const ask = { network: this.#network, clock: this.clock, clusterId: this.#clusterId, timeoutMs };
    try {
      return await askStatus(address, { ...ask, signal: anyOf(this.#closing.signal, signal) });
    } catch (error) {
      const code = this.#closing.signal.aborted ? "closed" : signal?.aborted ? "aborted" : "timeout";
      const text = error instanceof Error ? error.message : String(error);
      throw new ClerkError(code, `Cannot get the status of ${address}: ${text}`, { cause: error });
    }
  }

  /** Ends all calls and closes all connections. Writes that were under way fail with "unknown". */
  async close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onSignal);
    this.#closing.abort(new Error("the Clerk was closed"));
    await Promise.all([this.#engine.close(), this.#feed.close()]);
  }

  /** Same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function anyOf(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}
