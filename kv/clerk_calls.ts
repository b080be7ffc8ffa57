/**
 * Calls that a Clerk has yet to answer, the queue in which they wait to be sent, and the session that numbers its writes.
 *
 * @module
 */
import type { Consistency } from "../raft/rsm/rsm.ts";
import type { SessionlessWriteCommand } from "./commands.ts";
import type { Operation } from "./operations.ts";
import { ClerkError, type ClerkErrorCode } from "./errors.ts";
import type { Linked } from "./linked_list.ts";
import { maxOutstandingPerSession } from "./limits.ts";
import type { WriteOutcome } from "./outcomes.ts";
import type { IndexedAnswer } from "./protocol.ts";
import type { WideQuery } from "./queries.ts";
import type { ReadResult } from "./store.ts";

/** What a call asks for. */
export type CallTask =
  /** The Clerk's own: a session for its writes. */
  | { readonly kind: "openSession" }
  /** A write. */
  | { readonly kind: "write"; readonly operation: Operation }
  | SessionlessWriteCommand
  /** A get. */
  | { readonly kind: "read"; readonly key: string; readonly consistency: Consistency }
  /** A question about more than one key's value. */
  | { readonly kind: "query"; readonly query: WideQuery; readonly consistency: Consistency };

/** The answers to a write that says what it expects. */
export type Refusal = Extract<
  WriteOutcome,
  { readonly kind: "versionMismatch" | "noKey" | "lockHeld" | "lockNotHeld" }
>;

/** Which writes may be answered so. */
export const refusable: Readonly<Record<Refusal["kind"], readonly Operation["kind"][]>> = {
  versionMismatch: ["putIfVersion"],
  noKey: ["putIfVersion"],
  lockHeld: ["acquireLock"],
  lockNotHeld: ["renewLock", "releaseLock"],
};

/** How a call ended. */
export type CallOutcome =
  /** A session or a write was answered with this number: the session's id, or what `protocol.ts` says of the write. */
  | { readonly kind: "number"; readonly number: number }
  /** A write was not executed because things are not as it expects: no failure, but an answer. */
  | Refusal
  /** A read was answered. */
  | { readonly kind: "read"; readonly result: ReadResult }
  /** A query was answered. */
  | { readonly kind: "answer"; readonly answered: IndexedAnswer }
  /** The call has failed. */
  | { readonly kind: "failed"; readonly error: ClerkError };

/** One call, from the moment it is made until it is settled. */
export class Call implements Linked<Call> {
  /** Neighbours in the {@link LinkedList} that it is in. */
  earlier: Call | null = null;
  later: Call | null = null;
  /** What it asks for. */
  readonly task: CallTask;
  /** Roughly the bytes of its request. */
  readonly bytes: number;
  /** How long it may take, in milliseconds; Infinity for ever. */
  readonly timeoutMs: number;
  /** When it was made, or the longer call that it is a part of, in monotonic milliseconds. */
  madeAtMs = 0;
  /** Whether it has been sent and its reply is still to come. */
  isInFlight = false;
  /** Whether an earlier sending may have been executed; stays true once it is. */
  maybeExecuted = false;
  /** Whether a leader has refused it because its disk is full. */
  isRefusedForRoom = false;
  /** The session and serial under which a write is sent; null and 0 before it first is. */
  session: ClerkSession | null = null;
  serialNumber = 0;
  /** Whether it has ended. */
  isSettled = false;
  readonly #onSettled: (outcome: CallOutcome) => void;

  constructor(task: CallTask, bytes: number, timeoutMs: number, onSettled: (outcome: CallOutcome) => void) {
    this.task = task;
    this.bytes = bytes;
    this.timeoutMs = timeoutMs;
    this.#onSettled = onSettled;
  }

  /** When it fails unless answered, in monotonic milliseconds; Infinity for never. */
  get deadlineMs(): number {
    return this.madeAtMs + this.timeoutMs;
  }

  /** Ends the call; only the first time counts. */
  settle(outcome: CallOutcome): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.session?.end(this.serialNumber);
    this.#onSettled(outcome);
  }
}

/** First in, first out; calls to be sent again come before those that were never sent. */
export class CallQueue {
  #again: (Call | null)[] = [];
  #fresh: (Call | null)[] = [];
  /** What stood before these positions was taken, and is null: calls must not live longer for having waited here. */
  #againAt = 0;
  #freshAt = 0;

  /** Adds a call that has not been sent yet. */
  add(call: Call): void {
    this.#fresh.push(call);
  }

  /** Adds a call that must be sent again. */
  addAgain(call: Call): void {
    this.#again.push(call);
  }

