/**
 * What the suites of the sharded store have in common.
 *
 * @module
 */
import {
  groupsOf,
  nobody,
  type Placement,
  type ShardChange,
  type ShardConfiguration,
} from "../../../kv/shards/shard_config.ts";
import { demand } from "../harness/world.ts";

/** Shards in the suite of 2024, and in that of 2025. */
export const shardCount2024 = 10;
export const shardCount2025 = 12;

/** Fails unless all shards belong to a group that is there, and shares differ by one at the most. */
export function checkEven(placement: Placement): void {
  const counts = new Map(groupsOf(placement).map((group) => [group, 0]));
  for (const [shard, group] of placement.shards.entries()) {
    const isRight = counts.size === 0 ? group === nobody : counts.has(group);
    demand(isRight, () => `shard ${shard} belongs to group ${group}, which is not there`);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  if (groupsOf(placement).length === 0) return;
  const [most, least] = [Math.max(...counts.values()), Math.min(...counts.values())];
  demand(most - least <= 1, () => `a group has ${most} shards, another one ${least}`);
}

/** The configuration after a change that must have been made. */
export function changed(change: ShardChange): ShardConfiguration {
  demand(change.kind === "changed", () => `the change was answered ${change.kind}`);
  return change.configuration;
}
