/**
 * The key/value store as a replicated state machine: sessions in front of the store and the locks, all in the snapshot;
 * and beside it what has happened lately, for those who watch.
 *
 * @module
 */
import { mixWord } from "../raft/encoding/mix.ts";
import type { ApplyContext, CommandCodec, SnapshotSource, StateMachine } from "../raft/rsm/state_machine.ts";
import { commandCodec, type KvCommand, type WriteCommand } from "./commands.ts";
import { type LockOptions, LockTable } from "./locks.ts";
import type { Operation } from "./operations.ts";
import { packOutcome, type WriteOutcome } from "./outcomes.ts";
import { type LeaseOptions, LeaseTable } from "./leases.ts";
import { leasesOf, leaseState } from "./lease_queries.ts";
import { countOf, pageOf, type WideAnswer, type WideQuery } from "./queries.ts";
import { type SessionOptions, type SessionOutcome, SessionTable } from "./sessions.ts";
import { type FrozenState, readSnapshot, snapshotSlices, type ThawedState } from "./snapshot.ts";
import { type ReadResult, Store, type StoreOptions } from "./store.ts";
import { transact, writeKey } from "./transaction.ts";
import type { WritesCommand } from "./write_batch.ts";
import {
  WatchHistory,
  type WatchHistoryOptions,
  type WatchPosition,
  type WatchReading,
  type WatchSelection,
} from "./watch_history.ts";

/** What a command came to. */
export type KvResult =
  /** The session is open under this id. */
  | { readonly kind: "sessionOpened"; readonly sessionId: number }
  /** What each of the writes came to. */
  | { readonly kind: "writes"; readonly outcomes: readonly SessionOutcome[] }
  | SessionOutcome;

/** Asks for one key. */
export interface GetQuery {
  /** Discriminates the union. */
  readonly kind: "get";
  /** The key. */
  readonly key: string;
}

/** Asks for many keys, each by itself: they are read at one moment, which nobody should rely on. */
export interface ReadsQuery {
  /** Discriminates the union. */
  readonly kind: "reads";
  /** The keys. */
  readonly keys: readonly string[];
}

/** The answer to a {@link ReadsQuery}. */
export interface ReadsAnswer {
  /** Discriminates the union. */
  readonly kind: "reads";
  /** One for each key. */
  readonly results: readonly ReadResult[];
}

/** Asks what has happened to keys. */
export interface WatchQuery {
  /** Discriminates the union. */
  readonly kind: "watch";
  /** Which keys. */
  readonly selection: WatchSelection;
  /** From where on; null for what is still to come, of which the answer tells the position. */
  readonly from: WatchPosition | null;
  /** Bytes wanted at the most, exceeded only by a single change. */
  readonly maxBytes: number;
}

/** A question that changes nothing. */
export type KvQuery = GetQuery | ReadsQuery | WideQuery | WatchQuery;

/** The answer to a {@link KvQuery}: to a get what was read, which has no `kind`, and otherwise what its kind says. */
export type KvAnswer = ReadResult | ReadsAnswer | WideAnswer | WatchReading;

/** Figures about the state, for `status`. */
export interface KvFigures {
  /** Number of keys. */
  readonly keys: number;
  /** Bytes of all keys and values. */
  readonly storeBytes: number;
  /** Number of client sessions. */
  readonly sessions: number;
  /** Equal on replicas that have applied the same commands; see `Store.hash`. */
  readonly hash: string;
}

/** Settings of a {@link KvStateMachine}; other than the defaults only in tests. */
export type KvMachineOptions = StoreOptions & SessionOptions & LockOptions & LeaseOptions & WatchHistoryOptions;

/**
 * Keys that are looked at at each checkpoint, of 256 entries: of a store with up to 192 of them each is looked at within 1,000
 * entries. And bytes of their values, so that it takes a tenth of a millisecond unless a value is larger than that.
 */
const scrubEntries = 64;
const scrubBytes = 64 * 1024;

/** See the module. */
export class KvStateMachine implements StateMachine<KvCommand, KvResult, KvQuery, KvAnswer> {
  /** See `commands.ts`. */
  readonly commandCodec: CommandCodec<KvCommand> = commandCodec;
  /** What has happened to keys lately. No part of the state: another node's may reach further back. */
  readonly history: WatchHistory;
  /** Called behind commands and restores as long as there are leases: for whoever sees to it that they end. */
  onLeases: (() => void) | null = null;
  readonly #options: KvMachineOptions;
  #store: Store;
  #sessions: SessionTable;
  #locks: LockTable;
  #leases: LeaseTable;
  /** Cluster time of the last command; 0 before the first. */
  #clusterTimeMs = 0;

