/**
 * Everything that the replicas of a shard group agree on.
 *
 * @module
 */
import type { CopyName } from "./group_commands.ts";
import type { GainingShard, HostedShard, LostShard } from "./shard_copies.ts";
import type { GroupId, ShardConfiguration } from "./shard_config.ts";

/** A former owner that has yet to drop a copy. */
export interface Obligation extends CopyName {
  /** The former owner. */
  readonly group: GroupId;
  /** Its servers. */
  readonly servers: readonly string[];
}

/** Everything that a group's replicas agree on. */
export interface GroupState {
  /** The configuration it is at; null before the first. */
  configuration: ShardConfiguration | null;
  /** Shards that are served. */
  readonly serving: Map<number, HostedShard>;
  /** Shards that are coming. */
  readonly gaining: Map<number, GainingShard>;
  /** Shards that were lost, by {@link copyKey}. */
  readonly lost: Map<string, LostShard>;
  /** Copies that their former owners have yet to drop, by {@link copyKey}. */
  readonly obligations: Map<string, Obligation>;
}

/** A state without anything. */
export function emptyGroupState(): GroupState {
  return { configuration: null, serving: new Map(), gaining: new Map(), lost: new Map(), obligations: new Map() };
}

/** Names a copy. */
export function copyKey({ shard, frozenAt }: CopyName): string {
  return `${shard}/${frozenAt}`;
}
