/**
 * The protocol that clients speak with a server. From this page, and the four it refers to, a client can be written in
 * any language.
 *
 * Below it: TCP, frames and the encoding of items (`raft/wire/frame.ts`, `raft/encoding/cbor.ts`), the handshake with role
 * "client" (`raft/wire/hello.ts`), and requests with their replies, numbered so that many may be under way at a time and
 * replies may come in another order than their requests (`raft/wire/rpc.ts`). Here stand the bodies of both. All numbers
 * are unsigned integers up to 2^48. A *value* is a CBOR text or a CBOR byte string: two types that do not mix. A *key* is
 * a CBOR text of 1 to 4096 bytes.
 *
 * ```text
 * request = [1]                                                          openSession
 *         | [2, sessionId, serialNumber, lowestOutstanding, operation]   write; operations stand in operations.ts
 *         | [3, consistency, key]                                        read
 *         | [4]                                                          status
 *         | [5, operation]                                               sessionlessWrite: putIfVersion only
 *         | [6, consistency, query]                                      query; queries and answers stand in queries.ts
 *         | [20, sessionId, firstSerial, lowestOutstanding, [operation, …]]  writes with serials that follow each other;
 *                                                                      put, append, delete, increment, putIfVersion only
 *         | [21, consistency, [key, …]]                                  reads, up to 1024
 *         | [7, …]                                                       watch; it and its replies stand in watch_protocol.ts
 *
 * consistency = 0                    linearizable: sees every write that was answered before the read was sent
 *             | 1                    stale: what this server has applied, at once, from any server
 *             | 2                    lease: as 0, without messages between servers while the leader's lease holds, which
 *                                    trusts their clocks
 *
 * reply = [0, sessionId]             to openSession: done
 *       | [0, number]                to write: done; the number is
 *                                      for put, append, putIfVersion, putWithLease: the key's new version, 1 for the first write of a key
 *                                      for delete, deletePrefix: how many keys were deleted
 *                                      for increment: the sum
 *                                      for transaction: 1 if all comparisons held, and 0 if not
 *                                      for acquireLock: the lock's token
 *                                      for renewLock, releaseLock, keepLeaseAlive: 0
 *                                      for grantLease: the lease's id
 *                                      for revokeLease: how many keys were deleted
 *       | [0, value, version]        to read: a missing key has value "" and version 0
 *       | [0, [outcome, …]]          to writes: for each of them its number, or the reply, 6 or above, with which it would
 *                                    have been refused alone
 *       | [0, [value, version, …]]   to reads: a value and a version for each key; if there are fewer than keys were
 *                                    asked for, the values are large, and the rest must be asked for again
 *       | [0, status]                to status: a map, see status.ts
 *       | [0, index, answer]         to query: the answer, and the log index whose state it is from
 *       | [1, leader, address]       notLeader: ask the leader; its name, and its address "HOST:PORT" as this server
 *                                    dials it, or null where not known
 *       | [2, message]               unknown: the write may have been executed, or may yet be
 *       | [3, message]               overloaded: try again later
 *       | [4, message]               unavailable: this server cannot serve it now; try again, here or elsewhere
 *       | [5, message]               badRequest: malformed, or beyond a limit; repeating it is useless
 *       | [6]                        sessionExpired: the session is not known; open another one
 *       | [7]                        staleSerial: the serial number is below a lowestOutstanding sent before
 *       | [8]                        tooManyOutstanding: serialNumber >= lowestOutstanding + 8192
 *       | [9]                        wrongType: text was appended to bytes, or bytes to text
 *       | [10]                       valueTooLarge: the value would have had more than 1048576 bytes
 *       | [11]                       storeFull: the store has no room for more
 *       | [12, version]              versionMismatch: the key has this version, 1 or more, not the one expected
 *       | [13]                       noKey: the key is missing, and a version was expected
 *       | [14]                       notANumber: what was to be incremented is not a whole number in decimal digits
 *       | [15]                       outOfRange: the sum would have been beyond plus or minus 2^48
 *       | [16, position, code]       operationFailed: the transaction's operation at this position, from 0, would have
 *                                    been answered with this code, 9, 10, 11, 14, 15, 21 or 22; none of them was executed
 *       | [17, remainingMs]          lockHeld: somebody holds the lock, for so long unless it is renewed
 *       | [18]                       lockNotHeld: the lock is not, or not any more, held under this token
 *       | [24, message]              diskFull: the leader has no room on its disk; try again later, here or elsewhere
 *       | [19, message]              tooManyWatches: see watch_protocol.ts
 *       | [20, firstIndex]           compacted: see watch_protocol.ts
 *       | [21]                       unknownLease: the lease is not there, or not any more
 *       | [22]                       leaseFull: the lease has 10,000 keys already
 * ```
 *
 * Writes that travel together are independent of each other: each has the outcome that it would have had alone. A request
 * that is answered with anything but 0 or 2 was not executed and never will be; the `message` is for people. If
 * the connection ends without a reply, the outcome is the same as 2.
 *
 * **Exactly once.** To repeat a write safely, send it with the same `sessionId`, `serialNumber` and operation, to whichever
 * server, as often as needed: it is executed once, and each repeat is answered like the first. Serial numbers are 1, 2, 3
 * and so on in each session; any number of writes may be under way. `lowestOutstanding` is the lowest serial number whose
 * reply has not been seen: the cluster forgets the results below it, and refuses those serials (7). A session that sends
 * no write for an hour is forgotten, as is the one idle longest when there are more than 200,000. A write answered with 6
 * may be repeated in a new session only if each earlier sending of it was answered, and with something other than 2;
 * otherwise it may have been executed, and nobody can know any more.
 *
 * **Without a session.** A sessionlessWrite is executed each time it arrives. A putIfVersion that is sent again can be
 * refused (12, 13) because an earlier sending of it has succeeded; then nobody knows. Where keys are deleted and made
 * anew their versions begin anew too, and a repeat may even be executed twice.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { Consistency } from "../raft/rsm/rsm.ts";
import {
  type SessionlessWriteCommand,
  sessionlessWriteFromCbor,
  type WriteCommand,
  writeFromCbor,
} from "./commands.ts";
import { writesCode, type WritesCommand, writesFromCbor, writesToCbor } from "./write_batch.ts";
import { keyFrom, operationToCbor } from "./operations.ts";
import { largestNumber, maxKeysPerRead } from "./limits.ts";
import { writeFailures } from "./outcomes.ts";
import { answerFromCbor, queryFromCbor, queryToCbor, type WideAnswer, type WideQuery } from "./queries.ts";
import type { SessionOutcome } from "./sessions.ts";
import {
  arrayFrom,
  arrayOf,
  counterFrom,
  integerFrom,
  ShapeError,
  shown,
  textFrom,
  textOrNullFrom,
  valueFrom,
} from "./shape.ts";
import type { ReadResult } from "./store.ts";
import { watchCode, watchFromCbor, type WatchRequest, watchToCbor } from "./watch_protocol.ts";

/** What a client asks for. */
export type KvRequest =
  /** Open a session. */
  | { readonly kind: "openSession" }
  | WriteCommand
  | SessionlessWriteCommand
  | WritesCommand
  /** Read a key. */
  | { readonly kind: "read"; readonly consistency: Consistency; readonly key: string }
  /** Read keys. */
  | { readonly kind: "reads"; readonly consistency: Consistency; readonly keys: readonly string[] }
  /** Ask about more than one key's value. */
  | { readonly kind: "query"; readonly consistency: Consistency; readonly query: WideQuery }
  | WatchRequest
  /** How is this server? */
  | { readonly kind: "status" };