  /** `options` differ from the defaults only in tests: they are part of what every replica must agree on. */
  constructor(options: KvMachineOptions = {}) {
    this.#options = options;
    this.history = new WatchHistory(options);
    this.#store = new Store(options);
    this.#store.changes = this.history;
    this.#sessions = new SessionTable(options);
    this.#locks = new LockTable(options);
    this.#leases = new LeaseTable(options);
  }

  /** Executes a command. */
  apply(command: KvCommand, context: ApplyContext): KvResult {
    this.#clusterTimeMs = context.clusterTimeMs;
    this.#sessions.expire(context.clusterTimeMs);
    this.history.begin(context.index);
    const result = this.#apply(command, context);
    this.history.end();
    if (this.#leases.size > 0) this.onLeases?.();
    return result;
  }

  #apply(command: KvCommand, context: ApplyContext): KvResult {
    switch (command.kind) {
      case "openSession":
        this.#sessions.open(context.index, context.clusterTimeMs);
        return { kind: "sessionOpened", sessionId: context.index };
      case "write":
        return this.#write(command, context);
      case "writes":
        return { kind: "writes", outcomes: this.#writeAll(command, context) };
      case "sessionlessWrite":
        return this.#execute(command.operation, context);
      case "expireLeases":
        return this.#deleteAll(this.#leases.expire(context.clusterTimeMs));
    }
  }

  /**
   * A digest of keys, values, types and versions. Sessions and locks are not in it: they show in results. Looks at some
   * values each time whether they are what was written; throws if one is not.
   */
  digest(): number {
    this.#store.scrub(scrubEntries, scrubBytes);
    return this.#store.digest();
  }

  /** One number has all there is to an outcome; see `outcomes.ts`, which uses none of the three here. */
  digestOfResult(result: KvResult): number {
    switch (result.kind) {
      case "sessionOpened":
        return result.sessionId;
      case "writes":
        return result.outcomes.reduce((digest, outcome) => mixWord(digest, this.digestOfResult(outcome)), 0);
      case "sessionExpired":
        return -1;
      case "staleSerial":
        return -2;
      case "tooManyOutstanding":
        return -3;
      default:
        return packOutcome(result);
    }
  }

  /** Answers from the state as it is. */
  query(query: GetQuery): ReadResult;
  query(query: WatchQuery): WatchReading;
  query(query: GetQuery | ReadsQuery | WideQuery): ReadResult | ReadsAnswer | WideAnswer;
  query(query: KvQuery): KvAnswer;
  query(query: KvQuery): KvAnswer {
    switch (query.kind) {
      case "get":
        return this.#store.read(query.key);
      case "reads":
        return { kind: "reads", results: query.keys.map((key) => this.#store.read(key)) };
      case "range":
        return pageOf(this.#store.entries, query);
      case "count":
        return countOf(this.#store.entries, query);
      case "watch": {
        const { selection, from, maxBytes } = query;
        return this.history.read(selection, from ?? { index: this.history.index + 1, offset: 0 }, maxBytes);
      }
      case "lease": {
        const nowMs = Math.max(this.#clusterTimeMs, query.nowMs);
        const lease = this.#leases.alive(query.lease, nowMs);
        return { kind: "lease", lease: lease === null ? null : leaseState(lease, nowMs) };
      }
      case "leases":
        return leasesOf(this.#leases, query, this.#clusterTimeMs);
      case "lock": {
        const lock = this.#locks.held(query.name, this.#clusterTimeMs);
        const remainingMs = lock === null
          ? 0
          : lock.expiresAtMs - Math.max(this.#clusterTimeMs, lock.expiresAtMs - lock.leaseMs);
        return { kind: "lock", token: lock?.token ?? 0, remainingMs };
      }
    }
  }

  /** A view of the state as it is: O(1) for the keys, a few milliseconds for 200,000 sessions. */
  snapshot(): SnapshotSource {
    let frozen: FrozenState | null = this.freeze(this.#clusterTimeMs);
    return {
      async *chunks() {
        if (frozen !== null) yield* snapshotSlices(frozen);
      },
      release() {
        frozen = null;
      },
    };
  }

  /**
   * The state as it is, for `snapshotSlices`; locks whose lease has ended by `clusterTimeMs` are left out.
   *
   * @internal
   */
  freeze(clusterTimeMs: number): FrozenState {
    return {
      entries: this.#store.view(),
      sessions: this.#sessions.freeze(),
      locks: this.#locks.freeze(clusterTimeMs),
      leases: this.#leases.freeze(),
      sessionCount: this.#sessions.size,
      hash: this.#store.hash(),
      index: this.history.index,
      clusterTimeMs,
    };
  }

  /** Replaces the state; leaves it as it was if the snapshot is not correct, and throws. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.adopt(await readSnapshot(chunks, this.#options));
  }

  /**
   * Replaces the state by one that a `SnapshotReader` has read.
   *
   * @internal
   */
  adopt({ store, sessions, locks, leases, index, clusterTimeMs }: ThawedState): void {
    this.#store = store;
    this.#store.changes = this.history;
    this.#sessions = sessions;
    this.#locks = locks;
    this.#leases = leases;
    this.#clusterTimeMs = clusterTimeMs;
    this.history.restart(index);
    if (leases.size > 0) this.onLeases?.();
  }

  /** The first time, in milliseconds of cluster time, at which a lease ends; Infinity if there is none. */
  nextLeaseEndMs(nowMs: number): number {
    return this.#leases.nextEndMs(nowMs);
  }

  /** Figures for `status`. */
  figures(): KvFigures {
    const store = this.#store;
    return { keys: store.size, storeBytes: store.bytes, sessions: this.#sessions.size, hash: store.hash() };
  }

  #write(command: WriteCommand, context: ApplyContext): SessionOutcome {
    const { sessionId, serialNumber, lowestOutstanding } = command;
    const answer = this.#sessions.admit(sessionId, serialNumber, lowestOutstanding, context.clusterTimeMs);
    if (answer !== null) return answer;
    const outcome = this.#execute(command.operation, context);
    this.#sessions.keep(sessionId, serialNumber, outcome);
    return outcome;
  }

  #writeAll(command: WritesCommand, context: ApplyContext): SessionOutcome[] {
    const { sessionId, firstSerial, lowestOutstanding, operations } = command;
    const outcomes: SessionOutcome[] = [];
    let serialNumber = firstSerial;
    for (const operation of operations) {
      const answer = this.#sessions.admit(sessionId, serialNumber, lowestOutstanding, context.clusterTimeMs);
      if (answer === null) {
        const outcome = this.#execute(operation, context);
        this.#sessions.keep(sessionId, serialNumber, outcome);
        outcomes.push(outcome);
      } else outcomes.push(answer);
      serialNumber++;
    }
    return outcomes;
  }

  #execute(operation: Operation, { index, clusterTimeMs }: ApplyContext): WriteOutcome {
    const [store, leases] = [this.#store, this.#leases];
    switch (operation.kind) {
      case "put":
      case "append":
      case "delete":
      case "increment":
      case "putIfVersion":
      case "putWithLease":
        return writeKey({ store, leases }, operation, clusterTimeMs);
      case "deletePrefix":
        return store.deletePrefix(operation.prefix, operation.limit, (key) => leases.tie(key, 0));
      case "transaction":
        return transact({ store, leases }, operation, clusterTimeMs);
      case "acquireLock":
        return this.#locks.acquire(operation.name, operation.leaseMs, index, clusterTimeMs);
      case "renewLock":
        return this.#locks.renew(operation.name, operation.token, clusterTimeMs);
      case "releaseLock":
        return this.#locks.release(operation.name, operation.token, clusterTimeMs);
      case "grantLease":
        return leases.grant(index, operation.ttlMs, clusterTimeMs)
          ? { kind: "done", number: index }
          : { kind: "storeFull" };
      case "keepLeaseAlive":
        return leases.keepAlive(operation.lease, clusterTimeMs)
          ? { kind: "done", number: 0 }
          : { kind: "unknownLease" };
      case "revokeLease": {
        const keys = leases.revoke(operation.lease, clusterTimeMs);
        return keys === null ? { kind: "unknownLease" } : this.#deleteAll(keys);
      }
    }
  }

  /** Deletes the keys of leases that are gone. */
  #deleteAll(keys: readonly string[]): WriteOutcome {
    for (const key of keys) this.#store.delete(key);
    return { kind: "done", number: keys.length };
  }
}
