/**
 * The commands of a shard group, and how they stand in its log: CBOR arrays that begin with a number.
 *
 * | command | bytes |
 * |---|---|
 * | shard | `[16, shard, command]`: a command of the key/value machine (`kv/commands.ts`) for one shard |
 * | configure | `[17, configuration]`: see `configuration_codec.ts` |
 * | install | `[18, shard, number, frozenAt, offset, bytes, sequence, clusterTimeMs, isLast]` |
 * | drop | `[19, shard, frozenAt]` |
 * | confirmed | `[20, shard, frozenAt, group]` |
 *
 * A command that does not read like this stops the node, as in `kv/commands.ts`.
 *
 * @module
 */
import { type CborValue, decodeCbor } from "../../raft/encoding/cbor.ts";
import { CborReader } from "../../raft/encoding/cbor_reader.ts";
import { CborWriter } from "../../raft/encoding/cbor_writer.ts";
import type { CommandCodec } from "../../raft/rsm/state_machine.ts";
import { commandCodec, commandPool, type KvCommand } from "../commands.ts";
import { arrayFrom, arrayOf, booleanFrom, counterFrom, integerFrom, ShapeError, shown } from "../shape.ts";
import { configurationFromCbor, configurationToCbor, groupFrom } from "./configuration_codec.ts";
import { type GroupId, maxShardCount, type ShardConfiguration } from "./shard_config.ts";

/** Which copy of a shard is meant. */
export interface CopyName {
  /** The shard. */
  readonly shard: number;
  /** The number of the configuration with which its owner lost it. */
  readonly frozenAt: number;
}

/** A piece of a shard that another group has lost. */
export interface CopyPiece extends CopyName {
  /** Where it begins. */
  readonly offset: number;
  /** The bytes: a part of the machine's snapshot. */
  readonly bytes: Uint8Array;
  /** Commands that the shard had executed; the next one is one more. */
  readonly sequence: number;
  /** Cluster time of the last of them, in milliseconds. */
  readonly clusterTimeMs: number;
  /** Whether the copy ends here. */
  readonly isLast: boolean;
}

/** A command for the machine of one shard. */
export interface ShardCommand {
  /** Discriminates the union. */
  readonly kind: "shard";
  /** The shard. */
  readonly shard: number;
  /** What to do. */
  readonly command: KvCommand;
}

/** One command of a group. */
export type GroupCommand =
  | ShardCommand
  /** The next configuration. */
  | { readonly kind: "configure"; readonly configuration: ShardConfiguration }
  /** A piece of a shard that this group gains with configuration `number`. */
  | { readonly kind: "install"; readonly number: number; readonly piece: CopyPiece }
  /** The new owner has the shard: the copy here goes. */
  | { readonly kind: "drop" } & CopyName
  /** The former owner has dropped its copy. */
  | { readonly kind: "confirmed"; readonly group: GroupId } & CopyName;

/** The number of a command for a shard; a client's request for one begins with the same. */
export const shardCode = 16;
const configureCode = 17;
const installCode = 18;
const dropCode = 19;
const confirmedCode = 20;

/** The beginning of `[16, shard, …]`. */
const shardHead = [0x83, shardCode] as const;

/** Used by one synchronous call at a time. */
const sharedWriter = new CborWriter(4096);

/** Whether a request or command for a shard begins at `offset`. */
export function isForShardAt(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === shardHead[0] && bytes[offset + 1] === shardHead[1];
}

/** The shard that such a request or command is for, and where the inner one begins. Throws a CborError. */
export function shardAt(bytes: Uint8Array, offset: number): { readonly shard: number; readonly begin: number } {
  const reader = new CborReader(bytes, offset + shardHead.length);
  return { shard: shardFrom(reader.unsigned()), begin: reader.offset };
}

/** The number of a shard. */
export function shardFrom(cbor: CborValue | undefined): number {
  return integerFrom(cbor, 0, maxShardCount - 1, "a shard's number");
}