/** What a server answers. */
export type KvReply =
  /** Done; `fields` depend on the request. */
  | { readonly kind: "ok"; readonly fields: readonly CborValue[] }
  /** Not executed: ask the leader, if one is named. */
  | { readonly kind: "notLeader"; readonly leader: string | null; readonly address: string | null }
  /** Perhaps executed, for `unknown`; not executed otherwise. */
  | {
    readonly kind: "unknown" | "overloaded" | "unavailable" | "badRequest" | "diskFull" | "tooManyWatches";
    readonly message: string;
  }
  /** Not known here any more: what a watch asks for. */
  | { readonly kind: "compacted"; readonly firstIndex: number }
  /** Not executed. */
  | Refused;

/** The answer to a write that was not executed, for a reason that the machine gives. */
export type Refused = Exclude<SessionOutcome, { readonly kind: "written" | "done" }>;

const okCode = 0;
const notLeaderCode = 1;

/** Reply codes that go with a message. */
const messageKinds = ["unknown", "overloaded", "unavailable", "badRequest"] as const;
const firstMessageCode = 2;

/** The lowest reply code with which the machine itself refuses a write. */
const firstRefusal = 6;
const diskFullCode = 24;

/** Reply codes that say all, in both directions. */
const plainCodes = {
  sessionExpired: 6,
  staleSerial: 7,
  tooManyOutstanding: 8,
  wrongType: 9,
  valueTooLarge: 10,
  storeFull: 11,
  noKey: 13,
  notANumber: 14,
  outOfRange: 15,
  lockNotHeld: 18,
  unknownLease: 21,
  leaseFull: 22,
} as const;
const plainReplies = new Map<number, KvReply>([
  [6, { kind: "sessionExpired" }],
  [7, { kind: "staleSerial" }],
  [8, { kind: "tooManyOutstanding" }],
  [9, { kind: "wrongType" }],
  [10, { kind: "valueTooLarge" }],
  [11, { kind: "storeFull" }],
  [13, { kind: "noKey" }],
  [14, { kind: "notANumber" }],
  [15, { kind: "outOfRange" }],
  [18, { kind: "lockNotHeld" }],
  [21, { kind: "unknownLease" }],
  [22, { kind: "leaseFull" }],
]);
const versionMismatchCode = 12;
const operationFailedCode = 16;
const lockHeldCode = 17;
const tooManyWatchesCode = 19;
const compactedCode = 20;

