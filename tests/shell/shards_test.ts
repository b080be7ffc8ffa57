/** The table of shards, and the commands on a sharded store of one server a group. */
import { assertEquals, assertMatch } from "@std/assert";
import type { GroupReport, GroupStatus, ShardConfiguration } from "../../kv/mod.ts";
import { palette } from "../../shell/render.ts";
import { renderShards } from "../../shell/shards_table.ts";

const configuration: ShardConfiguration = {
  number: 7,
  shards: [1, 1, 2],
  groups: { 1: ["a:1", "b:1"], 2: ["c:1"] },
  abandoned: null,
};

function status(group: number, part: Partial<GroupStatus>): GroupStatus {
  const base = { group, id: `g${group}`, role: "leader", number: 7, obligations: 0, logBytes: 0, snapshotBytes: 0 };
  return { ...base, shards: [], ...part };
}

function report(group: number, servers: readonly (GroupStatus | null)[]): GroupReport {
  return { group, servers, latest: servers.find((server) => server !== null) ?? null };
}

Deno.test("shards status: groups, sizes, and how far a move has come", () => {
  const from = status(1, {
    shards: [
      { shard: 0, state: "serving", keys: 3, bytes: 2048, peer: 0 },
      { shard: 2, state: "lost", keys: 9, bytes: 4096, peer: 2 },
    ],
  });
  const to = status(2, { number: 6, shards: [{ shard: 2, state: "gaining", keys: 0, bytes: 1024, peer: 1 }] });
  const text = renderShards(configuration, [report(1, [from, null]), report(2, [to])], palette(false), true);
  assertEquals(text.split("\n"), [
    "configuration 7, 3 shards, 2 groups",
    "group  servers  leader  configuration  shards  keys    bytes  coming  leaving",
    "    1  1 of 2   g1                  7       2     3  2.0 KiB       0        1",
    "    2  1 of 1   g2                  6       1     0      0 B       1        0",
    "shard  group  state    keys    bytes",
    "    0      1  serving     3  2.0 KiB",
    "    2      1  lost        9  4.0 KiB",
    "    2      2  gaining     0  1.0 KiB",
    "group 2: at configuration 6, 7 is to come",
    "shard 2: group 1 to 2, 1.0 KiB of about 4.0 KiB",
  ]);
});

Deno.test("shards status: a group of which no server answers", () => {
  const text = renderShards(
    configuration,
    [report(1, [null, null]), report(2, [status(2, {})])],
    palette(false),
    false,
  );
  assertMatch(text, /0 of 2/);
  assertMatch(text, /group 1: no server answers/);
});
