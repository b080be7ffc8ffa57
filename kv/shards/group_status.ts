/**
 * Figures about a shard group, as one of its servers knows it.
 *
 * @module
 */
import type { ReplicatedStatus } from "../../raft/rsm/rsm.ts";
import type { KvFigures } from "../state_machine.ts";
import type { GroupState } from "./group_state.ts";
import { nobody } from "./shard_config.ts";
import type { ShardGroupMachine } from "./shard_group.ts";
import type { GroupStatus, ShardStatus } from "./shard_protocol.ts";

/** How the group is. */
export function groupStatusOf(
  id: string,
  { group, number, state }: ShardGroupMachine,
  node: ReplicatedStatus,
): GroupStatus {
  const shards: ShardStatus[] = [
    ...[...state.serving].map(([shard, hosted]): ShardStatus => {
      const { keys, storeBytes } = hosted.figures();
      return { shard, state: "serving", keys, bytes: storeBytes, peer: nobody };
    }),
    ...[...state.gaining].map(([shard, copy]): ShardStatus => (
      { shard, state: "gaining", keys: 0, bytes: copy.bytes, peer: copy.group }
    )),
    ...[...state.lost.values()].map(({ shard, hosted, to }): ShardStatus => {
      const { keys, storeBytes } = hosted.figures();
      return { shard, state: "lost", keys, bytes: storeBytes, peer: to };
    }),
  ];
  return {
    ...{ group, id, role: node.role, number, obligations: state.obligations.size },
    logBytes: node.storage.logBytes,
    snapshotBytes: node.storage.snapshotBytes,
    shards: shards.sort((left, right) => left.shard - right.shard),
  };
}

/** Figures over all shards that are served; the hash is a digest of theirs. */
export function sumOfFigures({ serving }: Readonly<GroupState>): KvFigures {
  const sum = { keys: 0, storeBytes: 0, sessions: 0 };
  let [high, low] = [0, 0];
  for (const [shard, hosted] of serving) {
    const { keys, storeBytes, sessions, hash } = hosted.figures();
    sum.keys += keys;
    sum.storeBytes += storeBytes;
    sum.sessions += sessions;
    // A sum, so that the order of shards does not matter; the factor tells apart two shards that have changed places.
    high = (high + Math.imul(Number.parseInt(hash.slice(0, 8), 16) | 0, 2 * shard + 1)) | 0;
    low = (low + Math.imul(Number.parseInt(hash.slice(8), 16) | 0, 2 * shard + 1)) | 0;
  }
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return { ...sum, hash: hex(high) + hex(low) };
}