  /** The call whose turn it is, without taking it; settled ones are dropped on the way. */
  peek(): Call | null {
    for (; this.#againAt < this.#again.length; this.#againAt++) {
      const call = this.#again[this.#againAt] ?? null;
      if (call !== null && !call.isSettled) return call;
      this.#again[this.#againAt] = null;
    }
    this.#again = [];
    this.#againAt = 0;
    for (; this.#freshAt < this.#fresh.length; this.#freshAt++) {
      const call = this.#fresh[this.#freshAt] ?? null;
      if (call !== null && !call.isSettled) return call;
      this.#fresh[this.#freshAt] = null;
    }
    this.#fresh = [];
    this.#freshAt = 0;
    return null;
  }

  /** Takes the call whose turn it is; null when none waits. */
  next(): Call | null {
    const call = this.peek();
    if (call !== null) this.take();
    return call;
  }

  /** Takes the call that {@link peek} has just returned. */
  take(): void {
    if (this.#againAt < this.#again.length) {
      this.#again[this.#againAt++] = null;
      return;
    }
    this.#fresh[this.#freshAt++] = null;
    // Under steady load the queue may never run empty: let go of what was taken.
    if (this.#freshAt < 1024 || 2 * this.#freshAt < this.#fresh.length) return;
    this.#fresh = this.#fresh.slice(this.#freshAt);
    this.#freshAt = 0;
  }
}

/** A session at the cluster, as its client sees it: it knows serials, and holds no call. */
export class ClerkSession {
  /** Its id. */
  readonly id: number;
  /** The serial of the next write that is enlisted. */
  nextSerial = 1;
  /** The lowest serial whose write has not ended; `nextSerial` if all have. */
  #lowest = 1;
  /** 1 for each serial from #lowest on whose write has ended, at the serial's place modulo the length, a power of two. */
  #ended = new Uint8Array(64);

  constructor(id: number) {
    this.id = id;
  }

  /** The lowest serial whose write has not ended; the next one if all have. */
  get lowestOutstanding(): number {
    return this.#lowest;
  }

  /** Whether one more write may be outstanding: `nextSerial < lowestOutstanding + maxOutstandingPerSession`. */
  hasRoom(): boolean {
    return this.nextSerial - this.#lowest < maxOutstandingPerSession;
  }

  /** Gives a write its place in this session. */
  enlist(call: Call): void {
    call.session = this;
    call.serialNumber = this.nextSerial++;
    if (this.nextSerial - this.#lowest > this.#ended.length) this.#grow();
  }

  /** A write that was enlisted has ended. */
  end(serial: number): void {
    const mask = this.#ended.length - 1;
    this.#ended[serial & mask] = 1;
    for (; this.#ended[this.#lowest & mask] === 1; this.#lowest++) this.#ended[this.#lowest & mask] = 0;
  }

  #grow(): void {
    const ended = this.#ended;
    this.#ended = new Uint8Array(2 * ended.length);
    for (let serial = this.#lowest; serial < this.#lowest + ended.length; serial++) {
      this.#ended[serial & (this.#ended.length - 1)] = ended[serial & (ended.length - 1)] ?? 0;
    }
  }
}

/** The error of a call that has failed, saying what was attempted. */
export function callError(task: CallTask, code: ClerkErrorCode, message: string, cause: unknown): ClerkError {
  const text = code === "unknown"
    ? `Cannot tell whether the ${taskText(task)} was executed: ${message}; read it to find out`
    : `Cannot ${taskText(task)}: ${message}`;
  return new ClerkError(code, text, cause === undefined ? {} : { cause });
}

function taskText(task: CallTask): string {
  switch (task.kind) {
    case "openSession":
      return "open a session";
    case "read":
      return `get ${JSON.stringify(task.key)}`;
    case "query":
      return queryText(task.query);
    case "write":
    case "sessionlessWrite":
      return operationText(task.operation);
  }
}

/** What a query does, behind "Cannot". */
export function queryText(query: WideQuery): string {
  switch (query.kind) {
    case "range":
      return "read the range";
    case "count":
      return "count the keys";
    case "lock":
      return `look at lock ${JSON.stringify(query.name)}`;
    case "lease":
      return `look at lease ${query.lease}`;
    case "leases":
      return "list the leases";
  }
}

/** What an operation does, behind "Cannot". */
export function operationText(operation: Operation): string {
  switch (operation.kind) {
    case "put":
    case "append":
    case "putIfVersion":
    case "delete":
    case "increment":
      return `${operation.kind} ${JSON.stringify(operation.key)}`;
    case "putWithLease":
      return `put ${JSON.stringify(operation.key)} with lease ${operation.lease}`;
    case "grantLease":
      return "grant a lease";
    case "keepLeaseAlive":
      return `keep lease ${operation.lease} alive`;
    case "revokeLease":
      return `revoke lease ${operation.lease}`;
    case "deletePrefix":
      return `delete the keys that begin with ${JSON.stringify(operation.prefix)}`;
    case "transaction":
      return "run the transaction";
    case "acquireLock":
      return `acquire lock ${JSON.stringify(operation.name)}`;
    case "renewLock":
      return `renew lock ${JSON.stringify(operation.name)}`;
    case "releaseLock":
      return `release lock ${JSON.stringify(operation.name)}`;
  }
}
