/**
 * Raft messages as CBOR: what the frames of a connection of role "peer" hold, after the handshake and beside pings.
 *
 * Every message is a positional array that begins with the same four fields and ends with a checksum,
 * `[type, from, to, term, …, checksum]`:
 *
 * ```text
 * PreVote               [ 1, from, to, term, EntryId lastLog, checksum]
 * PreVoteReply          [ 2, from, to, term, bool voteGranted, checksum]
 * RequestVote           [ 3, from, to, term, EntryId lastLog, bool leadershipTransfer, checksum]
 * RequestVoteReply      [ 4, from, to, term, bool voteGranted, checksum]
 * AppendEntries         [ 5, from, to, term, EntryId prevLog, leaderCommit, readRound, [Entry, …], checksum]
 * AppendEntriesReply    [ 6, from, to, term, bool success, matchIndex, EntryId hint, readRound, checksum]
 * InstallSnapshot       [ 7, from, to, term, SnapshotMeta snapshot, offset, bytes data, dataChecksum, bool done, checksum]
 * InstallSnapshotReply  [ 8, from, to, term, EntryId snapshot, nextOffset, checksum]
 * TimeoutNow            [ 9, from, to, term, checksum]
 * ReadIndex             [10, from, to, term, context, checksum]
 * ReadIndexReply        [11, from, to, term, context, index, checksum]
 * StateDigest          [128, from, to, term, version, index, digest, bool isQuestion, checksum]
 * Reminder             [129, from, to, term, matchIndex, checksum]
 * ```
 *
 * A number of 128 or above stands for what Raft works without: who does not know it passes the message over, so that such
 * messages can be added, and changed by giving them another number, without a new version of the protocol.
 *
 * `from` and `to` are texts of 1 to 64 characters: the names of the connection's two ends, sender first. `term`,
 * `leaderCommit`, `matchIndex` and `index` are unsigned and at most 2^52; `readRound`, `context` and offsets are unsigned
 * and at most 2^53 - 1; `digest` is unsigned and below 2^32. `dataChecksum` is the CRC-32 of `data`, as stored with the snapshot; `checksum` is the CRC-32
 * (zlib's) of all bytes of the item before it, its initial byte included; both are unsigned and below 2^32.
 *
 * EntryId, Entry and SnapshotMeta are those of `encoding/entry_codec.ts`. Entries have consecutive indexes from
 * prevLog.index + 1 on, and terms that never fall, from prevLog.term at least to `term` at most. What a field means stands
 * in `core/message.ts`.
 *
 * Messages flow one way: A sends on the connection that A opened, and hears of B on the connection that B opened. On the
 * other direction of each there are only the helloReply and pings. Each message stands by itself: any frame may be lost,
 * delayed or repeated without harm.
 *
 * A frame that breaks any of this, or an unknown number below 128, ends the connection.
 *
 * @module
 */
import type {
  AppendEntries,
  AppendEntriesReply,
  InstallSnapshot,
  InstallSnapshotReply,
  MessageHeader,
  PeerMessage,
  ReadIndexReply,
  StateDigest,
} from "../core/message.ts";
import type { Entry, EntryId } from "../core/types.ts";
import { CborError } from "../encoding/cbor.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import {
  readEntry,
  readEntryId,
  readNodeId,
  readPosition,
  readSnapshotMeta,
  writeEntry,
  writeEntryId,
  writeSnapshotMeta,
} from "../encoding/entry_codec.ts";
import { Pool } from "../encoding/pool.ts";
import { readChecksum, writeChecksum } from "./checksum.ts";
import { finishFrame, frameHeaderBytes, startFrame } from "./frame.ts";

/** The number that stands for each type of message. */
const codes = {
  PreVote: 1,
  PreVoteReply: 2,
  RequestVote: 3,
  RequestVoteReply: 4,
  AppendEntries: 5,
  AppendEntriesReply: 6,
  InstallSnapshot: 7,
  InstallSnapshotReply: 8,
  TimeoutNow: 9,
  ReadIndex: 10,
  ReadIndexReply: 11,
  StateDigest: 128,
  Reminder: 129,
} as const satisfies Record<PeerMessage["type"], number>;

const knownCodes: ReadonlySet<number> = new Set(Object.values(codes));

/** Messages with this number or a greater one may be passed over. */
const firstOptionalCode = 128;

/** Fields that every message begins with. */
const headerFields = 4;

/** Used by one synchronous call at a time. */
const sharedWriter = new CborWriter(64 * 1024);

/** Holds the encoding of {@link encodedEntries}: a leader sends the same array to one follower after the other. */
const entriesWriter = new CborWriter(64 * 1024);
let encodedEntries: readonly Entry[] | null = null;

/** A message as a CBOR item. */
export function encodeMessage(message: PeerMessage): Uint8Array {
  sharedWriter.reset();
  writeMessage(sharedWriter, message);
  writeChecksum(sharedWriter, 0);
  return sharedWriter.finish();
}

/** A message as a whole frame, length and all. */
export function encodeMessageFrame(message: PeerMessage): Uint8Array {
  startFrame(sharedWriter);
  writeMessage(sharedWriter, message);
  writeChecksum(sharedWriter, frameHeaderBytes);
  return finishFrame(sharedWriter);
}

