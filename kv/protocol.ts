/**
 * The protocol that clients speak with a server. From this page, and the three it refers to, a client can be written in
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
 *         | [2, sessionId, serialNumber, lowestOutstanding, operation]   write
 *         | [3, consistency, key]                                        read
 *         | [4]                                                          status
 *
 * operation   = [1, key, value]      put: replace the value
 *             | [2, key, value]      append: add to the end of the value; a missing key counts as ""
 * consistency = 0                    linearizable: sees every write that was answered before the read was sent
 *             | 1                    stale: what this server has applied, at once, from any server
 *
 * reply = [0, sessionId]             to openSession: done
 *       | [0, version]               to write: done; the key's new version, 1 for the first write of a key
 *       | [0, value, version]        to read: a missing key has value "" and version 0
 *       | [0, status]                to status: a map, see status.ts
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
 * ```
 *
 * A request that is answered with anything but 0 or 2 was not executed and never will be; the `message` is for people. If
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
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { Consistency } from "../raft/rsm/rsm.ts";
import { operationToCbor, type WriteCommand, writeFromCbor } from "./commands.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown, textFrom, textOrNullFrom, valueFrom } from "./shape.ts";
import type { ReadResult } from "./store.ts";
import { keyProblem } from "./values.ts";

/** What a client asks for. */
export type KvRequest =
  /** Open a session. */
  | { readonly kind: "openSession" }
  | WriteCommand
  /** Read a key. */
  | { readonly kind: "read"; readonly consistency: Consistency; readonly key: string }
  /** How is this server? */
  | { readonly kind: "status" };

/** What a server answers. */
export type KvReply =
  /** Done; `fields` depend on the request. */
  | { readonly kind: "ok"; readonly fields: readonly CborValue[] }
  /** Not executed: ask the leader, if one is named. */
  | { readonly kind: "notLeader"; readonly leader: string | null; readonly address: string | null }
  /** Perhaps executed, for `unknown`; not executed otherwise. */
  | { readonly kind: "unknown" | "overloaded" | "unavailable" | "badRequest"; readonly message: string }
  /** Not executed. */
  | {
    readonly kind:
      | "sessionExpired"
      | "staleSerial"
      | "tooManyOutstanding"
      | "wrongType"
      | "valueTooLarge"
      | "storeFull";
  };

const okCode = 0;
const notLeaderCode = 1;

/** Reply codes that go with a message. */
const messageKinds = ["unknown", "overloaded", "unavailable", "badRequest"] as const;
const firstMessageCode = 2;

/** Reply codes that say all. */
const plainKinds = [
  "sessionExpired",
  "staleSerial",
  "tooManyOutstanding",
  "wrongType",
  "valueTooLarge",
  "storeFull",
] as const;
const firstPlainCode = firstMessageCode + messageKinds.length;

const openSessionCode = 1;
const writeCode = 2;
const readCode = 3;
const statusCode = 4;

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
      return [readCode, request.consistency === "linearizable" ? 0 : 1, request.key];
    case "status":
      return [statusCode];
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
      if (consistency !== 0 && consistency !== 1) throw new ShapeError("consistency must be 0 linearizable or 1 stale");
      const key = textFrom(keyField, "the key");
      const problem = keyProblem(key);
      if (problem !== null) throw new ShapeError(problem);
      return { kind: "read", consistency: consistency === 0 ? "linearizable" : "stale", key };
    }
    case statusCode:
      arrayOf(items, 1, "status");
      return { kind: "status" };
    default:
      throw new ShapeError(`method ${shown(items[0])} is unknown`);
  }
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
    default:
      return [firstPlainCode + plainKinds.indexOf(reply.kind)];
  }
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
  const messageKind = messageKinds[code - firstMessageCode];
  if (messageKind !== undefined) {
    return { kind: messageKind, message: textFrom(arrayOf(items, 2, messageKind)[1], "the message") };
  }
  const plainKind = plainKinds[code - firstPlainCode];
  if (plainKind === undefined) throw new ShapeError(`reply code ${code} is unknown`);
  arrayOf(items, 1, plainKind);
  return { kind: plainKind };
}

/** The one counter of a reply to openSession (the session's id) or write (the key's version). */
export function counterFromFields(fields: readonly CborValue[]): number {
  return counterFrom(arrayOf(fields, 1, "the reply's fields")[0], 1, "the reply's number");
}

/** The fields of a reply to read. */
export function readResultFromFields(fields: readonly CborValue[]): ReadResult {
  const [value, version] = arrayOf(fields, 2, "the reply's fields");
  return { value: valueFrom(value, "the value"), version: counterFrom(version, 0, "the version") };
}