const openSessionCode = 1;
const writeCode = 2;
const readCode = 3;
const statusCode = 4;
const sessionlessWriteCode = 5;
const queryCode = 6;
const readsCode = 21;

/** A request's body. */
export function requestToCbor(request: KvRequest): CborValue {
  switch (request.kind) {
    case "openSession":
      return [openSessionCode];
    case "write": {
      const { sessionId, serialNumber, lowestOutstanding, operation } = request;
      return [writeCode, sessionId, serialNumber, lowestOutstanding, operationToCbor(operation)];
    }
    case "read":
      return [readCode, consistencyToCbor(request.consistency), request.key];
    case "reads":
      return [readsCode, consistencyToCbor(request.consistency), [...request.keys]];
    case "writes":
      return writesToCbor(request);
    case "query":
      return [queryCode, consistencyToCbor(request.consistency), queryToCbor(request.query)];
    case "watch":
      return watchToCbor(request);
    case "status":
      return [statusCode];
    case "sessionlessWrite":
      return [sessionlessWriteCode, operationToCbor(request.operation)];
  }
}

/** The inverse of {@link requestToCbor}; throws {@link ShapeError} on anything else. */
export function requestFromCbor(body: CborValue): KvRequest {
  const items = arrayFrom(body, "a request");
  switch (items[0]) {
    case openSessionCode:
      arrayOf(items, 1, "openSession");
      return { kind: "openSession" };
    case writeCode:
      return writeFromCbor(items);
    case readCode: {
      const [, consistency, keyField] = arrayOf(items, 3, "a read");
      return { kind: "read", consistency: consistencyFrom(consistency), key: keyFrom(keyField) };
    }
    case statusCode:
      arrayOf(items, 1, "status");
      return { kind: "status" };
    case sessionlessWriteCode:
      return sessionlessWriteFromCbor(items);
    case queryCode: {
      const [, consistency, query] = arrayOf(items, 3, "a query");
      return { kind: "query", consistency: consistencyFrom(consistency), query: queryFromCbor(query) };
    }
    case writesCode:
      return writesFromCbor(items);
    case readsCode: {
      const [, consistency, list] = arrayOf(items, 3, "the reads");
      const keys = arrayFrom(list, "the keys").map(keyFrom);
      if (keys.length < 1 || keys.length > maxKeysPerRead) {
        throw new ShapeError(`there are ${keys.length} keys; use 1 to ${maxKeysPerRead}`);
      }
      return { kind: "reads", consistency: consistencyFrom(consistency), keys };
    }
    case watchCode:
      return watchFromCbor(items);
    default:
      throw new ShapeError(`method ${shown(items[0])} is unknown`);
  }
}

