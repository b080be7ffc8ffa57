/**
 * The handshake. Whoever connected sends a hello as its first frame, the other side answers with a helloReply, and only
 * then do frames of the connection's role follow.
 *
 * ```text
 * hello      = [magic, version, clusterId, role, nodeId, targetNodeId, stamp?]
 *   magic        text "balsa"
 *   version      unsigned 1
 *   clusterId    text, at most 128 characters (UTF-16 units); a client may send "" for "whichever"
 *   role         text "peer" (another node of the cluster), "repair" (one that has lost entries) or "client"
 *   nodeId       text, the identity of 1 to 64 characters of a peer, or of a node in repair; "" for a client
 *   targetNodeId text, the name of the node that is meant; "" for "whoever listens here" (a peer always names it)
 *   stamp        [directoryId text, generation unsigned, opening text], where the peer keeps its promises; left out by a
 *                client, and by a peer without a directory
 *
 * helloReply = [magic, version, clusterId, nodeId, errorCode, message, knowledge?]
 *   magic        text "balsa"
 *   version      unsigned, the answerer's version
 *   clusterId    text, the answerer's cluster
 *   nodeId       text, the answerer's identity, to a client its name
 *   errorCode    text, "" when the connection is accepted, otherwise one of HelloErrorCode; the connection then ends
 *   message      text for people, "" when accepted
 *   knowledge    [stamp or null, leader text, member text]: the answerer's own stamp; the leader it follows, "" for none;
 *                the latest identity under which the asker's name is in its configuration, "" for none
 * ```
 *
 * Both are frames of at most 4096 bytes. magic and version keep their places in every future version, which may add
 * fields behind them: version is looked at before the number of fields. A first frame that does not begin with the magic
 * is not answered: whoever sent it does not speak this protocol.
 *
 * @module
 */
import type { DirectoryStamp, NodeId } from "../core/types.ts";
import { CborError } from "../encoding/cbor.ts";
import { CborReader } from "../encoding/cbor_reader.ts";
import { CborWriter } from "../encoding/cbor_writer.ts";
import { isNodeId } from "../encoding/entry_codec.ts";
import { finishFrame, startFrame } from "./frame.ts";
import { maxClusterIdLength } from "./limits.ts";

/** First field of every hello and helloReply. */
export const magic = "balsa";

/** The version of everything under raft/wire and of the entries' encoding. */
export const protocolVersion = 1;

/** Longest text in a stamp, in characters. */
const maxStampTextLength = 512;

/** What a connection is for. */
export type ConnectionRole = "peer" | "repair" | "client";

/** Who connects, and to whom. */
export interface Hello {
  /** The cluster meant; "" (clients only) for whichever is there. */
  readonly clusterId: string;
  /** What the connection is for. */
  readonly role: ConnectionRole;
  /** The peer's identity; "" for a client. */
  readonly nodeId: NodeId;
  /** The name of the node meant; "" for whoever listens. */
  readonly targetNodeId: NodeId;
  /** Where a peer keeps its promises. */
  readonly stamp?: DirectoryStamp;
}

/**
 * Why a hello was refused: another protocol version; another cluster; another node than the one meant; a peer that the
 * node does not know or that bears its own name; an identity under which its directory may not speak any more; a node
 * that cannot serve before its log is repaired; fields that make no sense; too many connections.
 */
export type HelloErrorCode =
  | "version"
  | "wrongCluster"
  | "wrongNode"
  | "unknownPeer"
  | "retired"
  | "repairing"
  | "malformed"
  | "tooManyConnections";

/** What the answerer knows, for a peer that must find out how it stands. */
export interface Knowledge {
  /** Where the answerer keeps its promises; null without a directory. */
  readonly stamp: DirectoryStamp | null;
  /** The leader it follows, itself perhaps; "" for none. */
  readonly leader: NodeId;
  /** The latest identity under which the asker's name is in its committed configuration; "" for none, or for a client. */
  readonly member: NodeId;
}

/** The answer to a {@link Hello}. */
export interface HelloReply {
  /** The answerer's cluster. */
  readonly clusterId: string;
  /** The answerer's identity; to a client its name. */
  readonly nodeId: NodeId;
  /** Empty when accepted; a code that this version does not know is still a refusal. */
  readonly errorCode: HelloErrorCode | "" | (string & Record<never, never>);
  /** For people; empty when accepted. */
  readonly message: string;
  /** What the answerer knows, if it has a directory. */
  readonly knowledge?: Knowledge;
}

/** What a first frame turned out to be. */
export type HelloOutcome<Item> =
  | { readonly kind: "ok"; readonly hello: Item }
  /** Not this protocol at all. */
  | { readonly kind: "foreign" }
  /** This protocol in a version that is not spoken here. */
  | { readonly kind: "version"; readonly version: number }
  /** This version, but broken. */
  | { readonly kind: "malformed"; readonly problem: string };

