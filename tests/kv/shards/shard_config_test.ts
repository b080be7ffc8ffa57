/** Configurations: even shares, no needless moves, equal everywhere; and every refusal leaves things as they are. */
import { assertEquals } from "@std/assert";
import { decodeCbor, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { configurationFromCbor, configurationToCbor } from "../../../kv/shards/configuration_codec.ts";
import {
  firstConfiguration,
  type GroupId,
  groupsOf,
  homeOf,
  join,
  leave,
  maxServersPerGroup,
  move,
  nobody,
  rebalance,
  type ShardChange,
  type ShardConfiguration,
  shardOf,
} from "../../../kv/shards/shard_config.ts";
import { SeededRandom } from "../../../raft/testing/mod.ts";

function changed(change: ShardChange): ShardConfiguration {
  if (change.kind !== "changed") throw new Error(`not changed: ${JSON.stringify(change)}`);
  return change.configuration;
}

function groups(...ids: readonly GroupId[]): Record<GroupId, string[]> {
  return Object.fromEntries(ids.map((id) => [id, [`host${id}:1`]]));
}

function loads(configuration: ShardConfiguration): number[] {
  return groupsOf(configuration).map((group) => configuration.shards.filter((owner) => owner === group).length);
}

/** Moves that any even placement on the new groups would need. */
function leastMoves(before: ShardConfiguration, after: ShardConfiguration): number {
  const counts = groupsOf(after).map((group) => before.shards.filter((owner) => owner === group).length)
    .sort((left, right) => right - left);
  const share = Math.floor(after.shards.length / counts.length);
  const extra = after.shards.length % counts.length;
  const staying = counts.reduce((sum, count, place) => sum + Math.min(count, share + (place < extra ? 1 : 0)), 0);
  return after.shards.length - staying;
}

Deno.test("configurations: random changes keep shares even, and move as few shards as can be", () => {
  const random = new SeededRandom(1);
  for (const shardCount of [1, 10, 12, 256]) {
    let configuration = firstConfiguration(shardCount);
    for (let step = 0; step < 300; step++) {
      const present = groupsOf(configuration);
      const id = 1 + random.integer(20);
      const before = configuration;
      const draw = random.next();
      if (draw < 0.2 && present.length > 0) {
        const change = move(configuration, random.integer(shardCount), random.pick(present));
        if (change.kind === "changed") configuration = change.configuration;
        assertEquals(before.shards.filter((owner, shard) => owner !== configuration.shards[shard]).length <= 1, true);
        continue;
      }
      configuration = changed(
        present.includes(id) ? leave(configuration, [id]) : join(configuration, groups(id)),
      );
      assertEquals(configuration.number, before.number + 1);
      if (groupsOf(configuration).length === 0) {
        assertEquals(configuration.shards.every((owner) => owner === nobody), true);
        continue;
      }
      const counts = loads(configuration);
      assertEquals(Math.max(...counts) - Math.min(...counts) <= 1, true);
      const moved = configuration.shards.filter((owner, shard) => owner !== before.shards[shard]).length;
      assertEquals(moved, leastMoves(before, configuration));
      assertEquals(configurationFromCbor(decodeCbor(encodeCbor(configurationToCbor(configuration)))), configuration);
    }
  }
});

Deno.test("configurations: the order in which groups are named does not matter", () => {
  const first = firstConfiguration(10);
  const left = changed(join(first, { 3: ["c"], 1: ["a"], 2: ["b"] }));
  const right = changed(join(first, { 1: ["a"], 2: ["b"], 3: ["c"] }));
  assertEquals(left.shards, right.shards);
  assertEquals(left.shards, [1, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
});

Deno.test("configurations: a change that makes no sense is refused by name", () => {
  const configuration = changed(join(firstConfiguration(10), groups(1, 2)));
  const before = structuredClone(configuration);
  const refusals: [ShardChange, object][] = [
    [join(configuration, groups(2, 3)), { kind: "alreadyJoined", group: 2 }],
    [join(configuration, {}), { kind: "noGroups" }],
    [join(configuration, { 3: [] }), { kind: "noServers", group: 3 }],
    [leave(configuration, [1, 7]), { kind: "unknownGroup", group: 7 }],
    [leave(configuration, []), { kind: "noGroups" }],
    [move(configuration, 3, 9), { kind: "unknownGroup", group: 9 }],
    [move(configuration, 3, nobody), { kind: "unknownGroup", group: nobody }],
    [move(configuration, 10, 1), { kind: "unknownShard", shard: 10 }],
    [move(configuration, 0.5, 1), { kind: "unknownShard", shard: 0.5 }],
    [rebalance(firstConfiguration(10)), { kind: "noGroups" }],
    [rebalance(configuration), { kind: "unchanged", configuration }],
    [move(configuration, 0, configuration.shards[0] ?? 0), { kind: "unchanged", configuration }],
  ];
  for (const [change, expected] of refusals) assertEquals(change, expected as ShardChange);
  for (const group of [nobody, -1, 1.5, 2 ** 32]) {
    assertEquals(join(configuration, { [group]: ["a:1"] }).kind, "invalidGroup");
  }
  assertEquals(join(configuration, { 3: new Array(maxServersPerGroup + 1).fill("a:1") }).kind, "invalidGroup");
  assertEquals(join(configuration, { 3: [""] }).kind, "invalidGroup");
  assertEquals(configuration, before);
});

Deno.test("configurations: when the last group has left it is still known where the data is", () => {
  const first = firstConfiguration(4);
  assertEquals(homeOf(first, 0), null);
  const one = changed(join(first, groups(1, 2)));
  const none = changed(leave(one, [1, 2]));
  assertEquals(none.shards, [0, 0, 0, 0]);
  assertEquals([0, 1, 2, 3].map((shard) => homeOf(none, shard)?.group), [1, 1, 2, 2]);
  assertEquals(homeOf(none, 3)?.servers, ["host2:1"]);
  const again = changed(join(none, groups(3)));
  assertEquals([again.abandoned, homeOf(again, 0)?.group], [null, 3]);
  assertEquals(configurationFromCbor(configurationToCbor(none)), none);
});

Deno.test("configurations: keys spread over all shards, the same everywhere", () => {
  assertEquals(["", "a", "color", "k1"].map((key) => shardOf(key, 12)), [1, 4, 4, 9]);
  const counts = new Array<number>(16).fill(0);
  for (let number = 0; number < 16_000; number++) {
    const shard = shardOf(`key ${number}`, 16);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  assertEquals(counts.every((count) => count > 800 && count < 1200), true);
});
