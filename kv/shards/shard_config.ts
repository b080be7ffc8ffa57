/**
 * Which group has which shards: numbered configurations, and what turns one into the next. Pure.
 *
 * Keys belong to shards by their hash, and shards to groups by the configuration. The number of shards is fixed when the
 * first configuration is made. A change gives a new configuration whose number is one more, or says why there is none;
 * nothing is changed in place. The same change to the same configuration gives the same result on every machine: groups
 * count in the order of their numbers, shards in the order of theirs.
 *
 * After a join, a leave or a rebalance the groups' shares differ by one shard at the most, and no shard has moved that
 * need not: a group that may have one shard more than others is one that had more before. A move puts a single shard
 * where it is wanted, however uneven that is; the next change of the groups evens it out.
 *
 * When the last group leaves, its shards belong to nobody, but their data is where it was: such a configuration remembers
 * the last placement, so that a group that joins later knows where to fetch it.
 *
 * @module
 */
import { continueHash, emptyHash } from "../values.ts";

/** Number of a group: 1 to 2^31; 0 stands for nobody. */
export type GroupId = number;

/** Where each group's servers are, `HOST:PORT`. */
export type Groups = Readonly<Record<GroupId, readonly string[]>>;

/** Who owns what belongs to nobody. */
export const nobody: GroupId = 0;

/** The largest number of a group. */
export const maxGroupId = 2 ** 31;

/** Shards of a new configuration unless told otherwise. */
export const defaultShardCount = 256;

/** Shards at the most. */
export const maxShardCount = 4096;

/** Groups at the most, servers of a group, and characters of a server's address. */
export const maxGroups = 1024;
export const maxServersPerGroup = 16;
export const maxAddressLength = 256;

/** Who has which shards, and where they are. */
export interface Placement {
  /** The owner of each shard, {@link nobody} for none; every other one is in `groups`. */
  readonly shards: readonly GroupId[];
  /** The groups. */
  readonly groups: Groups;
}

/** A configuration. */
export interface ShardConfiguration extends Placement {
  /** 0 for the first, in which there are no groups; each change adds one. */
  readonly number: number;
  /** Of a configuration without groups: the last placement that had some, null if there was none. Otherwise null. */
  readonly abandoned: Placement | null;
}

/** What a change comes to. */
export type ShardChange =
  /** A new configuration, whose number is one more. */
  | { readonly kind: "changed"; readonly configuration: ShardConfiguration }
  /** All is as it was wanted before. */
  | { readonly kind: "unchanged"; readonly configuration: ShardConfiguration }
  | ShardRefusal;

/** Why there is no change. */
export type ShardRefusal =
  /** No group was named, or there is none that could have a shard. */
  | { readonly kind: "noGroups" }
  /** The group is there already. */
  | { readonly kind: "alreadyJoined"; readonly group: GroupId }
  /** The group is not there. */
  | { readonly kind: "unknownGroup"; readonly group: GroupId }
  /** A group must have servers. */
  | { readonly kind: "noServers"; readonly group: GroupId }
  /** The number, the servers or the number of groups are beyond what can be. */
  | { readonly kind: "invalidGroup"; readonly group: GroupId; readonly problem: string }
  /** There is no shard of that number. */
  | { readonly kind: "unknownShard"; readonly shard: number };

/** The name of a group's cluster. */
export function clusterIdOf(group: GroupId): string {
  return `shard-group-${group}`;
}

/** The configuration that everything begins with. */
export function firstConfiguration(shardCount: number): ShardConfiguration {
  return { number: 0, shards: new Array<GroupId>(shardCount).fill(nobody), groups: {}, abandoned: null };
}

/** The shard of a key: FNV-1a over its UTF-16 code units, modulo the number of shards. */
export function shardOf(key: string, shardCount: number): number {
  return (continueHash(emptyHash, key) >>> 0) % shardCount;
}

/** Numbers of all groups, ascending. */
export function groupsOf({ groups }: Pick<Placement, "groups">): GroupId[] {
  return Object.keys(groups).map(Number).sort((left, right) => left - right);
}

/** The group that has a shard's data under this configuration, and its servers; null if the shard never had an owner. */
export function homeOf(
  configuration: ShardConfiguration,
  shard: number,
): { readonly group: GroupId; readonly servers: readonly string[] } | null {
  for (const placement of [configuration, configuration.abandoned]) {
    const group = placement?.shards[shard] ?? nobody;
    if (group !== nobody) return { group, servers: placement?.groups[group] ?? [] };
  }
  return null;
}

