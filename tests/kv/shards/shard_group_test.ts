/** A group as a machine: what it takes and refuses, its snapshots, and the pieces in which a shard leaves it. */
import { assertEquals, assertThrows } from "@std/assert";
import { encodeCbor } from "../../../raft/encoding/cbor.ts";
import { CopyReaders } from "../../../kv/shards/copy_reader.ts";
import { type CopyPiece, type GroupCommand, groupCommandCodec } from "../../../kv/shards/group_commands.ts";
import { groupSlices, GroupSnapshotReader } from "../../../kv/shards/group_snapshot.ts";
import { limitPerShard, mergedPage } from "../../../kv/shards/merged_pages.ts";
import { firstConfiguration, type ShardConfiguration, shardOf } from "../../../kv/shards/shard_config.ts";
import { type GroupResult, ShardGroupMachine } from "../../../kv/shards/shard_group.ts";
import {
  groupStatusFromReply,
  groupStatusReply,
  pieceFromReply,
  pieceReply,
  readGroupRequest,
} from "../../../kv/shards/shard_protocol.ts";
import type { KeyAndVersion, Page } from "../../../kv/clerk_options.ts";
import { ShapeError } from "../../../kv/shape.ts";

/** A group, and the log that it has executed. */
class Group {
  readonly machine: ShardGroupMachine;
  #index = 0;

  constructor(id: number) {
    this.machine = new ShardGroupMachine(id);
  }