/**
 * The message in `item`, checked field by field. Commands and snapshot data are views into `item`. Throws
 * {@link CborError} on anything that {@link encodeMessage} would not have made. Null for a message of a later version that
 * may be passed over.
 */
export function decodeMessage(item: Uint8Array): PeerMessage | null {
  const reader = new CborReader(item);
  const fields = reader.array();
  const code = reader.unsigned();
  const header: MessageHeader = { from: readNodeId(reader), to: readNodeId(reader), term: readPosition(reader) };
  const isPassedOver = code >= firstOptionalCode && !knownCodes.has(code);
  const message = isPassedOver ? passOver(reader, fields) : readBody(reader, code, header, fields);
  readChecksum(reader, item);
  return message;
}

/** For commands of entries, which stay in the log with their neighbours. */
const commandPool = new Pool();

/**
 * The message with bytes of its own in place of views. Most messages have none: to copy the frame would give every
 * heartbeat and every reply memory of its own.
 */
export function withOwnBytes(message: PeerMessage): PeerMessage {
  switch (message.type) {
    case "AppendEntries":
      return message.entries.length === 0 ? message : { ...message, entries: message.entries.map(ownEntry) };
    case "InstallSnapshot":
      return { ...message, data: message.data.slice() };
    default:
      return message;
  }
}

function ownEntry(entry: Entry): Entry {
  return entry.kind === "command" ? { ...entry, data: commandPool.copy(entry.data, 0, entry.data.length) } : entry;
}

function writeHeader(writer: CborWriter, fields: number, message: PeerMessage): void {
  writer.array(fields);
  writer.integer(codes[message.type]);
  writer.text(message.from);
  writer.text(message.to);
  writer.integer(message.term);
}

function writeMessage(writer: CborWriter, message: PeerMessage): void {
  switch (message.type) {
    case "PreVote":
      writeHeader(writer, 6, message);
      return writeEntryId(writer, message.lastLog);
    case "RequestVote":
      writeHeader(writer, 7, message);
      writeEntryId(writer, message.lastLog);
      return writer.boolean(message.leadershipTransfer);
    case "PreVoteReply":
    case "RequestVoteReply":
      writeHeader(writer, 6, message);
      return writer.boolean(message.voteGranted);
    case "AppendEntries":
      return writeAppendEntries(writer, message);
    case "AppendEntriesReply":
      return writeAppendEntriesReply(writer, message);
    case "InstallSnapshot":
      return writeInstallSnapshot(writer, message);
    case "InstallSnapshotReply":
      writeHeader(writer, 7, message);
      writeEntryId(writer, message.snapshot);
      return writer.integer(message.nextOffset);
    case "TimeoutNow":
      return writeHeader(writer, 5, message);
    case "ReadIndex":
      writeHeader(writer, 6, message);
      return writer.integer(message.context);
    case "ReadIndexReply":
      writeHeader(writer, 7, message);
      writer.integer(message.context);
      return writer.integer(message.index);
    case "StateDigest":
      writeHeader(writer, 9, message);
      writer.integer(message.version);
      writer.integer(message.index);
      writer.integer(message.digest);
      return writer.boolean(message.isQuestion);
    case "Reminder":
      writeHeader(writer, 6, message);
      return writer.integer(message.matchIndex);
  }
}

function writeAppendEntries(writer: CborWriter, message: AppendEntries): void {
  writeHeader(writer, 9, message);
  writeEntryId(writer, message.prevLog);
  writer.integer(message.leaderCommit);
  writer.integer(message.readRound);
  writer.raw(encodeEntries(message.entries));
}

/** The entries as an array; valid until the next call. Those of the last call are not encoded again. */
function encodeEntries(entries: readonly Entry[]): Uint8Array {
  if (entries !== encodedEntries) {
    entriesWriter.reset();
    entriesWriter.array(entries.length);
    for (const entry of entries) writeEntry(entriesWriter, entry);
    encodedEntries = entries;
  }
  return entriesWriter.view();
}

function writeAppendEntriesReply(writer: CborWriter, message: AppendEntriesReply): void {
  writeHeader(writer, 9, message);
  writer.boolean(message.success);
  writer.integer(message.matchIndex);
  writeEntryId(writer, message.hint);
  writer.integer(message.readRound);
}

function writeInstallSnapshot(writer: CborWriter, message: InstallSnapshot): void {
  writeHeader(writer, 10, message);
  writeSnapshotMeta(writer, message.snapshot);
  writer.integer(message.offset);
  writer.bytes(message.data);
  writer.integer(message.checksum);
  writer.boolean(message.done);
}

