/**
 * Shows who has which shards. Pure: nothing here prints.
 *
 * @module
 */
import type { GroupReport, ShardConfiguration, ShardStatus } from "../kv/mod.ts";
import { type Palette, renderBytes, renderTable } from "./render.ts";

/** A line for each group, and one for each move under way; with `withEach` one for each shard, too. */
export function renderShards(
  configuration: ShardConfiguration,
  reports: readonly GroupReport[],
  colors: Palette,
  withEach: boolean,
): string {
  const parts = [
    `configuration ${configuration.number}, ${configuration.shards.length} shards, ${reports.length} groups`,
    groupTable(configuration, reports, colors),
  ];
  if (withEach) parts.push(shardTable(reports, colors));
  const moves = movesOf(configuration, reports);
  parts.push(...(moves.length > 0 ? moves : [colors.good("all shards are where they belong")]));
  return parts.join("\n");
}

function groupTable(configuration: ShardConfiguration, reports: readonly GroupReport[], colors: Palette): string {
  const headers = [
    ">group",
    "servers",
    "leader",
    ">configuration",
    ">shards",
    ">keys",
    ">bytes",
    ">coming",
    ">leaving",
  ];
  const rows = reports.map(({ group, servers, latest }) => {
    const answering = servers.filter((status) => status !== null).length;
    const owned = configuration.shards.filter((owner) => owner === group).length;
    const up = `${answering} of ${servers.length}`;
    if (latest === null) return [String(group), colors.bad(up), "", "", String(owned), "", "", "", ""];
    const leader = servers.find((status) => status?.role === "leader");
    const of = (state: string): readonly ShardStatus[] => latest.shards.filter((shard) => shard.state === state);
    const sum = (figure: "keys" | "bytes"): number => of("serving").reduce((total, shard) => total + shard[figure], 0);
    return [
      ...[String(group), answering < servers.length ? colors.bad(up) : up, leader?.id ?? colors.bad("none")],
      ...[String(latest.number), String(owned), String(sum("keys")), renderBytes(sum("bytes"))],
      ...[String(of("gaining").length), String(of("lost").length)],
    ];
  });
  return renderTable(headers, rows, colors);
}

function shardTable(reports: readonly GroupReport[], colors: Palette): string {
  const rows = reports.flatMap(({ group, latest }) =>
    (latest?.shards ?? []).map(({ shard, state, keys, bytes }) => ({
      shard,
      cells: [String(shard), String(group), state, String(keys), renderBytes(bytes)],
    }))
  ).sort((left, right) => left.shard - right.shard);
  return renderTable([">shard", ">group", "state", ">keys", ">bytes"], rows.map(({ cells }) => cells), colors);
}

/** A sentence for each move under way. How large a shard is says the group that it comes from. */
function movesOf(configuration: ShardConfiguration, reports: readonly GroupReport[]): string[] {
  const sizeOf = (group: number, shard: number): number =>
    reports.find((report) => report.group === group)?.latest?.shards
      .find((one) => one.shard === shard && one.state !== "gaining")?.bytes ?? 0;
  return reports.flatMap(({ group, latest }) => {
    if (latest === null) return [`group ${group}: no server answers`];
    const behind = latest.number < configuration.number
      ? [`group ${group}: at configuration ${latest.number}, ${configuration.number} is to come`]
      : [];
    return [
      ...behind,
      ...latest.shards.filter(({ state }) => state === "gaining").map(({ shard, bytes, peer }) =>
        `shard ${shard}: group ${peer} to ${group}, ${renderBytes(bytes)} of about ${renderBytes(sizeOf(peer, shard))}`
      ),
    ];
  });
}