  /** Executes a command as a replica does: from its bytes. */
  run(command: GroupCommand): GroupResult {
    this.#index++;
    const decoded = groupCommandCodec.decode(groupCommandCodec.encode(command));
    return this.machine.apply(decoded, { index: this.#index, term: 1, clusterTimeMs: 1_000 + this.#index });
  }

  configure(configuration: ShardConfiguration): GroupResult {
    return this.run({ kind: "configure", configuration });
  }

  append(shard: number, sessionId: number, serialNumber: number, value: string): GroupResult {
    const operation = { kind: "append", key: "k", value } as const;
    return this.run({
      ...{ kind: "shard", shard },
      command: { kind: "write", sessionId, serialNumber, lowestOutstanding: 1, operation },
    });
  }

  openSession(shard: number): number {
    const result = this.run({ kind: "shard", shard, command: { kind: "openSession" } });
    return result.kind === "sessionOpened" ? result.sessionId : 0;
  }

  value(shard: number): unknown {
    const answer = this.machine.query({ shard, query: { kind: "get", key: "k" } })?.answer;
    return answer !== undefined && "value" in answer ? answer.value : null;
  }

  bytes(): Uint8Array[] {
    return [...groupSlices(this.machine.group, this.machine.state)];
  }

  pieces(shard: number, pieceBytes: number): CopyPiece[] {
    const copy = [...this.machine.state.lost.values()].find((one) => one.shard === shard);
    if (copy === undefined) throw new Error(`no copy of shard ${shard}`);
    const readers = new CopyReaders(pieceBytes);
    const pieces: CopyPiece[] = [];
    for (let offset = 0;;) {
      const piece = readers.read(copy, offset);
      if (piece === null) throw new Error(`nothing at ${offset}`);
      assertEquals(new CopyReaders(pieceBytes).read(copy, offset), piece);
      pieces.push(piece);
      if (piece.isLast) return pieces;
      offset += piece.bytes.length;
    }
  }
}

const groups = { 1: ["a:1"], 2: ["b:1"] };

function configuration(number: number, ...shards: number[]): ShardConfiguration {
  return { number, shards, groups, abandoned: null };
}

/** Two groups of which the first has both shards, with a session and a value in shard 1. */
function twoGroups(): { readonly one: Group; readonly two: Group; readonly session: number } {
  const [one, two] = [new Group(1), new Group(2)];
  for (const group of [one, two]) assertEquals(group.configure(configuration(1, 1, 1)).kind, "accepted");
  const session = one.openSession(1);
  assertEquals(one.append(1, session, 1, "x".repeat(100)), { kind: "written", version: 1 });
  return { one, two, session };
}

Deno.test("group: a configuration from the future or the past, or of other shards, changes nothing", () => {
  const { one } = twoGroups();
  const before = one.bytes();
  for (const [number, reason] of [[0, "notNext"], [1, "notNext"], [3, "notNext"]] as const) {
    assertEquals(one.configure(configuration(number, 2, 2)), { kind: "refused", reason });
  }
  assertEquals(one.configure(configuration(2, 1, 1, 1)), { kind: "refused", reason: "otherShards" });
  assertEquals(one.run({ kind: "drop", shard: 1, frozenAt: 2 }), { kind: "refused", reason: "behind" });
  assertEquals(one.bytes(), before);
  assertEquals(firstConfiguration(2).number, 0);
});

Deno.test("group: a shard moves with value, session and count of its commands; repeats are known", () => {
  const { one, two, session } = twoGroups();
  const move = configuration(2, 1, 2);
  for (const group of [one, two]) assertEquals(group.configure(move).kind, "accepted");
  assertEquals(one.append(1, session, 2, "late"), { kind: "wrongGroup", number: 2 });
  assertEquals(two.append(1, session, 2, "early"), { kind: "wrongGroup", number: 2 });
  assertEquals([one.value(1), two.value(1)], [null, null]);
  assertEquals(two.configure(configuration(3, 1, 1)), { kind: "refused", reason: "notSettled" });
  for (const piece of one.pieces(1, 64)) assertEquals(two.run({ kind: "install", number: 2, piece }).kind, "accepted");
  assertEquals(two.append(1, session, 1, "x".repeat(100)), { kind: "written", version: 1 });
  assertEquals(two.append(1, session, 2, "y"), { kind: "written", version: 2 });
  assertEquals(two.value(1), `${"x".repeat(100)}y`);
  assertEquals(two.openSession(1) > session, true);
  assertEquals([...two.machine.state.obligations.values()], [{ shard: 1, frozenAt: 2, group: 1, servers: ["a:1"] }]);
  assertEquals(one.run({ kind: "drop", shard: 1, frozenAt: 2 }).kind, "accepted");
  assertEquals(one.machine.state.lost.size, 0);
  assertEquals(two.run({ kind: "confirmed", shard: 1, frozenAt: 2, group: 1 }).kind, "accepted");
  assertEquals(two.machine.state.obligations.size, 0);
});

Deno.test("group: pieces of another configuration, twice, out of place or damaged are refused", () => {
  const { one, two } = twoGroups();
  for (const group of [one, two]) group.configure(configuration(2, 1, 2));
  const [first, second, ...rest] = one.pieces(1, 64);
  if (first === undefined || second === undefined) throw new Error("there should be several pieces");
  const install = (piece: CopyPiece, number = 2): GroupResult => two.run({ kind: "install", number, piece });
  const notExpected: GroupResult = { kind: "refused", reason: "notExpected" };
  assertEquals([install(first, 1), install(first, 3), install(second), install({ ...first, shard: 0 })], [
    ...[notExpected, notExpected, notExpected, notExpected],
  ]);
  assertEquals([install(first).kind, install(first)], ["accepted", notExpected]);
  assertEquals(install({ ...second, isLast: true }), { kind: "refused", reason: "damaged" });
  assertEquals(two.machine.state.gaining.get(1)?.bytes, 0);
  for (const piece of [first, second, ...rest]) assertEquals(install(piece).kind, "accepted");
  assertEquals(two.value(1), "x".repeat(100));
  assertEquals(install(first), notExpected);
});

Deno.test("group: a shard that was lost twice has two copies, and a drop takes the one that it names", () => {
  const { one, two } = twoGroups();
  for (const group of [one, two]) group.configure(configuration(2, 1, 2));
  for (const piece of one.pieces(1, 1_000)) two.run({ kind: "install", number: 2, piece });
  for (const group of [one, two]) group.configure(configuration(3, 1, 1));
  for (const piece of two.pieces(1, 1_000)) one.run({ kind: "install", number: 3, piece });
  one.configure(configuration(4, 1, 2));
  assertEquals([...one.machine.state.lost.keys()], ["1/2", "1/4"]);
  one.run({ kind: "drop", shard: 1, frozenAt: 2 });
  one.run({ kind: "drop", shard: 1, frozenAt: 2 });
  assertEquals([...one.machine.state.lost.keys()], ["1/4"]);
});

Deno.test("group: a snapshot taken at any moment of a move restores all of it, however it is cut", async () => {
  const { one, two } = twoGroups();
  const check = async (group: Group): Promise<void> => {
    const all = group.bytes();
    const joined = new Uint8Array(await new Blob(all.map((bytes) => bytes.slice())).arrayBuffer());
    for (const size of [1, 7, 1_000_000]) {
      const copy = new ShardGroupMachine(group.machine.group);
      await copy.restore((async function* () {
        for (let at = 0; at < joined.length; at += size) yield joined.subarray(at, at + size);
      })());
      assertEquals([...groupSlices(copy.group, copy.state)], all);
      assertEquals(copy.digest(), group.machine.digest());
    }
    const reader = new GroupSnapshotReader(group.machine.group);
    reader.push(joined.subarray(0, joined.length - 1));
    assertThrows(() => reader.end(), ShapeError);
    assertThrows(() => new GroupSnapshotReader(group.machine.group + 1).push(joined), ShapeError);
  };
  await check(new Group(1));
  await check(one);
  for (const group of [one, two]) group.configure(configuration(2, 1, 2));
  await check(one);
  for (const piece of one.pieces(1, 40)) {
    await check(two);
    two.run({ kind: "install", number: 2, piece });
  }
  await check(two);
});

Deno.test("group: requests and replies are read as they were written, and nothing else", () => {
  const piece: CopyPiece = {
    ...{
      shard: 3,
      frozenAt: 7,
      offset: 10,
      bytes: new Uint8Array([1, 2]),
      sequence: 9,
      clusterTimeMs: 5,
      isLast: true,
    },
  };
  assertEquals(pieceFromReply(3, pieceReply(piece)), piece);
  assertEquals(pieceFromReply(3, [4, "not here"]), null);
  const status = {
    ...{ group: 2, id: "a", role: "leader", number: 4, obligations: 1, logBytes: 2, snapshotBytes: 3 },
    shards: [{ shard: 0, state: "serving", keys: 1, bytes: 2, peer: 0 }],
  };
  assertEquals(groupStatusFromReply(groupStatusReply(status)), status);
  const read = (body: Parameters<typeof encodeCbor>[0]): string =>
    readGroupRequest(encodeCbor(body), 0, true).body.kind;
  assertEquals(read([16, 3, [3, 0, "key"]]), "shard");
  assertEquals(read([21, 1, 3, 7, 0]), "fetch");
  assertEquals(read([19, 1, 3, 7]), "drop");
  for (const bad of [[21, 0, 3, 7, 0], [21, 1, 4096, 7, 0], [19, 1, 3, 0], [99], "hello"]) {
    assertEquals(read(bad), "badRequest");
  }
});

Deno.test("pages of several shards: as far as none of them may have more in between", () => {
  const page = (cursor: string | null, ...keys: string[]) => {
    return { entries: keys.map((key) => ({ key, version: 1 })), cursor, index: keys.length };
  };
  const keysOf = ({ entries, cursor }: Page<KeyAndVersion>): unknown => [entries.map(({ key }) => key), cursor];
  assertEquals(keysOf(mergedPage([page(null, "a", "d"), page(null, "b")], 10, false)), [["a", "b", "d"], null]);
  assertEquals(keysOf(mergedPage([page(null, "a", "d"), page(null, "b")], 2, false)), [["a", "b"], "b"]);
  assertEquals(keysOf(mergedPage([page("b", "a", "b"), page(null, "c")], 10, false)), [["a", "b"], "b"]);
  assertEquals(keysOf(mergedPage([page("c", "d", "c"), page(null, "b")], 10, true)), [["d", "c"], "c"]);
  assertEquals(mergedPage([page(null, "a"), page(null, "b", "c")], 10, false).index, 3);
});

Deno.test("pages of several shards: each is asked for its share and some more, and the pages come out full", () => {
  const shardCount = 256;
  const all = Array.from({ length: 20_000 }, (_, at) => `key ${at}`).toSorted();
  const limit = limitPerShard(1_000, shardCount);
  assertEquals(limit, 20);
  const pageAfter = (cursor: string, shard: (key: string) => number): Page<KeyAndVersion> => {
    const pages = Array.from({ length: shardCount }, (_, at) => {
      const rest = all.filter((key) => shard(key) === at && key > cursor);
      const entries = rest.slice(0, limit).map((key) => ({ key, version: 1 }));
      return { entries, cursor: rest.length > limit ? entries.at(-1)?.key ?? null : null, index: 1 };
    });
    return mergedPage(pages, 1_000, false);
  };
  const keysOf = ({ entries }: Page<KeyAndVersion>): string[] => entries.map(({ key }) => key);
  const spread = pageAfter("", (key) => shardOf(key, shardCount));
  assertEquals([keysOf(spread), spread.cursor], [all.slice(0, 1_000), all[999]]);
  const gathered = pageAfter("key 1", () => 7);
  assertEquals([keysOf(gathered), gathered.cursor], [all.slice(2, 22), all[21]]);
});

Deno.test("pages of several shards: a limit that cannot be used is left for the shards to refuse", () => {
  assertEquals([3, 0, -1, 1.5, 20_000].map((limit) => limitPerShard(limit, 256)), [3, 0, -1, 1.5, 20_000]);
});