/** Each at its number. */
const consistencies: readonly Consistency[] = ["linearizable", "stale", "lease"];

function consistencyToCbor(consistency: Consistency): number {
  return consistencies.indexOf(consistency);
}

function consistencyFrom(cbor: CborValue | undefined): Consistency {
  const consistency = typeof cbor === "number" ? consistencies[cbor] : undefined;
  if (consistency === undefined) throw new ShapeError("consistency must be 0 linearizable, 1 stale or 2 lease");
  return consistency;
}

/** A reply's body. */
export function replyToCbor(reply: KvReply): CborValue {
  switch (reply.kind) {
    case "ok":
      return [okCode, ...reply.fields];
    case "notLeader":
      return [notLeaderCode, reply.leader, reply.address];
    case "unknown":
    case "overloaded":
    case "unavailable":
    case "badRequest":
      return [firstMessageCode + messageKinds.indexOf(reply.kind), reply.message];
    case "diskFull":
      return [diskFullCode, reply.message];
    case "tooManyWatches":
      return [tooManyWatchesCode, reply.message];
    case "compacted":
      return [compactedCode, reply.firstIndex];
    case "versionMismatch":
      return [versionMismatchCode, reply.version];
    case "operationFailed":
      return [operationFailedCode, reply.position, plainCodes[reply.reason]];
    case "lockHeld":
      return [lockHeldCode, reply.remainingMs];
    default:
      return [plainCodes[reply.kind]];
  }
}

/** What one of many writes came to, as the reply to all of them says it. */
export function outcomeToCbor(outcome: SessionOutcome): CborValue {
  if (outcome.kind === "written") return outcome.version;
  return outcome.kind === "done" ? outcome.number : replyToCbor(outcome);
}

/** The inverse of {@link replyToCbor}; throws {@link ShapeError} on anything else. */
export function replyFromCbor(body: CborValue): KvReply {
  const items = arrayFrom(body, "a reply");
  const code = counterFrom(items[0], 0, "a reply's code");
  if (code === okCode) return { kind: "ok", fields: items.slice(1) };
  if (code === notLeaderCode) {
    const [, leader, address] = arrayOf(items, 3, "notLeader");
    return {
      kind: "notLeader",
      leader: textOrNullFrom(leader, "the leader"),
      address: textOrNullFrom(address, "the leader's address"),
    };
  }
  const messageKind = code === diskFullCode ? "diskFull" : messageKinds[code - firstMessageCode];
  if (messageKind !== undefined) {
    return { kind: messageKind, message: textFrom(arrayOf(items, 2, messageKind)[1], "the message") };
  }
  if (code === tooManyWatchesCode) {
    return { kind: "tooManyWatches", message: textFrom(arrayOf(items, 2, "tooManyWatches")[1], "the message") };
  }
  if (code === compactedCode) {
    return { kind: "compacted", firstIndex: counterFrom(arrayOf(items, 2, "compacted")[1], 1, "firstIndex") };
  }
  const refused = refusedFromCbor(code, items) ?? plainReplies.get(code);
  if (refused === undefined) throw new ShapeError(`reply code ${code} is unknown`);
  if (plainReplies.has(code)) arrayOf(items, 1, refused.kind);
  return refused;
}

