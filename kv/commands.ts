/**
 * The commands of the key/value machine, and how they stand in the log.
 *
 * A command is one CBOR array (the subset of `raft/encoding/cbor.ts`) that begins with a number saying which it is:
 *
 * | command | bytes |
 * |---|---|
 * | openSession | `[1]` |
 * | write | `[2, sessionId, serialNumber, lowestOutstanding, operation]` |
 * | sessionlessWrite | `[3, operation]` |
 * | expireLeases | `[4]` |
| writes | `[20, sessionId, firstSerial, lowestOutstanding, [operation, …]]` |
 *
 * The operations stand in `operations.ts`; outside a session only those that may be repeated without a session to tell
 * the repeats apart: putIfVersion. The `writes` are up to 1024 writes of one session whose serial numbers follow each other
 * from `firstSerial` on: as if each were a command of its own, one right behind the other, see `write_batch.ts`.
 *
 * `sessionId >= 1`, `serialNumber >= lowestOutstanding >= 1`, all at most 2^48. Numbers
 * once given are never given again.
 *
 * A command that does not read like this stops the node (`decode` throws): servers check before they propose, so it means
 * a log written by a later version or damage that the checksums missed, and guessing would let replicas go apart.
 *
 * @module
 */
import { type CborValue, decodeCbor } from "../raft/encoding/cbor.ts";
import { CborWriter } from "../raft/encoding/cbor_writer.ts";
import { Pool } from "../raft/encoding/pool.ts";
import type { CommandCodec } from "../raft/rsm/state_machine.ts";
export type { Operation } from "./operations.ts";
import { readKeyWrite } from "./key_write.ts";
import { readWrites, writesCode, type WritesCommand, writesFromCbor, writesToCbor } from "./write_batch.ts";
import { type Operation, operationFromCbor, operationToCbor, type PutIfVersion } from "./operations.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown } from "./shape.ts";

/** A write as a session sends it. */
export interface WriteCommand {
  /** Discriminates the union. */
  readonly kind: "write";
  /** Index of the entry that opened the session; >= 1. */
  readonly sessionId: number;
  /** Names the write within its session; >= lowestOutstanding. */
  readonly serialNumber: number;
  /** The client has seen the replies of all serials below; >= 1. */
  readonly lowestOutstanding: number;
  /** What to do. */
  readonly operation: Operation;
}

/** A write outside any session: each time it is in the log it is executed. */
export interface SessionlessWriteCommand {
  /** Discriminates the union. */
  readonly kind: "sessionlessWrite";
  /** What to do. */
  readonly operation: PutIfVersion;
}

/** One command of the machine. */
export type KvCommand =
  /** Opens a session whose id is the index of this command's entry. */
  | { readonly kind: "openSession" }
  | WriteCommand
  | SessionlessWriteCommand
  | WritesCommand
  /** Deletes the keys of leases that have ended. Proposed by the leader, never by a client. */
  | { readonly kind: "expireLeases" };

const openSessionCode = 1;
const writeCode = 2;
const sessionlessWriteCode = 3;
const expireLeasesCode = 4;

/** The fields of a write behind its leading number, in the log and in the client's request. */
export function writeFromCbor(items: readonly CborValue[]): WriteCommand {
  const [, session, serial, lowest, operation] = arrayOf(items, 5, "a write");
  const lowestOutstanding = counterFrom(lowest, 1, "lowestOutstanding");
  return {
    kind: "write",
    sessionId: counterFrom(session, 1, "sessionId"),
    serialNumber: counterFrom(serial, lowestOutstanding, "serialNumber"),
    lowestOutstanding,
    operation: operationFromCbor(operation),
  };
}

/** The fields of a sessionless write behind its leading number, in the log and in the client's request. */
export function sessionlessWriteFromCbor(items: readonly CborValue[]): SessionlessWriteCommand {
  const operation = operationFromCbor(arrayOf(items, 2, "a sessionless write")[1]);
  if (operation.kind !== "putIfVersion") throw new ShapeError(`${operation.kind} needs a session`);
  return { kind: "sessionlessWrite", operation };
}

function commandToCbor(command: KvCommand): CborValue {
  switch (command.kind) {
    case "openSession":
      return [openSessionCode];
    case "write": {
      const { sessionId, serialNumber, lowestOutstanding, operation } = command;
      return [writeCode, sessionId, serialNumber, lowestOutstanding, operationToCbor(operation)];
    }
    case "sessionlessWrite":
      return [sessionlessWriteCode, operationToCbor(command.operation)];
    case "writes":
      return writesToCbor(command);
    case "expireLeases":
      return [expireLeasesCode];
  }
}

/** For commands that are to stand in the log. */
export const commandPool: Pool = new Pool();

/** Used by one synchronous call at a time. */
const sharedWriter = new CborWriter(4096);

/** How commands become the data of log entries. */
export const commandCodec: CommandCodec<KvCommand> = {
  encode(command) {
    sharedWriter.reset();
    sharedWriter.value(commandToCbor(command));
    return sharedWriter.finishIn(commandPool);
  },

  decode(bytes) {
    const write = readKeyWrite(bytes);
    if (write !== null && write.end === bytes.length) return write.command;
    const writes = readWrites(bytes);
    if (writes !== null && writes.end === bytes.length) return writes.command;
    const items = arrayFrom(decodeCbor(bytes), "a command");
    switch (items[0]) {
      case openSessionCode:
        arrayOf(items, 1, "openSession");
        return { kind: "openSession" };
      case expireLeasesCode:
        arrayOf(items, 1, "expireLeases");
        return { kind: "expireLeases" };
      case writeCode:
        return writeFromCbor(items);
      case sessionlessWriteCode:
        return sessionlessWriteFromCbor(items);
      case writesCode:
        return writesFromCbor(items);
      default:
        throw new ShapeError(`command ${shown(items[0])} is unknown; it may come from a later version of Balsa`);
    }
  },
};
