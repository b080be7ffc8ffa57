/**
 * Many writes of one session in one request and one command: what a Clerk has to say at one moment costs one frame, one
 * log entry and one reply, however many calls it is.
 *
 * Nothing else changes by it. Each write has its own serial number and its own place in the session table, is executed
 * exactly once whatever it travels with, and may travel with others when it is sent again. Which writes those are is
 * decided by their outcome: it must not depend on where in the log they stand, because all of them stand in one place.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { CborReader } from "../raft/encoding/cbor_reader.ts";
import type { CborWriter } from "../raft/encoding/cbor_writer.ts";
import { readPutOrAppend } from "./key_write.ts";
import { maxCounter, maxWritesPerCommand } from "./limits.ts";
import { type KeyWrite, type Operation, operationFromCbor, operationToCbor, type PutIfVersion } from "./operations.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError } from "./shape.ts";

/** An operation that may stand in a batch. */
export type BatchedOperation = KeyWrite | PutIfVersion;

/** Writes of one session, executed in this order. */
export interface WritesCommand {
  /** Discriminates the union. */
  readonly kind: "writes";
  /** Index of the entry that opened the session; >= 1. */
  readonly sessionId: number;
  /** Names the first write within its session, those behind it have the numbers that follow; >= lowestOutstanding. */
  readonly firstSerial: number;
  /** The client has seen the replies of all serials below; >= 1. */
  readonly lowestOutstanding: number;
  /** What to do; 1 to `maxWritesPerCommand` of them. */
  readonly operations: readonly BatchedOperation[];
}

/** The number of these commands in the log, and of the request for one. */
export const writesCode = 20;

/** The beginning of `[20, sessionId, …]`: an array of five, the number. */
const writesHead = [0x85, writesCode] as const;

/** Whether an operation may stand in a batch. */
export function isBatched(operation: Operation): operation is BatchedOperation {
  switch (operation.kind) {
    case "put":
    case "append":
    case "delete":
    case "increment":
    case "putIfVersion":
    case "putWithLease":
      return true;
    default:
      return false;
  }
}

/** Writes a batch, as {@link writesToCbor} would have it. */
export function writeWrites(writer: CborWriter, command: WritesCommand): void {
  writer.array(5);
  writer.integer(writesCode);
  writer.integer(command.sessionId);
  writer.integer(command.firstSerial);
  writer.integer(command.lowestOutstanding);
  writer.array(command.operations.length);
  for (const operation of command.operations) {
    if (operation.kind === "put" || operation.kind === "append") {
      writer.array(3);
      writer.integer(operation.kind === "put" ? 1 : 2);
      writer.text(operation.key);
      if (typeof operation.value === "string") writer.text(operation.value);
      else writer.bytes(operation.value);
    } else writer.value(operationToCbor(operation));
  }
}

/** A batch as CBOR. */
export function writesToCbor(command: WritesCommand): CborValue {
  const { sessionId, firstSerial, lowestOutstanding, operations } = command;
  return [writesCode, sessionId, firstSerial, lowestOutstanding, operations.map(operationToCbor)];
}

/** The inverse of {@link writesToCbor}; throws {@link ShapeError} on anything else. */
export function writesFromCbor(items: readonly CborValue[]): WritesCommand {
  const [, session, first, lowest, list] = arrayOf(items, 5, "the writes");
  const lowestOutstanding = counterFrom(lowest, 1, "lowestOutstanding");
  const operations = arrayFrom(list, "the operations").map((item) => {
    const operation = operationFromCbor(item);
    if (!isBatched(operation)) throw new ShapeError(`${operation.kind} cannot stand among other writes`);
    return operation;
  });
  if (operations.length < 1 || operations.length > maxWritesPerCommand) {
    throw new ShapeError(`there are ${operations.length} writes; use 1 to ${maxWritesPerCommand}`);
  }
  const firstSerial = counterFrom(first, lowestOutstanding, "firstSerial");
  counterFrom(firstSerial + operations.length - 1, lowestOutstanding, "the last serial");
  return {
    kind: "writes",
    sessionId: counterFrom(session, 1, "sessionId"),
    firstSerial,
    lowestOutstanding,
    operations,
  };
}

/** Whether a batch begins at `offset`. */
export function isWritesAt(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === writesHead[0] && bytes[offset + 1] === writesHead[1];
}

/**
 * The batch with which `bytes` begin, and where it ends, exactly as {@link writesFromCbor} would read it, but without the
 * detour; null when there is anything else than puts and appends within their limits. Throws a CborError where that would.
 */
export function readWrites(bytes: Uint8Array): { readonly command: WritesCommand; readonly end: number } | null {
  if (!isWritesAt(bytes, 0)) return null;
  const reader = new CborReader(bytes, writesHead.length);
  if (!reader.isAtUnsigned()) return null;
  const sessionId = reader.unsigned();
  if (!reader.isAtUnsigned()) return null;
  const firstSerial = reader.unsigned();
  if (!reader.isAtUnsigned()) return null;
  const lowestOutstanding = reader.unsigned();
  if (!reader.isAtArray()) return null;
  const count = reader.array();
  if (sessionId < 1 || sessionId > maxCounter || firstSerial + count - 1 > maxCounter) return null;
  if (lowestOutstanding < 1 || lowestOutstanding > firstSerial || count < 1 || count > maxWritesPerCommand) return null;
  const operations: BatchedOperation[] = [];
  for (let at = 0; at < count; at++) {
    const operation = readPutOrAppend(reader, bytes);
    if (operation === null) return null;
    operations.push(operation);
  }
  return { command: { kind: "writes", sessionId, firstSerial, lowestOutstanding, operations }, end: reader.offset };
}
