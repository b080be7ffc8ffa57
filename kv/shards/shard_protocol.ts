/**
 * What clients and other groups ask of a shard group's server. It builds on the protocol of `kv/protocol.ts`, whose page
 * tells how requests travel; here stand the bodies of requests and replies that are not described there.
 *
 * ```text
 * request = [16, shard, request]               for one shard: all but status, as there
 *         | [4]                                status, as there
 *         | [21, group, shard, number, offset]  fetch: a piece of a shard that this group has lost, as of configuration number
 *         | [19, group, shard, frozenAt]       drop: the asker's group has that copy of the shard
 *         | [22]                               groupStatus
 *
 * reply = as there, and
 *       | [64, number]                         wrongGroup: the group does not serve the shard, as of configuration number;
 *                                              nothing was executed, and a newer configuration may tell who does
 *       | [0, frozenAt, offset, bytes, sequence, clusterTimeMs, isLast]     to fetch
 *       | [0]                                  to drop: the copy is gone
 *       | [0, status]                          to groupStatus: a map, see GroupStatus
 * ```
 *
 * In a reply to a query for a shard the index is the number of commands that the shard has executed, in whichever groups.
 * Sessions belong to a shard and move with it: a write is repeated at the new owner with the same session and serial.
 *
 * The group in a fetch or drop is the one that is meant; another one refuses. A fetch is answered by any server of the group that has come to configuration `number`, as a lost copy does not change
 * any more. It begins at offset 0 and goes on where the last piece ended; every server gives the same bytes.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { type BodyReading, type BodyWriter, readAnyBody } from "../../raft/wire/rpc.ts";
import { type ReadRequest, readRequest } from "../service.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown, textFrom, textOrNullFrom } from "../shape.ts";
import { groupFrom } from "./configuration_codec.ts";
import { type CopyName, copyNameFrom, type CopyPiece, isForShardAt, pieceFrom, pieceToCbor } from "./group_commands.ts";
import { shardAt, shardCode, shardFrom } from "./group_commands.ts";
import type { GroupId } from "./shard_config.ts";

/** What is asked of a group's server. */
export type GroupRequest =
  /** For one shard; `request` is as it stands in `kv/protocol.ts`. */
  | { readonly kind: "shard"; readonly shard: number; readonly inner: ReadRequest }
  /** A piece of a shard that was lost. */
  | {
    readonly kind: "fetch";
    readonly group: GroupId;
    readonly shard: number;
    readonly number: number;
    readonly offset: number;
  }
  /** The copy is not needed any more. */
  | { readonly kind: "drop"; readonly group: GroupId; readonly copy: CopyName }
  /** How the group is. */
  | { readonly kind: "groupStatus" }
  /** How the server is. */
  | { readonly kind: "status" }
  /** What cannot be understood. */
  | { readonly kind: "badRequest"; readonly message: string };

/** How a shard stands at a server. */
export interface ShardStatus {
  /** The shard. */
  readonly shard: number;
  /** "serving", "gaining" (coming) or "lost" (kept until the new owner has it). */
  readonly state: string;
  /** Keys; 0 for a shard that is coming. */
  readonly keys: number;
  /** Bytes of keys and values; of a shard that is coming, what has come. */
  readonly bytes: number;
  /** The group it comes from or went to; 0 for none. */
  readonly peer: GroupId;
}

/** How a group is, as one of its servers knows it. */
export interface GroupStatus {
  /** The group. */
  readonly group: GroupId;
  /** The server's name. */
  readonly id: string;
  /** "leader" or another role. */
  readonly role: string;
  /** The configuration that the group is at. */
  readonly number: number;
  /** Copies that other groups have yet to drop. */
  readonly obligations: number;
  /** Bytes of the log behind the newest snapshot. */
  readonly logBytes: number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: number;
  /** Shards by number. */
  readonly shards: readonly ShardStatus[];
}

const statusCode = 4;
const dropCode = 19;
const fetchCode = 21;
const groupStatusCode = 22;

/** The reply code of wrongGroup. */
export const wrongGroupCode = 64;

/** Reads a request. Throws a CborError on what is not even well-formed. */
export function readGroupRequest(item: Uint8Array, offset: number, isOwn: boolean): BodyReading<GroupRequest> {
  if (isForShardAt(item, offset)) {
    const { shard, begin } = shardAt(item, offset);
    const { body: inner, end } = readRequest(item, begin, isOwn);
    return { body: { kind: "shard", shard, inner }, end };
  }
  const { body, end } = readAnyBody(item, offset, isOwn);
  return { body: requestOrProblem(body), end };
}