/** The name of a copy. */
export function copyNameFrom(shard: CborValue | undefined, frozenAt: CborValue | undefined): CopyName {
  return { shard: shardFrom(shard), frozenAt: counterFrom(frozenAt, 1, "frozenAt") };
}

/** A piece of a copy. The bytes are those of `bytes`, not copied. */
export function pieceFrom(name: CopyName, fields: readonly CborValue[]): CopyPiece {
  const [offset, bytes, sequence, clusterTimeMs, isLast] = fields;
  if (!(bytes instanceof Uint8Array)) throw new ShapeError("a piece of a shard must be bytes");
  return {
    ...name,
    offset: counterFrom(offset, 0, "offset"),
    bytes,
    sequence: counterFrom(sequence, 0, "sequence"),
    clusterTimeMs: counterFrom(clusterTimeMs, 0, "clusterTimeMs"),
    isLast: booleanFrom(isLast, "isLast"),
  };
}

/** A piece's fields behind the name of the copy. */
export function pieceToCbor({ offset, bytes, sequence, clusterTimeMs, isLast }: CopyPiece): readonly CborValue[] {
  return [offset, bytes, sequence, clusterTimeMs, isLast];
}

function adminToCbor(command: Exclude<GroupCommand, ShardCommand>): CborValue {
  switch (command.kind) {
    case "configure":
      return [configureCode, configurationToCbor(command.configuration)];
    case "install":
      return [installCode, command.piece.shard, command.number, command.piece.frozenAt, ...pieceToCbor(command.piece)];
    case "drop":
      return [dropCode, command.shard, command.frozenAt];
    case "confirmed":
      return [confirmedCode, command.shard, command.frozenAt, command.group];
  }
}

function adminFromCbor(items: readonly CborValue[]): GroupCommand {
  switch (items[0]) {
    case configureCode:
      return { kind: "configure", configuration: configurationFromCbor(arrayOf(items, 2, "configure")[1]) };
    case installCode: {
      const [, shard, number, frozenAt, ...fields] = arrayOf(items, 9, "install");
      const piece = pieceFrom(copyNameFrom(shard, frozenAt), fields);
      return { kind: "install", number: counterFrom(number, 1, "number"), piece };
    }
    case dropCode: {
      const [, shard, frozenAt] = arrayOf(items, 3, "drop");
      return { kind: "drop", ...copyNameFrom(shard, frozenAt) };
    }
    case confirmedCode: {
      const [, shard, frozenAt, group] = arrayOf(items, 4, "confirmed");
      return { kind: "confirmed", ...copyNameFrom(shard, frozenAt), group: groupFrom(group) };
    }
    default:
      throw new ShapeError(`group command ${shown(items[0])} is unknown; it may come from a later version of Balsa`);
  }
}

/** A command for a shard, whose inner command is encoded already. */
export function encodeForShard(shard: number, inner: Uint8Array): Uint8Array {
  sharedWriter.reset();
  sharedWriter.array(3);
  sharedWriter.integer(shardCode);
  sharedWriter.integer(shard);
  sharedWriter.raw(inner);
  return sharedWriter.finishIn(commandPool);
}

/** How commands become the data of log entries. */
export const groupCommandCodec: CommandCodec<GroupCommand> = {
  encode(command) {
    if (command.kind === "shard") return encodeForShard(command.shard, commandCodec.encode(command.command));
    sharedWriter.reset();
    sharedWriter.value(adminToCbor(command));
    return sharedWriter.finishIn(commandPool);
  },

  decode(bytes) {
    if (!isForShardAt(bytes, 0)) return adminFromCbor(arrayFrom(decodeCbor(bytes), "a group's command"));
    const { shard, begin } = shardAt(bytes, 0);
    return { kind: "shard", shard, command: commandCodec.decode(bytes.subarray(begin)) };
  },
};
