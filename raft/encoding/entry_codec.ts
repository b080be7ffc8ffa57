/**
 * Log entries, configurations and snapshot metadata as CBOR, the same on disk and on the wire. All are positional arrays:
 *
 * ```text
 * EntryId       = [index, term]
 * Configuration = [[voter, …], [outgoing voter, …], [learner, …]]     each list of texts ascending, without duplicates
 * SnapshotMeta  = [EntryId, Configuration]
 * Entry         = [index, term, kind, clusterTimeMs, payload]
 *                 kind 0, a command:         payload is the command's byte string
 *                 kind 1, a no-op:           payload is null
 *                 kind 2, a configuration:   payload is a Configuration
 * ```
 *
 * Index, term and clusterTimeMs are unsigned; index and term are at most 2^52, and at least 1 in an entry. Member names
 * have 1 to 64 characters (UTF-16 units) and ascend by them.
 *
 * @module
 */
import {
  type Configuration,
  type Entry,
  type EntryId,
  maxTerm,
  type NodeId,
  type SnapshotMeta,
} from "../core/types.ts";
import { CborError } from "./cbor_value.ts";
import type { CborReader } from "./cbor_reader.ts";
import type { CborWriter } from "./cbor_writer.ts";

const commandKind = 0;
const noOpKind = 1;
const configurationKind = 2;

/** Longest {@link NodeId}, in characters. */
export const maxNodeIdLength = 64;

/** Whether `text` can name a node. */
export function isNodeId(text: string): boolean {
  return text.length >= 1 && text.length <= maxNodeIdLength;
}

/** Writes an entry. */
export function writeEntry(writer: CborWriter, entry: Entry): void {
  writer.array(5);
  writer.integer(entry.index);
  writer.integer(entry.term);
  switch (entry.kind) {
    case "command":
      writer.integer(commandKind);
      writer.integer(entry.clusterTimeMs);
      return writer.bytes(entry.data);
    case "noop":
      writer.integer(noOpKind);
      writer.integer(entry.clusterTimeMs);
      return writer.null();
    case "configuration":
      writer.integer(configurationKind);
      writer.integer(entry.clusterTimeMs);
      return writeConfiguration(writer, entry.configuration);
  }
}

/** Reads an entry; a command's data is what `reader.bytes()` gives, so usually a view. Throws {@link CborError}. */
export function readEntry(reader: CborReader): Entry {
  reader.expectArray(5);
  const index = readPosition(reader);
  const term = readPosition(reader);
  if (index === 0 || term === 0) throw new CborError(`Cannot decode an entry: index ${index}, term ${term}`);
  const kind = reader.unsigned();
  const clusterTimeMs = reader.unsigned();
  switch (kind) {
    case commandKind:
      return { index, term, kind: "command", clusterTimeMs, data: reader.bytes() };
    case noOpKind:
      if (reader.nullable(() => reader.skip()) !== null) throw new CborError("Cannot decode a no-op: it has a payload");
      return { index, term, kind: "noop", clusterTimeMs };
    case configurationKind:
      return { index, term, kind: "configuration", clusterTimeMs, configuration: readConfiguration(reader) };
    default:
      throw new CborError(`Cannot decode an entry: its kind ${kind} is unknown; it may come from a newer version`);
  }
}

/** Writes a configuration. */
export function writeConfiguration(writer: CborWriter, configuration: Configuration): void {
  writer.array(3);
  writeMembers(writer, configuration.voters);
  writeMembers(writer, configuration.outgoing);
  writeMembers(writer, configuration.learners);
}

/** Reads a configuration and checks what its type promises. Throws {@link CborError}. */
export function readConfiguration(reader: CborReader): Configuration {
  reader.expectArray(3);
  const voters = readMembers(reader);
  const outgoing = readMembers(reader);
  const learners = readMembers(reader);
  if (voters.length === 0) throw new CborError("Cannot decode a configuration: it has no voters");
  // A set: a hostile frame can name 65,536 members, and every pair of them would take seconds.
  const voterSet = new Set(voters);
  const both = learners.find((learner) => voterSet.has(learner));
  if (both !== undefined) throw new CborError(`Cannot decode a configuration: ${both} is voter and learner`);
  return { voters, outgoing, learners };
}

/** Writes an entry's identity. */
export function writeEntryId(writer: CborWriter, id: EntryId): void {
  writer.array(2);
  writer.integer(id.index);
  writer.integer(id.term);
}

/** Reads an entry's identity. Throws {@link CborError}. */
export function readEntryId(reader: CborReader): EntryId {
  reader.expectArray(2);
  return { index: readPosition(reader), term: readPosition(reader) };
}

/** Writes what a snapshot stands for. */
export function writeSnapshotMeta(writer: CborWriter, snapshot: SnapshotMeta): void {
  writer.array(2);
  writeEntryId(writer, snapshot.last);
  writeConfiguration(writer, snapshot.configuration);
}

/** Reads what a snapshot stands for. Throws {@link CborError}. */
export function readSnapshotMeta(reader: CborReader): SnapshotMeta {
  reader.expectArray(2);
  return { last: readEntryId(reader), configuration: readConfiguration(reader) };
}

/** Reads a term or an index: from 0 to 2^52, so that arithmetic on it stays exact. Throws {@link CborError}. */
export function readPosition(reader: CborReader): number {
  const position = reader.unsigned();
  if (position > maxTerm) throw new CborError(`Cannot accept ${position} as a term or index: 2^52 is the limit`);
  return position;
}

/** Reads the name of a node. Throws {@link CborError}. */
export function readNodeId(reader: CborReader): NodeId {
  const id = reader.text();
  if (!isNodeId(id)) throw new CborError(`Cannot accept a node name of ${id.length} characters: 1 to 64 are allowed`);
  return id;
}

function writeMembers(writer: CborWriter, members: readonly NodeId[]): void {
  writer.array(members.length);
  for (const member of members) writer.text(member);
}

function readMembers(reader: CborReader): NodeId[] {
  const count = reader.array();
  const members: NodeId[] = [];
  let previous = "";
  for (let at = 0; at < count; at++) {
    const member = readNodeId(reader);
    // A name is never empty, so the first one passes.
    if (member <= previous) throw new CborError("Cannot decode a configuration: members must ascend, none twice");
    members.push(member);
    previous = member;
  }
  return members;
}