function readBody(reader: CborReader, code: number, header: MessageHeader, fields: number): PeerMessage {
  const { from, to, term } = header;
  const expectFields = (count: number): void => {
    if (fields !== count) throw cannot(`message ${code} has ${count} fields, found ${fields}`);
  };
  switch (code) {
    case codes.PreVote:
      expectFields(6);
      return { type: "PreVote", from, to, term, lastLog: readEntryId(reader) };
    case codes.PreVoteReply:
      expectFields(6);
      return { type: "PreVoteReply", from, to, term, voteGranted: reader.boolean() };
    case codes.RequestVote:
      expectFields(7);
      return {
        type: "RequestVote",
        from,
        to,
        term,
        lastLog: readEntryId(reader),
        leadershipTransfer: reader.boolean(),
      };
    case codes.RequestVoteReply:
      expectFields(6);
      return { type: "RequestVoteReply", from, to, term, voteGranted: reader.boolean() };
    case codes.AppendEntries:
      expectFields(9);
      return readAppendEntries(reader, header);
    case codes.AppendEntriesReply:
      expectFields(9);
      return readAppendEntriesReply(reader, header);
    case codes.InstallSnapshot:
      expectFields(10);
      return readInstallSnapshot(reader, header);
    case codes.InstallSnapshotReply:
      expectFields(7);
      return readInstallSnapshotReply(reader, header);
    case codes.TimeoutNow:
      expectFields(5);
      return { type: "TimeoutNow", from, to, term };
    case codes.ReadIndex:
      expectFields(6);
      return { type: "ReadIndex", from, to, term, context: reader.unsigned() };
    case codes.ReadIndexReply:
      expectFields(7);
      return readReadIndexReply(reader, header);
    case codes.StateDigest:
      expectFields(9);
      return readStateDigest(reader, header);
    case codes.Reminder:
      expectFields(6);
      return { type: "Reminder", from, to, term, matchIndex: readPosition(reader) };
    default:
      throw cannot(`message type ${code} is unknown`);
  }
}

/** Reads the fields between the header and the checksum. */
function passOver(reader: CborReader, fields: number): null {
  for (let field = headerFields; field < fields - 1; field++) reader.skip();
  return null;
}

function readAppendEntries(reader: CborReader, { from, to, term }: MessageHeader): AppendEntries {
  const prevLog = readEntryId(reader);
  const leaderCommit = readPosition(reader);
  const readRound = reader.unsigned();
  const entries = readEntries(reader, prevLog, term);
  return { type: "AppendEntries", from, to, term, prevLog, entries, leaderCommit, readRound };
}

/** Entries that continue `prevLog` and that a leader of `term` could have. */
function readEntries(reader: CborReader, prevLog: EntryId, term: number): Entry[] {
  if (prevLog.term > term) throw cannot(`prevLog of term ${prevLog.term} in a message of term ${term}`);
  const count = reader.array();
  const entries: Entry[] = [];
  let previous: EntryId = prevLog;
  for (let at = 0; at < count; at++) {
    const entry = readEntry(reader);
    if (entry.index !== previous.index + 1) throw cannot(`entry ${entry.index} follows entry ${previous.index}`);
    if (entry.term < previous.term) throw cannot(`entry ${entry.index}: its term falls from ${previous.term}`);
    previous = entry;
    entries.push(entry);
  }
  if (previous.term > term) throw cannot(`entries of term ${previous.term} in a message of term ${term}`);
  return entries;
}

function readAppendEntriesReply(reader: CborReader, { from, to, term }: MessageHeader): AppendEntriesReply {
  const success = reader.boolean();
  const matchIndex = readPosition(reader);
  const hint = readEntryId(reader);
  const readRound = reader.unsigned();
  return { type: "AppendEntriesReply", from, to, term, success, matchIndex, hint, readRound };
}

function readInstallSnapshot(reader: CborReader, { from, to, term }: MessageHeader): InstallSnapshot {
  const snapshot = readSnapshotMeta(reader);
  const offset = reader.unsigned();
  const data = reader.bytes();
  const checksum = reader.unsigned();
  const done = reader.boolean();
  if (checksum >= 2 ** 32) throw cannot("a checksum of more than 32 bits");
  if (!Number.isSafeInteger(offset + data.length)) throw cannot("a snapshot chunk that ends beyond 2^53 - 1");
  if (snapshot.last.term > term) throw cannot(`a snapshot of term ${snapshot.last.term} in a message of term ${term}`);
  return { type: "InstallSnapshot", from, to, term, snapshot, offset, data, checksum, done };
}

function readInstallSnapshotReply(reader: CborReader, { from, to, term }: MessageHeader): InstallSnapshotReply {
  const snapshot = readEntryId(reader);
  return { type: "InstallSnapshotReply", from, to, term, snapshot, nextOffset: reader.unsigned() };
}

function readReadIndexReply(reader: CborReader, { from, to, term }: MessageHeader): ReadIndexReply {
  const context = reader.unsigned();
  return { type: "ReadIndexReply", from, to, term, context, index: readPosition(reader) };
}

function readStateDigest(reader: CborReader, { from, to, term }: MessageHeader): StateDigest {
  const version = reader.unsigned();
  const index = readPosition(reader);
  const digest = reader.unsigned();
  if (digest >= 2 ** 32) throw cannot("a digest of more than 32 bits");
  return { type: "StateDigest", from, to, term, version, index, digest, isQuestion: reader.boolean() };
}

function cannot(problem: string): CborError {
  return new CborError(`Cannot decode a message between peers: ${problem}`);
}
