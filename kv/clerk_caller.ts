/**
 * From what a Clerk is asked to calls, and from how they end to promises: checks arguments, says how large a request will
 * be, and lets a signal end it.
 *
 * @module
 */
import { Call, type CallOutcome, type CallTask, operationText, queryText } from "./clerk_calls.ts";
import type { ClerkEngine } from "./clerk_engine.ts";
import {
  type CallOptions,
  checkedTimeout,
  type GetOptions,
  type Page,
  type RangeOptions,
  selectionOf,
} from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { defaultPageKeys } from "./limits.ts";
import { type Comparison, type KeyWrite, type Operation, operationProblem } from "./operations.ts";
import type { IndexedAnswer } from "./protocol.ts";
import { type PageEntry, queryProblem, type WideQuery } from "./queries.ts";
import type { ReadResult } from "./store.ts";
import { keyProblem } from "./values.ts";

/** Bytes that a request counts beside its key and value. */
const requestOverheadBytes = 48;

/** What a {@link ClerkCaller} works with. */
export interface ClerkCallerOptions {
  /** Where calls go. */
  readonly engine: ClerkEngine;
  /** How long a call may take that does not say it, in milliseconds; > 0. */
  readonly timeoutMs: number;
  /** Whether writes have a session, so that each runs exactly once. */
  readonly hasSessions: boolean;
}

/** See the module. */
export class ClerkCaller {
  readonly #engine: ClerkEngine;
  readonly #timeoutMs: number;
  readonly #hasSessions: boolean;

  /** Makes no call yet. */
  constructor({ engine, timeoutMs, hasSessions }: ClerkCallerOptions) {
    this.#engine = engine;
    this.#timeoutMs = timeoutMs;
    this.#hasSessions = hasSessions;
  }

  /** Makes the call of a write; `onSettled` is told once how it has ended. */
  write(operation: Operation, options: CallOptions, onSettled: (outcome: CallOutcome) => void): void {
    const problem = operationProblem(operation);
    if (problem !== null) return onSettled(invalid(operationText(operation), problem));
    if (this.#hasSessions) return this.#call({ kind: "write", operation }, bytesOf(operation), options, onSettled);
    if (operation.kind !== "putIfVersion") {
      const reason = "a Clerk without sessions can only read and putIfVersion; make one with sessions";
      return onSettled(invalid(operationText(operation), reason));
    }
    this.#call({ kind: "sessionlessWrite", operation }, bytesOf(operation), options, onSettled);
  }

  /** A write that either is done or fails. */
  run(operation: Operation, options: CallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.write(operation, options, (outcome) => {
        if (outcome.kind === "number") resolve();
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** A write that is answered with a number. */
  number(operation: Operation, options: CallOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      this.write(operation, options, (outcome) => {
        if (outcome.kind === "number") resolve(outcome.number);
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** A write for the holder of a lock; false for everybody else. */
  ifHeld(operation: Operation, options: CallOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.write(operation, options, (outcome) => {
        if (outcome.kind === "number") resolve(true);
        else if (outcome.kind === "lockNotHeld") resolve(false);
        else if (outcome.kind === "failed") reject(outcome.error);
      });
    });
  }

  /** The value of a key, and its version. */
  read(key: string, options: GetOptions): Promise<ReadResult> {
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

  /** A question about more than one key's value. */
  query(query: WideQuery, options: GetOptions): Promise<IndexedAnswer> {
    const { consistency = "linearizable" } = options;
    const problem = queryProblem(query);
    return new Promise((resolve, reject) => {
      const onSettled = (outcome: CallOutcome): void => {
        if (outcome.kind === "answer") resolve(outcome.answered);
        else if (outcome.kind === "failed") reject(outcome.error);
      };
      if (problem !== null) onSettled(invalid(queryText(query), problem));
      else this.#call({ kind: "query", query, consistency }, 64, options, onSettled);
    });
  }

  /** A page of a range. */
  async page(options: RangeOptions, keysOnly: boolean): Promise<Page<PageEntry>> {
    const { limit = defaultPageKeys, reverse = false, cursor = null } = options;
    const query = { kind: "range", ...selectionOf(options), cursor, limit, reverse, keysOnly } as const;
    const { index, answer } = await this.query(query, options);
    return answer.kind === "range"
      ? { entries: answer.entries, cursor: answer.cursor, index }
      : { entries: [], cursor: null, index };
  }

  #call(task: CallTask, bytes: number, options: CallOptions, onSettled: (outcome: CallOutcome) => void): void {
    const { signal, sinceMs } = options;
    const timeoutMs = checkedTimeout(options.timeoutMs ?? this.#timeoutMs);
    if (signal === undefined) {
      return this.#engine.submit(new Call(task, bytes + requestOverheadBytes, timeoutMs, onSettled), sinceMs);
    }
    const onAbort = (): void => {
      this.#engine.giveUp(call, "aborted", "its signal was aborted", signal.reason);
    };
    const call = new Call(task, bytes + requestOverheadBytes, timeoutMs, (outcome) => {
      signal.removeEventListener("abort", onAbort);
      onSettled(outcome);
    });
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#engine.submit(call, sinceMs);
  }
}

function invalid(attempt: string, problem: string): CallOutcome {
  return { kind: "failed", error: new ClerkError("invalid", `Cannot ${attempt}: ${problem}`) };
}

/** Roughly the bytes of an operation's keys and values. */
function bytesOf(operation: Operation): number {
  switch (operation.kind) {
    case "put":
    case "append":
    case "putIfVersion":
    case "putWithLease":
      return operation.key.length + operation.value.length;
    case "transaction": {
      const sum = (total: number, part: KeyWrite | Comparison): number =>
        total + 16 + part.key.length + ("value" in part ? part.value.length : 0);
      return [...operation.comparisons, ...operation.then, ...operation.else].reduce(sum, 0);
    }
    default:
      return 64;
  }
}
