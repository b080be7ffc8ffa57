/**
 * Puts and appends, read from their bytes without the detour over `CborValue`: nearly all commands are of these two kinds,
 * and every node reads each of them. Everything else, malformed things among it, is left to `commands.ts`.
 *
 * @module
 */
import { CborReader } from "../raft/encoding/cbor_reader.ts";
import { maxCounter } from "./limits.ts";
import { keyProblem, type Value, valueProblem } from "./values.ts";

/** The beginning of `[2, sessionId, …]`: an array of five, the number of a write. */
const writeHead = [0x85, 0x02] as const;
/** The beginning of `[1, key, value]`: an array of three. */
const operationHead = 0x83;
const putCode = 1;
const appendCode = 2;

/** A put or append as a session sends it: the WriteCommand of `commands.ts` with one of these two operations. */
export interface KeyWrite {
  /** Discriminates commands. */
  readonly kind: "write";
  /** Index of the entry that opened the session; >= 1. */
  readonly sessionId: number;
  /** Names the write within its session; >= lowestOutstanding. */
  readonly serialNumber: number;
  /** The client has seen the replies of all serials below; >= 1. */
  readonly lowestOutstanding: number;
  /** What to do. */
  readonly operation: { readonly kind: "put" | "append"; readonly key: string; readonly value: Value };
}

/** A command and where its bytes end. */
export interface KeyWriteReading {
  /** The command. */
  readonly command: KeyWrite;
  /** The offset behind it. */
  readonly end: number;
}

/** Whether a write begins at `offset`. */
export function isWriteAt(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === writeHead[0] && bytes[offset + 1] === writeHead[1];
}

/**
 * The put or append with which `bytes` begin, exactly as `commands.ts` would read it; null when there is anything else or
 * when it is not within the limits. Throws a CborError where that would. A value of bytes is a view of `bytes`.
 */
export function readKeyWrite(bytes: Uint8Array): KeyWriteReading | null {
  if (!isWriteAt(bytes, 0)) return null;
  const reader = new CborReader(bytes, writeHead.length);
  if (!reader.isAtUnsigned()) return null;
  const sessionId = reader.unsigned();
  if (!reader.isAtUnsigned()) return null;
  const serialNumber = reader.unsigned();
  if (!reader.isAtUnsigned()) return null;
  const lowestOutstanding = reader.unsigned();
  if (sessionId < 1 || sessionId > maxCounter || serialNumber > maxCounter) return null;
  if (lowestOutstanding < 1 || lowestOutstanding > serialNumber) return null;
  const operation = readPutOrAppend(reader, bytes);
  if (operation === null) return null;
  return { command: { kind: "write", sessionId, serialNumber, lowestOutstanding, operation }, end: reader.offset };
}

/** The put or append at which `reader` stands in `bytes`; null for anything else, the reader then stands anywhere. */
export function readPutOrAppend(reader: CborReader, bytes: Uint8Array): KeyWrite["operation"] | null {
  const code = bytes[reader.offset + 1];
  if (bytes[reader.offset] !== operationHead || (code !== putCode && code !== appendCode)) return null;
  reader.array();
  reader.unsigned();
  if (!reader.isAtText()) return null;
  const key = reader.text();
  const isText = reader.isAtText();
  if (!isText && !reader.isAtBytes()) return null;
  const value = isText ? reader.text() : reader.bytes();
  if (keyProblem(key) !== null || valueProblem(value) !== null) return null;
  return { kind: code === putCode ? "put" : "append", key, value };
}
