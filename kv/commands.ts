/**
 * The commands of the key/value machine, and how they stand in the log.
 *
 * A command is one CBOR array (the subset of `raft/encoding/cbor.ts`) that begins with a number saying which it is:
 *
 * | command | bytes |
 * |---|---|
 * | openSession | `[1]` |
 * | write | `[2, sessionId, serialNumber, lowestOutstanding, operation]` |
 *
 * | operation | bytes |
 * |---|---|
 * | put | `[1, key, value]` |
 * | append | `[2, key, value]` |
 *
 * `sessionId >= 1`, `serialNumber >= lowestOutstanding >= 1`, all at most 2^48; key and value within `limits.ts`. Numbers
 * once given are never given again: 3 putIfVersion, 4 delete, 5 transaction and 6 lease are spoken for.
 *
 * A command that does not read like this stops the node (`decode` throws): servers check before they propose, so it means
 * a log written by a later version or damage that the checksums missed, and guessing would let replicas go apart.
 *
 * @module
 */
import { type CborValue, decodeCbor } from "../raft/encoding/cbor.ts";
import { CborWriter } from "../raft/encoding/cbor_writer.ts";
import type { CommandCodec } from "../raft/rsm/state_machine.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown, textFrom, valueFrom } from "./shape.ts";
import { keyProblem, type Value, valueProblem } from "./values.ts";

/** What a write does to one key. */
export type Operation =
  /** Replaces the value. */
  | { readonly kind: "put"; readonly key: string; readonly value: Value }
  /** Adds to the end of the value. */
  | { readonly kind: "append"; readonly key: string; readonly value: Value };

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

/** One command of the machine. */
export type KvCommand =
  /** Opens a session whose id is the index of this command's entry. */
  | { readonly kind: "openSession" }
  | WriteCommand;

const openSessionCode = 1;
const writeCode = 2;
const putCode = 1;
const appendCode = 2;

/** The operation as CBOR, in the log and in the client's request. */
export function operationToCbor(operation: Operation): CborValue {
  switch (operation.kind) {
    case "put":
      return [putCode, operation.key, operation.value];
    case "append":
      return [appendCode, operation.key, operation.value];
  }
}

/** The inverse of {@link operationToCbor}; throws {@link ShapeError} on anything else. */
export function operationFromCbor(cbor: CborValue | undefined): Operation {
  const [code, keyField, valueField] = arrayOf(cbor, 3, "an operation");
  if (code !== putCode && code !== appendCode) {
    throw new ShapeError(`operation ${shown(code)} is unknown; known are ${putCode} put and ${appendCode} append`);
  }
  const key = textFrom(keyField, "the key");
  const value = valueFrom(valueField, "the value");
  const problem = keyProblem(key) ?? valueProblem(value);
  if (problem !== null) throw new ShapeError(problem);
  return { kind: code === putCode ? "put" : "append", key, value };
}

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

function commandToCbor(command: KvCommand): CborValue {
  switch (command.kind) {
    case "openSession":
      return [openSessionCode];
    case "write": {
      const { sessionId, serialNumber, lowestOutstanding, operation } = command;
      return [writeCode, sessionId, serialNumber, lowestOutstanding, operationToCbor(operation)];
    }
  }
}

/** Used by one synchronous call at a time. */
const sharedWriter = new CborWriter(4096);

/** How commands become the data of log entries. */
export const commandCodec: CommandCodec<KvCommand> = {
  encode(command) {
    sharedWriter.reset();
    sharedWriter.value(commandToCbor(command));
    return sharedWriter.finish();
  },

  decode(bytes) {
    const items = arrayFrom(decodeCbor(bytes), "a command");
    switch (items[0]) {
      case openSessionCode:
        arrayOf(items, 1, "openSession");
        return { kind: "openSession" };
      case writeCode:
        return writeFromCbor(items);
      default:
        throw new ShapeError(`command ${shown(items[0])} is unknown; it may come from a later version of Balsa`);
    }
  },
};
