/**
 * A configuration as bytes: how the controller keeps it, and how it stands in a group's log.
 *
 * ```text
 * configuration = [number, shards, groups, abandoned]
 *   number     unsigned
 *   shards     an array of group numbers, one for each shard, 0 for nobody
 *   groups     an array of [group, [address, …]], groups ascending
 *   abandoned  [shards, groups] or null: see shard_config.ts
 * ```
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { arrayFrom, arrayOf, counterFrom, integerFrom, ShapeError, textFrom } from "../shape.ts";
import { type GroupId, groupsOf, maxGroupId, maxShardCount, nobody, type Placement } from "./shard_config.ts";
import type { ShardConfiguration } from "./shard_config.ts";

/** The configuration as CBOR. */
export function configurationToCbor(configuration: ShardConfiguration): CborValue {
  const { number, abandoned } = configuration;
  return [number, ...placementToCbor(configuration), abandoned === null ? null : placementToCbor(abandoned)];
}

/** The inverse of {@link configurationToCbor}; throws {@link ShapeError} on anything else. */
export function configurationFromCbor(cbor: CborValue | undefined): ShardConfiguration {
  const [number, shards, groups, abandoned] = arrayOf(cbor, 4, "a configuration");
  const placement = placementFromCbor(shards, groups);
  const before = abandoned === null ? null : arrayOf(abandoned, 2, "the abandoned placement");
  if (before !== null && Object.keys(placement.groups).length > 0) {
    throw new ShapeError("a configuration with groups must not have an abandoned placement");
  }
  return {
    number: counterFrom(number, 0, "a configuration's number"),
    ...placement,
    abandoned: before === null ? null : placementFromCbor(before[0], before[1]),
  };
}

/** The number of a group. */
export function groupFrom(cbor: CborValue | undefined, least: GroupId = 1): GroupId {
  return integerFrom(cbor, least, maxGroupId, "a group's number");
}

/** Addresses of servers. */
export function serversFrom(cbor: CborValue | undefined): readonly string[] {
  return arrayFrom(cbor, "a group's servers").map((server) => textFrom(server, "an address"));
}

function placementToCbor(placement: Placement): readonly CborValue[] {
  const groups = groupsOf(placement).map((group): CborValue => [group, placement.groups[group] ?? []]);
  return [placement.shards, groups];
}

function placementFromCbor(shardsCbor: CborValue | undefined, groupsCbor: CborValue | undefined): Placement {
  const groups: Record<GroupId, readonly string[]> = {};
  for (const item of arrayFrom(groupsCbor, "the groups")) {
    const [group, servers] = arrayOf(item, 2, "a group");
    groups[groupFrom(group)] = serversFrom(servers);
  }
  const shards = arrayFrom(shardsCbor, "the shards").map((group) => groupFrom(group, nobody));
  if (shards.length === 0 || shards.length > maxShardCount) {
    throw new ShapeError(`a configuration must have 1 to ${maxShardCount} shards; it has ${shards.length}`);
  }
  const stray = shards.find((group) => group !== nobody && !Object.hasOwn(groups, group));
  if (stray !== undefined) throw new ShapeError(`group ${stray} has a shard, but is not there`);
  return { shards, groups };
}
