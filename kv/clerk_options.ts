/**
 * What a Clerk is told, and what it tells.
 *
 * @module
 */
import type { Clock } from "../raft/node/clock.ts";
import type { Random } from "../raft/node/random.ts";
import type { Consistency } from "../raft/rsm/rsm.ts";
import type { Network } from "../raft/wire/network.ts";
import type { ClerkWaiting } from "./clerk_engine.ts";
import type { ConnectClerk } from "./clerk_link.ts";
import { ClerkError } from "./errors.ts";
import type { Comparison, KeyWrite } from "./operations.ts";
import type { Value } from "./values.ts";

/** Settings of a Clerk; all have defaults. */
export interface ClerkOptions {
  /** The cluster's name; servers of another cluster are refused. Whichever is there by default. */
  readonly clusterId?: string;
  /** Time for each call, in milliseconds, unless the call says otherwise. Infinity by default: it tries for ever. */
  readonly timeoutMs?: number;
  /** A server that answers nothing for this long is left for another one, in milliseconds; 2000 by default. */
  readonly attemptTimeoutMs?: number;
  /**
   * Whether writes go through a session, which makes each run exactly once; true by default. A Clerk without sessions
   * leaves nothing behind at the servers, and can only read and `putIfVersion`, whose answer is "maybe"
   * whenever it had to be sent again and was then refused.
   */
  readonly sessions?: boolean;
  /** Closes the Clerk when aborted. */
  readonly signal?: AbortSignal;
  /** Called about once a second while calls wait and nothing is answered: says for what. Must not throw. */
  readonly onWaiting?: (state: ClerkWaiting) => void;
  /** Sockets; the machine's own by default. */
  readonly network?: Network;
  /**
   * How a server is reached; by a connection of the Clerk's own on {@link network} unless given.
   *
   * @internal
   */
  readonly connect?: ConnectClerk;
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
  /**
   * When the call's time began, in monotonic milliseconds: for one that is a part of a longer call. Now unless given.
   *
   * @internal
   */
  readonly sinceMs?: number;
}

/** Settings of calls that share the time of one. */
export type SharedTime<Options extends CallOptions> = Options & Required<Pick<CallOptions, "timeoutMs" | "sinceMs">>;

/**
 * What to give to each of several calls that a longer one consists of, so that all of them together take no longer than it
 * may. An error then names the time that was allowed in all, not the last crumb of it.
 */
export function sharedTime<Options extends CallOptions>(
  options: Options,
  clock: Clock,
  defaultTimeoutMs = Infinity,
): SharedTime<Options> {
  const { timeoutMs = defaultTimeoutMs, sinceMs = clock.monotonicMs() } = options;
  return { ...options, timeoutMs, sinceMs };
}

/** Settings of one put. */
export interface PutOptions extends CallOptions {
  /** The id of a lease that the key is tied to from then on: it is deleted when the lease ends. To none unless given. */
  readonly lease?: number;
}

/** Settings of a lease that is held. */
export interface LeaseOptions extends CallOptions {
  /** How long it lasts when nothing is heard of its holder, in milliseconds: 100 to 2,678,400,000; 10,000 unless given. */
  readonly ttlMs?: number;
}

/** Settings of one read. */
export interface GetOptions extends CallOptions {
  /**
   * "linearizable" unless given: the read sees every write that was answered before. "lease" does, too, and saves the leader
   * a round of messages, as long as the servers' clocks keep to their `clockDriftBound`. "stale" may see an older state.
   */
  readonly consistency?: Consistency;
}

/** What became of a `putIfVersion`. */
export type PutIfVersionResult =
  /** Done; `version` is the key's new version, one more than was expected. */
  | { readonly kind: "ok"; readonly version: number }
  /** Not done: the key has this version, not the expected one; >= 1. */
  | { readonly kind: "versionMismatch"; readonly version: number }
  /** Not done: the key is missing, and a version was expected. */
  | { readonly kind: "noKey" }
  /** Perhaps done: nobody can know any more. Reading the key shows what holds now. */
  | { readonly kind: "maybe" };

