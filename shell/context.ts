/**
 * What every command of a running shell works with.
 *
 * @module
 */
import type { Clerk, Consistency, SharedCalls } from "../kv/mod.ts";
import type { Output } from "./output.ts";
import type { ServerReport } from "./server_report.ts";
import type { WaitingNotice } from "./waiting.ts";

/** How a call on a {@link Store} is limited. */
export interface CallOptions {
  /** Gives the call up when aborted. */
  readonly signal?: AbortSignal;
}

/** The part of a Clerk that the shell's commands use; narrow, so that tests can stand in for a cluster. */
export interface Store {
  /** The value of `key`, "" if there is none. */
  get(key: string, options?: CallOptions & { readonly consistency?: Consistency }): Promise<string>;
  /** Replaces the value of `key`. */
  put(key: string, value: string, options?: CallOptions): Promise<unknown>;
  /** Adds `value` to the end of the value of `key`. */
  append(key: string, value: string, options?: CallOptions): Promise<unknown>;
}

/** A running shell. */
export interface ShellContext {
  /** The cluster's keys and values. */
  readonly store: Store;
  /** The cluster's Clerk, for everything beyond that. */
  readonly clerk: SharedCalls;
  /** The same for what a sharded store does not offer; null on one. */
  readonly wholeClerk: Clerk | null;
  /** Whether a program that is run may read this process's standard input: not while lines of commands are read from it. */
  readonly stdinIsFree: boolean;
  /** Asks every server how it is; a server that cannot be reached is part of the answer. */
  readonly askServers: (signal: AbortSignal) => Promise<readonly ServerReport[]>;
  /** Where results and remarks go. */
  readonly output: Output;
  /** Shows what a call in flight is waiting for. */
  readonly waiting: WaitingNotice;
  /** The limit of one call in milliseconds, or null to wait for as long as it takes. */
  readonly timeoutMs: number | null;
  /** Keys used so far, offered for completion. */
  readonly recentKeys: Set<string>;
  /** Aborted when the call in flight is to be given up; a new one for every line. */
  signal: AbortSignal;
  /** Calls that have not been answered yet. */
  callsInFlight: number;
  /** Whether the time that each call took is shown. */
  showTime: boolean;
  /** How long the last successful call took, in milliseconds. */
  lastCallMs: number;
  /** Set by `exit`: the shell ends after the current line. */
  isLeaving: boolean;
}