function requestOrProblem(body: CborValue): GroupRequest {
  try {
    return requestFromCbor(arrayFrom(body, "a request"));
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return { kind: "badRequest", message: error.message };
  }
}

function requestFromCbor(items: readonly CborValue[]): GroupRequest {
  switch (items[0]) {
    case statusCode:
      arrayOf(items, 1, "status");
      return { kind: "status" };
    case fetchCode: {
      const [, group, shard, number, offset] = arrayOf(items, 5, "fetch");
      return {
        kind: "fetch",
        group: groupFrom(group),
        shard: shardFrom(shard),
        number: counterFrom(number, 1, "number"),
        offset: counterFrom(offset, 0, "offset"),
      };
    }
    case dropCode: {
      const [, group, shard, frozenAt] = arrayOf(items, 4, "drop");
      return { kind: "drop", group: groupFrom(group), copy: copyNameFrom(shard, frozenAt) };
    }
    case groupStatusCode:
      arrayOf(items, 1, "groupStatus");
      return { kind: "groupStatus" };
    default:
      throw new ShapeError(`method ${shown(items[0])} is unknown to a server of a shard group`);
  }
}

/** A request for a shard, as it is to be written. */
export function forShard(shard: number, request: CborValue | BodyWriter): BodyWriter {
  return (writer) => {
    writer.array(3);
    writer.integer(shardCode);
    writer.integer(shard);
    if (typeof request === "function") request(writer);
    else writer.value(request);
  };
}

/** Asks for a piece. */
export function fetchToCbor(group: GroupId, shard: number, number: number, offset: number): CborValue {
  return [fetchCode, group, shard, number, offset];
}

/** Says that a copy is not needed any more. */
export function dropToCbor(group: GroupId, { shard, frozenAt }: CopyName): CborValue {
  return [dropCode, group, shard, frozenAt];
}

/** Asks how a group is. */
export const groupStatusRequest: CborValue = [groupStatusCode];

/** The reply to a fetch. */
export function pieceReply(piece: CopyPiece): CborValue {
  return [0, piece.frozenAt, ...pieceToCbor(piece)];
}

/** The piece that a reply to a fetch of `shard` holds; null for any other reply. */
export function pieceFromReply(shard: number, reply: CborValue): CopyPiece | null {
  const items = arrayFrom(reply, "a reply");
  if (items[0] !== 0) return null;
  const [, frozenAt, ...fields] = arrayOf(items, 7, "a piece");
  return pieceFrom(copyNameFrom(shard, frozenAt), fields);
}

/** Whether a reply says that it is done. */
export function isDone(reply: CborValue): boolean {
  return arrayFrom(reply, "a reply")[0] === 0;
}

/** The reply to a group status. */
export function groupStatusReply(status: GroupStatus): CborValue {
  const { group, id, role, number, obligations, logBytes, snapshotBytes, shards } = status;
  const rows = shards.map(({ shard, state, keys, bytes, peer }): CborValue => [shard, state, keys, bytes, peer]);
  return [0, [group, id, role, number, obligations, logBytes, snapshotBytes, rows]];
}

/** The inverse of {@link groupStatusReply}; throws {@link ShapeError} on anything else. */
export function groupStatusFromReply(reply: CborValue): GroupStatus {
  const [code, status] = arrayOf(reply, 2, "a reply");
  if (code !== 0) throw new ShapeError(`the server answered ${shown(code)}`);
  const [group, id, role, number, obligations, logBytes, snapshotBytes, shards] = arrayOf(
    status,
    8,
    "a group's status",
  );
  return {
    group: groupFrom(group),
    id: textFrom(id, "id"),
    role: textOrNullFrom(role, "role") ?? "",
    number: counterFrom(number, 0, "number"),
    obligations: counterFrom(obligations, 0, "obligations"),
    logBytes: counterFrom(logBytes, 0, "logBytes"),
    snapshotBytes: counterFrom(snapshotBytes, 0, "snapshotBytes"),
    shards: arrayFrom(shards, "shards").map((row) => {
      const [shard, state, keys, bytes, peer] = arrayOf(row, 5, "a shard");
      return {
        shard: shardFrom(shard),
        state: textFrom(state, "state"),
        keys: counterFrom(keys, 0, "keys"),
        bytes: counterFrom(bytes, 0, "bytes"),
        peer: groupFrom(peer, 0),
      };
    }),
  };
}
