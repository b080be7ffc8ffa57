/**
 * What a Clerk sends in one request, and what the reply to it says of each call: one call of any kind, or many writes of
 * one session, or many gets.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { BodyWriter } from "../raft/wire/rpc.ts";
import type { Call, CallOutcome, CallTask } from "./clerk_calls.ts";
import { refusable } from "./clerk_calls.ts";
import { clerkBytesPerRequest, clerkCallsPerRequest } from "./limits.ts";
import type { Linked } from "./linked_list.ts";
import {
  answerFromFields,
  counterFromFields,
  type KvReply,
  numberFromFields,
  readResultFromFields,
  readResultsFromFields,
  repliesFromFields,
  replyFromCbor,
  requestToCbor,
} from "./protocol.ts";
import { ShapeError } from "./shape.ts";
import { type BatchedOperation, isBatched, writeWrites } from "./write_batch.ts";

/** What is said of one call: its outcome, if it was done, or what the server or the machine says instead. */
export type Answer =
  | Extract<CallOutcome, { readonly kind: "number" | "read" | "answer" }>
  | Exclude<KvReply, { readonly kind: "ok" }>
  /** It was not looked at, for want of room in the reply: to be asked again. */
  | { readonly kind: "left" };

/** One request under way. */
export class Sending implements Linked<Sending> {
  /** Neighbours in the {@link LinkedList} that it is in. */
  earlier: Sending | null = null;
  later: Sending | null = null;
  /** The calls in it; never empty. */
  readonly calls: Call[];
  /** Bytes of them. */
  bytes: number;
  /** When it was sent, in monotonic milliseconds. */
  readonly sentAtMs: number;

  constructor(first: Call, sentAtMs: number) {
    this.calls = [first];
    this.bytes = first.bytes;
    this.sentAtMs = sentAtMs;
  }

  /** Whether a further call may travel with these. A write must already have its place in its session, or get the next. */
  takes(next: Call): boolean {
    const [first] = this.calls;
    if (first === undefined || this.calls.length >= clerkCallsPerRequest) return false;
    if (this.bytes + next.bytes > clerkBytesPerRequest) return false;
    const [one, other] = [first.task, next.task];
    if (one.kind === "read") return other.kind === "read" && other.consistency === one.consistency;
    if (one.kind !== "write" || other.kind !== "write") return false;
    if (!isBatched(one.operation) || !isBatched(other.operation)) return false;
    if (next.session === null) return this.#isLatest(first);
    return next.session === first.session && next.serialNumber === first.serialNumber + this.calls.length;
  }

  /** Adds a call that {@link takes} has let in. */
  add(call: Call): void {
    this.calls.push(call);
    this.bytes += call.bytes;
  }

  /** Whether the next serial of the session is the one behind these. */
  #isLatest({ session, serialNumber }: Call): boolean {
    return session !== null && session.nextSerial === serialNumber + this.calls.length;
  }

  /** The body of the request. */
  request(): CborValue | BodyWriter {
    const { calls } = this;
    const [first] = calls;
    if (first === undefined) throw new Error("a request carries a call");
    if (calls.length === 1) return requestOf(first);
    const { task, session, serialNumber: firstSerial } = first;
    if (task.kind === "read") {
      const keys = calls.map((call) => call.task.kind === "read" ? call.task.key : "");
      return requestToCbor({ kind: "reads", consistency: task.consistency, keys });
    }
    const operations: BatchedOperation[] = [];
    for (const call of calls) {
      if (call.task.kind === "write" && isBatched(call.task.operation)) operations.push(call.task.operation);
    }
    const lowestOutstanding = session?.lowestOutstanding ?? firstSerial;
    const command = {
      kind: "writes",
      sessionId: session?.id ?? 0,
      firstSerial,
      lowestOutstanding,
      operations,
    } as const;
    return (writer) => writeWrites(writer, command);
  }

  /** What the reply says of each call. Throws {@link ShapeError} on anything that is no reply to this request. */
  answers(body: CborValue): Answer[] {
    const { calls } = this;
    const reply = replyFromCbor(body);
    if (reply.kind !== "ok") return calls.map(({ task }) => checked(task, reply));
    const [first] = calls;
    if (first === undefined) return [];
    if (calls.length === 1) return [answerFrom(first.task, reply.fields)];
    if (first.task.kind === "read") {
      const results = readResultsFromFields(calls.length, reply.fields);
      return calls.map((_call, at) => {
        const result = results[at];
        return result === undefined ? { kind: "left" } : { kind: "read", result };
      });
    }
    return repliesFromFields(calls.length, reply.fields).map((one, at) => {
      const { task } = calls[at] ?? first;
      return one.kind === "ok" ? answerFrom(task, one.fields) : checked(task, one);
    });
  }
}

function requestOf({ task, session, serialNumber }: Call): CborValue {
  switch (task.kind) {
    case "openSession":
      return requestToCbor({ kind: "openSession" });
    case "read":
      return requestToCbor({ kind: "read", consistency: task.consistency, key: task.key });
    case "write":
      return requestToCbor({
        kind: "write",
        sessionId: session?.id ?? 0,
        serialNumber,
        lowestOutstanding: session?.lowestOutstanding ?? serialNumber,
        operation: task.operation,
      });
    case "sessionlessWrite":
    case "query":
      return requestToCbor(task);
  }
}

/** A refusal, if it can be the answer to such a call. */
function checked<Reply extends Exclude<KvReply, { readonly kind: "ok" }>>(task: CallTask, reply: Reply): Reply {
  switch (reply.kind) {
    case "versionMismatch":
    case "noKey":
    case "lockHeld":
    case "lockNotHeld": {
      const isExpected = (task.kind === "write" || task.kind === "sessionlessWrite") &&
        refusable[reply.kind].includes(task.operation.kind);
      if (!isExpected) throw new ShapeError(`${reply.kind} is no answer to this call`);
      return reply;
    }
    case "tooManyWatches":
    case "compacted":
      throw new ShapeError(`${reply.kind} is no answer to this call`);
  }
  return reply;
}

/** What the fields of a reply mean; throws {@link ShapeError} on anything that is no reply to such a call. */
function answerFrom(task: CallTask, fields: readonly CborValue[]): Answer {
  switch (task.kind) {
    case "read":
      return { kind: "read", result: readResultFromFields(fields) };
    case "query":
      return { kind: "answer", answered: answerFromFields(task.query, fields) };
    case "openSession":
      return { kind: "number", number: counterFromFields(fields) };
    case "write":
    case "sessionlessWrite":
      switch (task.operation.kind) {
        case "put":
        case "append":
        case "putIfVersion":
        case "putWithLease":
        case "grantLease":
        case "acquireLock":
          return { kind: "number", number: counterFromFields(fields) };
        default:
          return { kind: "number", number: numberFromFields(fields) };
      }
  }
}
