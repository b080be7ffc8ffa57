/**
 * The file `meta`: whose directory this is, and whom it knows. Written anew, as a whole, each time the directory is
 * opened and when a peer's directory is met for the first time in one of its openings.
 *
 * ```text
 * meta = preamble, one record: [cluster id, name, directory id, initial configuration,
 *                               incarnation, generation, opening, retired, [[identity, directory id, generation, opening], …]]
 * ```
 *
 * The directory id is made from cluster, node and time of creation; the ids of all other files hang on it, so that a file
 * of another directory, or of an earlier one under the same name, is never taken for one of this.
 *
 * What a crash leaves while it is written anew: the old one or the new one, and perhaps `meta.tmp`.
 *
 * What a crash leaves while a directory is created: first the log's first segment is made durable, then `meta.tmp` is
 * written, fsynced and renamed. A directory without `meta` whose log holds nothing but the opening batch of its first
 * segment never served anyone, and is created anew; one that holds more has lost its `meta`.
 *
 * @module
 */
import type { Configuration, DirectoryStamp, NodeId } from "../core/types.ts";
import { CborError } from "../encoding/cbor_value.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { readConfiguration, readNodeId, writeConfiguration } from "../encoding/entry_codec.ts";
import type { FileSystem } from "./file_system.ts";
import {
  encodePreamble,
  hasPreamble,
  magics,
  makeFileId,
  preambleBytes,
  readRecord,
  recordTypes,
  RecordWriter,
} from "./record.ts";
import { corruptError, StorageError } from "./storage_error.ts";

/** Name of the file. */
export const metaName = "meta";
const temporaryName = "meta.tmp";
/** Larger than this no meta file is. */
const maxMetaBytes = 1024 * 1024;
const metaFileId = makeFileId(0x6d657461, 0);
const metaFields = 9;

/** Whose directory it is. */
export interface Meta {
  /** The cluster. */
  readonly clusterId: string;
  /** The node's name. */
  readonly nodeId: NodeId;
  /** The directory itself, unlike any other. */
  readonly directoryId: string;
  /** The configuration at index 0. */
  readonly initialConfiguration: Configuration;
  /** With the name, the identity under which the node speaks from this directory: see {@link NodeId}. */
  readonly incarnation: number;
  /** See {@link DirectoryStamp}; 0 in a directory that is being created. */
  readonly generation: number;
  /** See {@link DirectoryStamp}. */
  readonly opening: string;
  /** Why nobody may speak under this identity any more; empty while somebody may. */
  readonly retired: string;
  /** The directories of peers, by identity, as they were met last. */
  readonly peers: ReadonlyMap<NodeId, DirectoryStamp>;
}

/** Writes the meta file, new or in place of the one that is there; durable when it resolves. One call at a time. */
export async function writeMeta(fileSystem: FileSystem, meta: Meta): Promise<void> {
  const cbor = new CborWriter();
  cbor.array(metaFields);
  cbor.text(meta.clusterId);
  cbor.text(meta.nodeId);
  cbor.text(meta.directoryId);
  writeConfiguration(cbor, meta.initialConfiguration);
  cbor.integer(meta.incarnation);
  cbor.integer(meta.generation);
  cbor.text(meta.opening);
  cbor.text(meta.retired);
  cbor.array(meta.peers.size);
  for (const [identity, stamp] of meta.peers) {
    cbor.array(4);
    cbor.text(identity);
    cbor.text(stamp.directoryId);
    cbor.integer(stamp.generation);
    cbor.text(stamp.opening);
  }
  const records = new RecordWriter(metaFileId);
  records.start(preambleBytes, 0);
  records.append(recordTypes.meta, 0, cbor.view());
  const bytes = new Uint8Array(preambleBytes + records.length);
  bytes.set(encodePreamble(magics.meta));
  bytes.set(records.view(), preambleBytes);

  // Left by an attempt that failed.
  if ((await fileSystem.list()).includes(temporaryName)) await fileSystem.remove(temporaryName);
  const file = await fileSystem.open(temporaryName, { create: true });
  try {
    await file.write(0, bytes);
    await file.sync();
  } finally {
    file.close();
  }
  await fileSystem.rename(temporaryName, metaName);
  await fileSystem.syncDirectory();
}

/** Reads the meta file. Throws a {@link StorageError} when it is damaged. */
export async function readMeta(fileSystem: FileSystem): Promise<Meta> {
  const directory = fileSystem.directory;
  const file = await fileSystem.open(metaName);
  let bytes: Uint8Array;
  try {
    const size = await file.size();
    if (size > maxMetaBytes) throw corruptError(directory, metaName, 0, `it has ${size} bytes`);
    bytes = await file.read(0, size);
  } finally {
    file.close();
  }
  if (!hasPreamble(bytes, magics.meta, directory, metaName)) {
    throw corruptError(directory, metaName, 0, "its preamble is not intact");
  }
  const reading = readRecord(bytes, preambleBytes, preambleBytes, metaFileId);
  if (reading.kind === "bad") throw corruptError(directory, metaName, preambleBytes, reading.reason);
  const { record } = reading;
  if (record.type !== recordTypes.meta || preambleBytes + record.bytes !== bytes.length) {
    throw corruptError(directory, metaName, preambleBytes, "it does not hold exactly one record");
  }
  try {
    const reader = new CborReader(record.payload);
    reader.expectArray(metaFields);
    const meta: Meta = {
      clusterId: reader.text(),
      nodeId: reader.text(),
      directoryId: reader.text(),
      initialConfiguration: readConfiguration(reader),
      incarnation: reader.unsigned(),
      generation: reader.unsigned(),
      opening: reader.text(),
      retired: reader.text(),
      peers: readPeers(reader),
    };
    reader.end();
    return meta;
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw corruptError(directory, metaName, preambleBytes, `its record cannot be read (${error.message})`);
  }
}

function readPeers(reader: CborReader): Map<NodeId, DirectoryStamp> {
  const peers = new Map<NodeId, DirectoryStamp>();
  const count = reader.array();
  for (let at = 0; at < count; at++) {
    reader.expectArray(4);
    const identity = readNodeId(reader);
    peers.set(identity, { directoryId: reader.text(), generation: reader.unsigned(), opening: reader.text() });
  }
  return peers;
}

/** Throws a {@link StorageError} unless the directory belongs to this node of this cluster. */
export function checkOwner(meta: Meta, directory: string, clusterId: string, nodeId: NodeId): void {
  if (meta.clusterId === clusterId && meta.nodeId === nodeId) return;
  throw new StorageError(
    "foreign",
    `Cannot open data directory ${directory} for node ${nodeId} of cluster ${clusterId}: it belongs to node ` +
      `${meta.nodeId} of cluster ${meta.clusterId}. Use that name, or another directory.`,
  );
}

/** Throws a {@link StorageError} when nobody may speak under the directory's identity any more. */
export function checkNotRetired(meta: Meta, directory: string): void {
  if (meta.retired === "") return;
  throw new StorageError(
    "retired",
    `Cannot open data directory ${directory}: it was given up, because ${meta.retired}`,
  );
}
