/**
 * How all groups of a configuration are, asked of their servers.
 *
 * @module
 */
import { CborError } from "../../raft/encoding/cbor.ts";
import { ShapeError } from "../shape.ts";
import type { Connections } from "./connections.ts";
import { clusterIdOf, type GroupId, groupsOf, type ShardConfiguration } from "./shard_config.ts";
import { type GroupStatus, groupStatusFromReply, groupStatusRequest } from "./shard_protocol.ts";

/** How a group is. */
export interface GroupReport {
  /** The group. */
  readonly group: GroupId;
  /** Its servers' answers, in their order; null for one that has not answered. */
  readonly servers: readonly (GroupStatus | null)[];
  /** The answer of the server that has come farthest, the leader's if that is one of those; null if none has answered. */
  readonly latest: GroupStatus | null;
}

/** Asks all servers of all groups at once, and waits no longer for any of them. */
export function reportsOf(
  configuration: ShardConfiguration,
  connections: Connections,
  timeoutMs: number,
): Promise<GroupReport[]> {
  return Promise.all(
    groupsOf(configuration).map(async (group) => {
      const servers = await Promise.all(
        (configuration.groups[group] ?? []).map((server) => askStatus(group, server, connections, timeoutMs)),
      );
      const [latest = null] = servers.filter((status) => status !== null && status.group === group)
        .sort((left, right) => rank(right) - rank(left));
      return { group, servers, latest };
    }),
  );
}

/** Whether the group is at the configuration, or beyond, and waits for no shard. */
export function hasSettled({ latest }: GroupReport, { number }: ShardConfiguration): boolean {
  return latest !== null && latest.number >= number && latest.shards.every(({ state }) => state !== "gaining");
}

/** Which groups have not settled, and what is known of them. */
export function waitingFor(reports: readonly GroupReport[], configuration: ShardConfiguration): string {
  return reports.filter((report) => !hasSettled(report, configuration)).map(({ group, latest }) => {
    if (latest === null) return `no server of group ${group} answers`;
    const coming = latest.shards.filter(({ state }) => state === "gaining").map(({ shard }) => shard);
    return coming.length > 0
      ? `group ${group} waits for ${coming.length} shards, ${coming[0]} among them`
      : `group ${group} is at configuration ${latest.number}, not ${configuration.number}`;
  }).join("; ");
}

async function askStatus(
  group: GroupId,
  address: string,
  connections: Connections,
  timeoutMs: number,
): Promise<GroupStatus | null> {
  const reply = await connections.ask({ address, clusterId: clusterIdOf(group) }, groupStatusRequest, timeoutMs);
  if (reply === null) return null;
  try {
    return groupStatusFromReply(reply);
  } catch (error) {
    if (error instanceof ShapeError || error instanceof CborError) return null;
    throw error;
  }
}

/** Later configurations first, then leaders, then whoever waits for less. */
function rank(status: GroupStatus | null): number {
  if (status === null) return -1;
  const coming = status.shards.filter(({ state }) => state === "gaining").length;
  return 4 * status.number + (status.role === "leader" ? 2 : 0) + (coming === 0 ? 1 : 0);
}