/** Takes new groups in. */
export function join(configuration: ShardConfiguration, joining: Groups): ShardChange {
  const ids = groupsOf({ groups: joining });
  if (ids.length === 0) return { kind: "noGroups" };
  const problem = ids.map((group) => joinProblem(configuration, group, joining[group] ?? [])).find((one) =>
    one !== null
  );
  if (problem) return problem;
  const groups = { ...configuration.groups, ...joining };
  const count = Object.keys(groups).length;
  if (count > maxGroups) {
    return {
      kind: "invalidGroup",
      group: ids[0] ?? nobody,
      problem: `there would be ${count} groups; ${maxGroups} is the limit`,
    };
  }
  return next(configuration, balanced(configuration.shards, groups), groups);
}

/** Lets groups go; their shards belong to the others from then on. */
export function leave(configuration: ShardConfiguration, leaving: readonly GroupId[]): ShardChange {
  if (leaving.length === 0) return { kind: "noGroups" };
  for (const group of leaving) {
    if (!Object.hasOwn(configuration.groups, group)) return { kind: "unknownGroup", group };
  }
  const groups = Object.fromEntries(
    Object.entries(configuration.groups).filter(([group]) => !leaving.includes(Number(group))),
  );
  return next(configuration, balanced(configuration.shards, groups), groups);
}

/** Gives one shard to a group. */
export function move(configuration: ShardConfiguration, shard: number, group: GroupId): ShardChange {
  if (!Number.isInteger(shard) || configuration.shards[shard] === undefined) return { kind: "unknownShard", shard };
  if (!Object.hasOwn(configuration.groups, group)) return { kind: "unknownGroup", group };
  if (configuration.shards[shard] === group) return { kind: "unchanged", configuration };
  return next(configuration, configuration.shards.with(shard, group), configuration.groups);
}

/** Evens out what moves have made uneven. */
export function rebalance(configuration: ShardConfiguration): ShardChange {
  if (Object.keys(configuration.groups).length === 0) return { kind: "noGroups" };
  const shards = balanced(configuration.shards, configuration.groups);
  const isSame = shards.every((group, shard) => group === configuration.shards[shard]);
  return isSame ? { kind: "unchanged", configuration } : next(configuration, shards, configuration.groups);
}

/** What keeps a group from joining; null if nothing does. */
function joinProblem({ groups }: Placement, group: GroupId, servers: readonly string[]): ShardRefusal | null {
  if (!Number.isInteger(group) || group < 1 || group > maxGroupId) {
    return { kind: "invalidGroup", group, problem: `its number must be from 1 to ${maxGroupId}` };
  }
  if (Object.hasOwn(groups, group)) return { kind: "alreadyJoined", group };
  if (servers.length === 0) return { kind: "noServers", group };
  if (servers.length > maxServersPerGroup) {
    return {
      kind: "invalidGroup",
      group,
      problem: `it has ${servers.length} servers; ${maxServersPerGroup} is the limit`,
    };
  }
  const bad = servers.find((server) => server.length === 0 || server.length > maxAddressLength);
  return bad === undefined ? null : { kind: "invalidGroup", group, problem: `${JSON.stringify(bad)} is no address` };
}

function next(from: ShardConfiguration, shards: readonly GroupId[], groups: Groups): ShardChange {
  const isEmpty = Object.keys(groups).length === 0;
  const { shards: lastShards, groups: lastGroups } = from;
  const abandoned = isEmpty ? { shards: lastShards, groups: lastGroups } : null;
  return { kind: "changed", configuration: { number: from.number + 1, shards, groups, abandoned } };
}

/** Shards spread evenly over the groups, with as few moves as can be. */
function balanced(shards: readonly GroupId[], groups: Groups): readonly GroupId[] {
  const ids = groupsOf({ groups });
  if (ids.length === 0) return shards.map(() => nobody);
  const owned = new Map<GroupId, number>(ids.map((group) => [group, 0]));
  for (const group of shards) {
    const count = owned.get(group);
    if (count !== undefined) owned.set(group, count + 1);
  }
  // Those that have most may keep one more than the others. The order is total, so that every machine finds the same.
  const byLoad = ids.toSorted((left, right) => (owned.get(right) ?? 0) - (owned.get(left) ?? 0) || left - right);
  const [share, extra] = [Math.floor(shards.length / ids.length), shards.length % ids.length];
  const room = new Map<GroupId, number>(byLoad.map((group, place) => [group, share + (place < extra ? 1 : 0)]));
  const kept = shards.map((group) => {
    const left = room.get(group) ?? 0;
    if (left === 0) return nobody;
    room.set(group, left - 1);
    return group;
  });
  const free = ids.flatMap((group) => new Array<GroupId>(room.get(group) ?? 0).fill(group));
  return kept.map((group) => group === nobody ? free.shift() ?? nobody : group);
}
