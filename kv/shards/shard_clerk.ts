/**
 * The client of a sharded store: a `Clerk` for all groups.
 *
 * Each shard that is written to or read from has a Clerk of its own, with a session at that shard. The session moves with
 * the shard, so a call that is under way while its shard moves is executed exactly once, wherever that is.
 *
 * @module
 */
import { type Clock, realClock } from "../../raft/node/clock.ts";
import { type Random, realRandom } from "../../raft/node/random.ts";
import { realPlatform } from "../../raft/open.ts";
import { Clerk } from "../clerk.ts";
import {
  type AcquireResult,
  type CallOptions,
  type ClerkOptions,
  type CountOptions,
  type GetOptions,
  type KeyAndVersion,
  type LockState,
  type Page,
  type PutIfVersionResult,
  type RangeEntry,
  type RangeOptions,
  sharedTime,
  type Transaction,
} from "../clerk_options.ts";
import { ClerkError } from "../errors.ts";
import { defaultPageKeys } from "../limits.ts";
import type { KvStatus } from "../status.ts";
import type { ReadResult } from "../store.ts";
import type { Value } from "../values.ts";
import { Connections } from "./connections.ts";
import { ConfigurationReader } from "./controller.ts";
import { limitPerShard, mergedPage } from "./merged_pages.ts";
import { type ShardConfiguration, shardOf } from "./shard_config.ts";
import { ShardRouter } from "./shard_router.ts";

const defaultAttemptTimeoutMs = 2_000;

/** What both kinds of Clerk can do, with the same types. */
export type SharedCalls = Pick<
  Clerk,
  | ("put" | "append" | "putIfVersion" | "delete" | "increment" | "compareAndSet" | "transaction" | "deletePrefix")
  | ("get" | "getBytes" | "getValue" | "getWithVersion" | "range" | "keys" | "scan" | "count")
  | ("acquireLock" | "renewLock" | "releaseLock" | "lockState" | "status" | "close" | "clock" | "random")
>;

/** Shards that one call asks at a time. */
const shardsAtOnce = 32;

/**
 * Talks to all groups of a sharded store, with the calls of a `Clerk`. Calls for one key are linearizable, and each write
 * is executed exactly once, also while its shard moves from one group to another.
 *
 * What concerns more than one shard is put together from what each of them says: `range`, `keys`, `scan`, `count` and
 * `deletePrefix` see each shard at one moment, between call and answer, but not all of them at the same. The `index` of a
 * page is the number of commands that all shards have executed: of two pages read one after the other, equal ones show
 * that nothing has changed between them. A transaction must stay within a shard: it fails with "crossShard" otherwise.
 */
export class ShardClerk implements SharedCalls, AsyncDisposable {
  /** The time that this Clerk goes by. */
  readonly clock: Clock;
  /** Where this Clerk's randomness comes from. */
  readonly random: Random;
  readonly #options: ClerkOptions;
  readonly #configurations: ConfigurationReader;
  readonly #connections: Connections;
  readonly #router: ShardRouter;
  readonly #controllerClerk: Clerk;
  readonly #clerks = new Map<number, Clerk>();
  readonly #signal: AbortSignal | undefined;
  readonly #onSignal = (): void => void this.close();
  #isClosed = false;