/** A hello as a frame. */
export function encodeHello(hello: Hello): Uint8Array {
  const writer = startHello(hello.stamp === undefined ? 6 : 7);
  for (const field of [hello.clusterId, hello.role, hello.nodeId, hello.targetNodeId]) writer.text(field);
  if (hello.stamp !== undefined) writeStamp(writer, hello.stamp);
  return finishFrame(writer);
}

/** A helloReply as a frame. */
export function encodeHelloReply(reply: HelloReply): Uint8Array {
  const { knowledge } = reply;
  const writer = startHello(knowledge === undefined ? 6 : 7);
  for (const field of [reply.clusterId, reply.nodeId, reply.errorCode, reply.message]) writer.text(field);
  if (knowledge !== undefined) {
    writer.array(3);
    if (knowledge.stamp === null) writer.null();
    else writeStamp(writer, knowledge.stamp);
    writer.text(knowledge.leader);
    writer.text(knowledge.member);
  }
  return finishFrame(writer);
}

/** Reads the item of a first frame. Never throws. */
export function decodeHello(item: Uint8Array): HelloOutcome<Hello> {
  return decode(item, (reader, fields) => {
    const clusterId = readShortText(reader, maxClusterIdLength);
    const role = reader.text();
    const nodeId = reader.text();
    const targetNodeId = reader.text();
    if (role !== "peer" && role !== "repair" && role !== "client") {
      throw new CborError("the role is neither peer nor repair nor client");
    }
    const isPeer = role !== "client";
    if (isPeer ? !isNodeId(nodeId) : nodeId !== "") throw new CborError(`not a node name for a ${role}`);
    if (isPeer && clusterId === "") throw new CborError("a peer must name its cluster");
    if (targetNodeId === "" ? isPeer : !isNodeId(targetNodeId)) throw new CborError("not a node name as the target");
    const hello = { clusterId, role, nodeId, targetNodeId } as const;
    return fields === 6 ? hello : { ...hello, stamp: readStamp(reader) };
  });
}

/** Reads the item of the answer to a hello. Never throws. */
export function decodeHelloReply(item: Uint8Array): HelloOutcome<HelloReply> {
  return decode(item, (reader, fields) => {
    const clusterId = readShortText(reader, maxClusterIdLength);
    const nodeId = reader.text();
    const errorCode = reader.text();
    const message = reader.text();
    if (!isNodeId(nodeId)) throw new CborError("not a node name");
    const reply = { clusterId, nodeId, errorCode, message };
    if (fields === 6) return reply;
    reader.expectArray(3);
    const stamp = reader.nullable(() => readStamp(reader));
    return { ...reply, knowledge: { stamp, leader: readIdentity(reader), member: readIdentity(reader) } };
  });
}

function startHello(fields: number): CborWriter {
  const writer = new CborWriter();
  startFrame(writer);
  writer.array(fields);
  writer.text(magic);
  writer.integer(protocolVersion);
  return writer;
}

function decode<Item>(item: Uint8Array, readFields: (reader: CborReader, fields: number) => Item): HelloOutcome<Item> {
  const reader = new CborReader(item);
  let version: number;
  let fields: number;
  try {
    fields = reader.array();
    if (reader.text() !== magic) return { kind: "foreign" };
    version = reader.unsigned();
  } catch (error) {
    if (error instanceof CborError) return { kind: "foreign" };
    throw error;
  }
  if (version !== protocolVersion) return { kind: "version", version };
  try {
    if (fields !== 6 && fields !== 7) {
      return { kind: "malformed", problem: `6 or 7 fields expected, found ${fields}` };
    }
    const hello = readFields(reader, fields);
    reader.end();
    return { kind: "ok", hello };
  } catch (error) {
    if (error instanceof CborError) return { kind: "malformed", problem: error.message };
    throw error;
  }
}

function readShortText(reader: CborReader, maxLength: number): string {
  const text = reader.text();
  if (text.length > maxLength) throw new CborError(`a text of ${text.length} characters: ${maxLength} is the limit`);
  return text;
}

function writeStamp(writer: CborWriter, stamp: DirectoryStamp): void {
  writer.array(3);
  writer.text(stamp.directoryId);
  writer.integer(stamp.generation);
  writer.text(stamp.opening);
}

function readStamp(reader: CborReader): DirectoryStamp {
  reader.expectArray(3);
  return {
    directoryId: readShortText(reader, maxStampTextLength),
    generation: reader.unsigned(),
    opening: readShortText(reader, maxStampTextLength),
  };
}

/** The identity of a node, or "". */
function readIdentity(reader: CborReader): NodeId {
  const id = reader.text();
  if (id !== "" && !isNodeId(id)) throw new CborError("not a node name");
  return id;
}