/** Refusals that tell more than their code; null for the others. */
function refusedFromCbor(code: number, items: readonly CborValue[]): Refused | null {
  switch (code) {
    case versionMismatchCode: {
      const [, version] = arrayOf(items, 2, "versionMismatch");
      return { kind: "versionMismatch", version: counterFrom(version, 1, "the version") };
    }
    case operationFailedCode: {
      const [, position, reasonCode] = arrayOf(items, 3, "operationFailed");
      const reason = writeFailures.find((failure) => plainCodes[failure] === reasonCode);
      if (reason === undefined) throw new ShapeError(`${shown(reasonCode)} is no reason for a failed operation`);
      return { kind: "operationFailed", position: counterFrom(position, 0, "the position"), reason };
    }
    case lockHeldCode: {
      const [, remainingMs] = arrayOf(items, 2, "lockHeld");
      return { kind: "lockHeld", remainingMs: counterFrom(remainingMs, 1, "remainingMs") };
    }
    default:
      return null;
  }
}

/** The one counter of a reply to openSession (the session's id) or write (the key's version). */
export function counterFromFields(fields: readonly CborValue[]): number {
  return counterFrom(arrayOf(fields, 1, "the reply's fields")[0], 1, "the reply's number");
}

/** The one number of a reply to another write; from -2^48 to 2^48. */
export function numberFromFields(fields: readonly CborValue[]): number {
  return integerFrom(arrayOf(fields, 1, "the reply's fields")[0], -largestNumber, largestNumber, "the reply's number");
}

/** An answer, and the log index whose state it is from. */
export interface IndexedAnswer {
  /** Everything up to this index is in the answer, and nothing behind it. */
  readonly index: number;
  /** The answer. */
  readonly answer: WideAnswer;
}

/** The fields of a reply to a query. */
export function answerFromFields(query: WideQuery, fields: readonly CborValue[]): IndexedAnswer {
  const [index, answer] = arrayOf(fields, 2, "the reply's fields");
  return { index: counterFrom(index, 0, "the index"), answer: answerFromCbor(query, answer) };
}

/** The fields of a reply to read. */
export function readResultFromFields(fields: readonly CborValue[]): ReadResult {
  const [value, version] = arrayOf(fields, 2, "the reply's fields");
  return { value: valueFrom(value, "the value"), version: counterFrom(version, 0, "the version") };
}

/** The fields of a reply to `count` writes: what each would have been answered alone. */
export function repliesFromFields(count: number, fields: readonly CborValue[]): KvReply[] {
  const outcomes = arrayOf(arrayOf(fields, 1, "the reply's fields")[0], count, "the outcomes");
  return outcomes.map((outcome) => {
    if (typeof outcome === "number") return { kind: "ok", fields: [outcome] };
    if (!Array.isArray(outcome) || !(Number(outcome[0]) >= firstRefusal)) throw new ShapeError("an outcome is none");
    return replyFromCbor(outcome);
  });
}

/** The fields of a reply to `count` reads: what was read, at least one of them. */
export function readResultsFromFields(count: number, fields: readonly CborValue[]): ReadResult[] {
  const items = arrayFrom(arrayOf(fields, 1, "the reply's fields")[0], "the results");
  const isRight = items.length % 2 === 0 && items.length > 0 && items.length <= 2 * count;
  if (!isRight) throw new ShapeError(`${items.length} items are no results of ${count} reads`);
  const results: ReadResult[] = [];
  for (let at = 0; at < items.length; at += 2) {
    const value = valueFrom(items[at], "the value");
    results.push({ value, version: counterFrom(items[at + 1], 0, "the version") });
  }
  return results;
}