  /** `controllers` are the servers of the controller, `HOST:PORT`. Nothing is dialled before a call. */
  constructor(controllers: readonly string[], options: ClerkOptions = {}) {
    const { network = realPlatform.network, clock = realClock, random = realRandom, signal, ...rest } = options;
    const { attemptTimeoutMs = defaultAttemptTimeoutMs } = options;
    const ports = { network, clock, random };
    this.clock = clock;
    this.random = random;
    this.#options = { ...rest, ...ports };
    this.#configurations = new ConfigurationReader(controllers, { ...rest, ...ports });
    this.#controllerClerk = new Clerk(controllers, { ...ports, attemptTimeoutMs, sessions: false });
    this.#connections = new Connections({ network, clock, connectTimeoutMs: attemptTimeoutMs });
    const [configurations, connections] = [this.#configurations, this.#connections];
    this.#router = new ShardRouter({ configurations, connections, clock, refreshTimeoutMs: attemptTimeoutMs });
    this.#signal = signal;
    if (signal?.aborted) this.#onSignal();
    signal?.addEventListener("abort", this.#onSignal, { once: true });
  }

  /** The newest configuration. */
  configuration(options: CallOptions = {}): Promise<ShardConfiguration> {
    return this.#router.latest(options);
  }

  /** See `Clerk.put`. */
  put(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    return this.#at(key, options, (clerk, rest) => clerk.put(key, value, rest));
  }

  /** See `Clerk.append`. */
  append(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    return this.#at(key, options, (clerk, rest) => clerk.append(key, value, rest));
  }

  /** See `Clerk.putIfVersion`. */
  putIfVersion(key: string, value: Value, version: number, options: CallOptions = {}): Promise<PutIfVersionResult> {
    return this.#at(key, options, (clerk, rest) => clerk.putIfVersion(key, value, version, rest));
  }

  /** See `Clerk.delete`. */
  delete(key: string, options: CallOptions = {}): Promise<boolean> {
    return this.#at(key, options, (clerk, rest) => clerk.delete(key, rest));
  }

  /** See `Clerk.increment`. */
  increment(key: string, by = 1, options: CallOptions = {}): Promise<number> {
    return this.#at(key, options, (clerk, rest) => clerk.increment(key, by, rest));
  }

  /** See `Clerk.compareAndSet`. */
  compareAndSet(key: string, expected: Value | null, value: Value, options: CallOptions = {}): Promise<boolean> {
    return this.#at(key, options, (clerk, rest) => clerk.compareAndSet(key, expected, value, rest));
  }

  /** See `Clerk.transaction`. Fails with "crossShard" unless all keys belong to one shard. */
  async transaction(transaction: Transaction, options: CallOptions = {}): Promise<boolean> {
    const { compare = [], then = [], else: otherwise = [] } = transaction;
    const keys = [...compare, ...then, ...otherwise].map(({ key }) => key);
    const { shardCount, rest } = await this.#ready(options);
    const shards = new Set(keys.map((key) => shardOf(key, shardCount)));
    if (shards.size > 1) {
      throw new ClerkError(
        "crossShard",
        `Cannot run the transaction: its keys belong to ${shards.size} shards; use keys of one`,
      );
    }
    const [shard = 0] = shards;
    return await this.#clerk(shard).transaction(transaction, rest);
  }

  /** See `Clerk.acquireLock`. Tokens grow for each name; those of different names need not. */
  acquireLock(name: string, leaseMs: number, options: CallOptions = {}): Promise<AcquireResult> {
    return this.#at(name, options, (clerk, rest) => clerk.acquireLock(name, leaseMs, rest));
  }

  /** See `Clerk.renewLock`. */
  renewLock(name: string, token: number, options: CallOptions = {}): Promise<boolean> {
    return this.#at(name, options, (clerk, rest) => clerk.renewLock(name, token, rest));
  }

  /** See `Clerk.releaseLock`. */
  releaseLock(name: string, token: number, options: CallOptions = {}): Promise<boolean> {
    return this.#at(name, options, (clerk, rest) => clerk.releaseLock(name, token, rest));
  }

  /** See `Clerk.lockState`. */
  lockState(name: string, options: GetOptions = {}): Promise<LockState> {
    return this.#at(name, options, (clerk, rest) => clerk.lockState(name, rest));
  }

  /** See `Clerk.get`. */
  get(key: string, options: GetOptions = {}): Promise<string> {
    return this.#at(key, options, (clerk, rest) => clerk.get(key, rest));
  }

  /** See `Clerk.getBytes`. */
  getBytes(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    return this.#at(key, options, (clerk, rest) => clerk.getBytes(key, rest));
  }

  /** See `Clerk.getValue`. */
  getValue(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.#at(key, options, (clerk, rest) => clerk.getValue(key, rest));
  }

  /** Same as {@link getValue}. */
  getWithVersion(key: string, options: GetOptions = {}): Promise<ReadResult> {
    return this.getValue(key, options);
  }

  /** See `Clerk.range`, and the class about its consistency. A page may end before it is full. */
  range(options: RangeOptions = {}): Promise<Page<RangeEntry>> {
    return this.#page(options, (clerk, rest) => clerk.range(rest));
  }

  /** See `Clerk.keys`, and the class about its consistency. */
  keys(options: RangeOptions = {}): Promise<Page<KeyAndVersion>> {
    return this.#page(options, (clerk, rest) => clerk.keys(rest));
  }

  /** All pages of a {@link range}, entry by entry. */
  async *scan(options: RangeOptions = {}): AsyncIterableIterator<RangeEntry> {
    for (let cursor = options.cursor ?? null;;) {
      const page = await this.range({ ...options, cursor });
      yield* page.entries;
      if (page.cursor === null) return;
      cursor = page.cursor;
    }
  }

  /** See `Clerk.count`, and the class about its consistency. */
  async count(options: CountOptions = {}): Promise<number> {
    const counts = await this.#everywhere(options, (clerk, rest) => clerk.count(rest));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** See `Clerk.deletePrefix`; shard by shard. */
  async deletePrefix(prefix: string, options: CallOptions = {}): Promise<number> {
    const counts = await this.#everywhere(options, (clerk, rest) => clerk.deletePrefix(prefix, rest));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** See `Clerk.status`; of a server of the controller or of any group. */
  status(address: string, options: CallOptions = {}): Promise<KvStatus> {
    return this.#controllerClerk.status(address, options);
  }

  /** Ends all calls and closes all connections. Writes that were under way fail with "unknown". */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#signal?.removeEventListener("abort", this.#onSignal);
    const clerks = [...this.#clerks.values(), this.#controllerClerk].map((clerk) => clerk.close());
    await Promise.all([this.#configurations[Symbol.asyncDispose](), this.#connections.close(), ...clerks]);
  }

  /** Same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The Clerk of a shard. */
  #clerk(shard: number): Clerk {
    let clerk = this.#clerks.get(shard);
    if (clerk === undefined) {
      clerk = new Clerk([`shard ${shard}`], {
        ...this.#options,
        clusterId: "",
        connect: this.#router.connector(shard),
      });
      this.#clerks.set(shard, clerk);
      if (this.#isClosed) void clerk.close();
    }
    return clerk;
  }

  #at<Options extends CallOptions, Result>(
    key: string,
    options: Options,
    call: (clerk: Clerk, options: Options) => Promise<Result>,
  ): Promise<Result> {
    const shardCount = this.#router.configuration?.shards.length;
    if (shardCount !== undefined) return call(this.#clerk(shardOf(key, shardCount)), options);
    return this.#ready(options).then(({ shardCount, rest }) => call(this.#clerk(shardOf(key, shardCount)), rest));
  }

  /** The number of shards, once that is known, and the call's options with what is left of its time. */
  async #ready<Options extends CallOptions>(
    options: Options,
  ): Promise<{ readonly shardCount: number; readonly rest: Options }> {
    const known = this.#router.configuration?.shards.length;
    if (known !== undefined) return { shardCount: known, rest: options };
    const rest = sharedTime(options, this.clock, this.#options.timeoutMs);
    const { shards } = await this.#router.latest(rest);
    return { shardCount: shards.length, rest };
  }

  /** Asks all shards. */
  async #everywhere<Options extends CallOptions, Result>(
    options: Options,
    call: (clerk: Clerk, options: Options) => Promise<Result>,
  ): Promise<Result[]> {
    const { shardCount, rest } = await this.#ready(options);
    const results: Result[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let shard = next++; shard < shardCount; shard = next++) {
        results[shard] = await call(this.#clerk(shard), rest);
      }
    };
    await Promise.all(Array.from({ length: shardsAtOnce }, work));
    return results;
  }

  async #page<Entry extends KeyAndVersion>(
    options: RangeOptions,
    call: (clerk: Clerk, options: RangeOptions) => Promise<Page<Entry>>,
  ): Promise<Page<Entry>> {
    const { limit = defaultPageKeys, reverse = false } = options;
    const { shardCount, rest } = await this.#ready(options);
    const pages = await this.#everywhere({ ...rest, limit: limitPerShard(limit, shardCount) }, call);
    return mergedPage(pages, limit, reverse);
  }
}
