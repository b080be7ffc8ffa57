/**
 * What nodes say to each other about entries that one of them has lost, on a connection of the role "repair".
 *
 * ```text
 * request = [1, checksum]                                what is known of your log?
 *         | [2, term, first, last, checksum]             the entries first to last, which are of this term
 * reply   = [1, currentTerm, [terms, …], held, checksum] its log, and logs that it once was if damage has cut it off from them
 *         | [2, entries, checksum]
 * terms   = [[term, first, last], …]                     which term stands where, as far as the answerer is certain; ascending
 * held    = [[term, first, last], …]                     the entries that it has, intact; of each term ascending
 * entries = [entry, …]                                   consecutive from first on; as many as it has and as fit a frame
 * ```
 *
 * The side that dialled asks, one request after the other; the other side answers. An item ends with the checksum of all
 * before it (`wire/checksum.ts`). Frames are at most as long as between peers.
 *
 * @module
 */
import type { Entry, LogIndex, Term } from "../core/types.ts";
import { CborError } from "../encoding/cbor.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { readEntry, readPosition, writeEntry } from "../encoding/entry_codec.ts";
import type { TermRun } from "../storage/known_log.ts";
import { readChecksum, writeChecksum } from "../wire/checksum.ts";
import { finishFrame, frameHeaderBytes, startFrame } from "../wire/frame.ts";

const reportKind = 1;
const entriesKind = 2;

/** What is asked. */
export type RepairRequest =
  | { readonly kind: "report" }
  | { readonly kind: "entries"; readonly term: Term; readonly first: LogIndex; readonly last: LogIndex };

/** What a node knows of its log, at one moment. */
export interface LogReport {
  /** currentTerm: at least as high as any that is durable there. */
  readonly currentTerm: Term;
  /** Which term stands where in its log, and in logs that it once was; as far as that is certain, ascending. */
  readonly logs: readonly (readonly TermRun[])[];
  /** The entries that are there, of whatever log. */
  readonly held: readonly TermRun[];
}

/** The answer. */
export type RepairReply =
  | { readonly kind: "report"; readonly report: LogReport }
  | { readonly kind: "entries"; readonly entries: readonly Entry[] };

/** A request as a frame. */
export function encodeRequest(request: RepairRequest): Uint8Array {
  const writer = new CborWriter();
  startFrame(writer);
  if (request.kind === "report") {
    writer.array(2);
    writer.integer(reportKind);
  } else {
    writer.array(5);
    for (const number of [entriesKind, request.term, request.first, request.last]) writer.integer(number);
  }
  writeChecksum(writer, frameHeaderBytes);
  return finishFrame(writer);
}

/** Reads a request. Throws a {@link CborError} on anything else. */
export function decodeRequest(item: Uint8Array): RepairRequest {
  const reader = new CborReader(item);
  const fields = reader.array();
  const kind = reader.unsigned();
  if (kind === reportKind && fields === 2) {
    readChecksum(reader, item);
    return { kind: "report" };
  }
  if (kind !== entriesKind || fields !== 5) throw new CborError(`no request of kind ${kind} has ${fields} fields`);
  const request = { kind: "entries", ...readRun(reader) } as const;
  readChecksum(reader, item);
  return request;
}

/** A reply as a frame. */
export function encodeReply(reply: RepairReply): Uint8Array {
  const writer = new CborWriter();
  startFrame(writer);
  if (reply.kind === "report") {
    writer.array(5);
    writer.integer(reportKind);
    writer.integer(reply.report.currentTerm);
    writer.array(reply.report.logs.length);
    for (const runs of [...reply.report.logs, reply.report.held]) writeRuns(writer, runs);
  } else {
    writer.array(3);
    writer.integer(entriesKind);
    writer.array(reply.entries.length);
    for (const entry of reply.entries) writeEntry(writer, entry);
  }
  writeChecksum(writer, frameHeaderBytes);
  return finishFrame(writer);
}

/** Reads a reply. Throws a {@link CborError} on anything else. */
export function decodeReply(item: Uint8Array): RepairReply {
  const reader = new CborReader(item);
  const fields = reader.array();
  const kind = reader.unsigned();
  if (kind === reportKind && fields === 5) {
    const currentTerm = readPosition(reader);
    const logs = Array.from({ length: reader.array() }, () => readRuns(reader, true));
    const report = { currentTerm, logs, held: readRuns(reader, false) };
    readChecksum(reader, item);
    return { kind: "report", report };
  }
  if (kind !== entriesKind || fields !== 3) throw new CborError(`no reply of kind ${kind} has ${fields} fields`);
  const entries = Array.from({ length: reader.array() }, () => readEntry(reader));
  readChecksum(reader, item);
  return { kind: "entries", entries };
}

function writeRuns(writer: CborWriter, runs: readonly TermRun[]): void {
  writer.array(runs.length);
  for (const { term, first, last } of runs) {
    writer.array(3);
    for (const number of [term, first, last]) writer.integer(number);
  }
}

function readRuns(reader: CborReader, isOneLog: boolean): TermRun[] {
  const runs: TermRun[] = [];
  const count = reader.array();
  for (let at = 0; at < count; at++) {
    reader.expectArray(3);
    const run = readRun(reader);
    const before = runs.at(-1);
    if (isOneLog && before !== undefined && (run.first <= before.last || run.term < before.term)) {
      throw new CborError("runs of terms do not ascend");
    }
    runs.push(run);
  }
  return runs;
}

function readRun(reader: CborReader): TermRun {
  const run = { term: readPosition(reader), first: readPosition(reader), last: readPosition(reader) };
  if (run.first < 1 || run.last < run.first) throw new CborError(`${run.first} to ${run.last} is no range of entries`);
  return run;
}