/** Which keys are meant; all unless told otherwise. */
export interface KeyRange {
  /** Keys that begin with this. */
  readonly prefix?: string;
  /** Keys from this one on. */
  readonly from?: string;
  /** Keys before this one, which itself does not belong to them. */
  readonly to?: string;
}

/** Settings of a count. */
export interface CountOptions extends KeyRange, GetOptions {}

/** Settings of a range. */
export interface RangeOptions extends KeyRange, GetOptions {
  /** Keys in a page at the most: 1 to 10,000, and 1,000 unless given. A page also ends at 4 MiB. */
  readonly limit?: number;
  /** Whether keys descend; they ascend unless it is true. */
  readonly reverse?: boolean;
  /** Where the page before has ended: its `cursor`. From the beginning unless given. */
  readonly cursor?: string | null;
}

/** A key with its version. */
export interface KeyAndVersion {
  /** The key. */
  readonly key: string;
  /** Its version; >= 1. */
  readonly version: number;
}

/** A key with its value and version. */
export interface RangeEntry extends KeyAndVersion {
  /** The value. */
  readonly value: Value;
}

/** A page of a range: a view of one moment, however many keys it has. */
export interface Page<Entry> {
  /** The entries, in order. */
  readonly entries: readonly Entry[];
  /** What to ask the next page with; null when there is nothing behind this one. */
  readonly cursor: string | null;
  /** The log index whose state this is: pages of equal indexes are views of the same moment. */
  readonly index: number;
}

/** What a transaction compares: a key's version, its value, or that it is missing. */
export type TransactionComparison =
  /** The key has this version; 0 if it is missing. */
  | { readonly key: string; readonly version: number }
  /** The key is there and has this value, of this type. */
  | { readonly key: string; readonly value: Value }
  /** The key is missing. */
  | { readonly key: string; readonly absent: true };

/** A transaction: comparisons, and what to do if all of them hold and if not. Together at most 128. */
export interface Transaction {
  /** What must hold; nothing unless given. */
  readonly compare?: readonly TransactionComparison[];
  /** Done in this order if all comparisons hold. */
  readonly then?: readonly KeyWrite[];
  /** Done in this order otherwise. */
  readonly else?: readonly KeyWrite[];
}

/** How a lock is. */
export interface LockState {
  /** The holder's token; 0 if nobody holds the lock. */
  readonly token: number;
  /**
   * For how long it is held unless renewed, in milliseconds of cluster time, 0 if nobody holds it. Cluster time stands
   * still between commands, so this may be too much, by as long as there was none.
   */
  readonly remainingMs: number;
}

/** What became of an attempt to acquire a lock. */
export type AcquireResult =
  /** Acquired: it is held under this token, which is greater than all before. */
  | { readonly kind: "acquired"; readonly token: number }
  /** Somebody holds it, for so many milliseconds of cluster time unless it is renewed. */
  | { readonly kind: "held"; readonly remainingMs: number };

/** The form in which a comparison is sent. */
export function comparisonOf(comparison: TransactionComparison): Comparison {
  const { key } = comparison;
  if ("value" in comparison) return { kind: "value", key, value: comparison.value };
  return { kind: "version", key, version: "version" in comparison ? comparison.version : 0 };
}

/** The form in which a range of keys is sent. */
export function selectionOf(
  { prefix = "", from = "", to }: KeyRange,
): { prefix: string; from: string; to: string | null } {
  return { prefix, from, to: to ?? null };
}

/** A time to wait; throws a {@link ClerkError} if it is none. */
export function checkedTimeout(timeoutMs: number): number {
  if (timeoutMs > 0) return timeoutMs;
  throw new ClerkError(
    "invalid",
    `Cannot wait for ${timeoutMs} ms: give a positive number of milliseconds, or Infinity`,
  );
}
