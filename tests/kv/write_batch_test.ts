/**
 * Writes that travel together: how they are written and read, and that each of them is what it would be alone.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { commandCodec, type KvCommand } from "../../kv/commands.ts";
import { maxCounter, maxOutstandingPerSession, maxWritesPerCommand } from "../../kv/limits.ts";
import { repliesFromFields } from "../../kv/protocol.ts";
import { readRequest } from "../../kv/service.ts";
import { ShapeError } from "../../kv/shape.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import {
  type BatchedOperation,
  readWrites,
  type WritesCommand,
  writesFromCbor,
  writeWrites,
} from "../../kv/write_batch.ts";
import { type CborValue, encodeCbor } from "../../raft/encoding/cbor.ts";
import { CborWriter } from "../../raft/encoding/cbor_writer.ts";
import { FakeCluster } from "./fake_cluster.ts";

function batch(operations: readonly BatchedOperation[], firstSerial = 9, lowestOutstanding = 3): WritesCommand {
  return { kind: "writes", sessionId: 7, firstSerial, lowestOutstanding, operations };
}

const puts: readonly BatchedOperation[] = [
  { kind: "put", key: "a", value: "v".repeat(300) },
  { kind: "append", key: "ä𝄞", value: "" },
  { kind: "put", key: "b", value: Uint8Array.of(1, 2, 3) },
];
const others: readonly BatchedOperation[] = [
  { kind: "delete", key: "a" },
  { kind: "increment", key: "n", by: -3 },
  { kind: "putIfVersion", key: "a", value: "x", version: 2 },
];

Deno.test("writes: what is written is read, by the short way and by the long way", () => {
  for (const command of [batch(puts), batch(others), batch([...puts, ...others]), batch(puts, maxCounter - 2)]) {
    const bytes = commandCodec.encode(command);
    assertEquals(commandCodec.decode(bytes), command);
    const writer = new CborWriter();
    writeWrites(writer, command);
    assertEquals(writer.finish(), bytes);
    const isShort = command.operations.every(({ kind }) => kind === "put" || kind === "append");
    assertEquals(readWrites(bytes), isShort ? { command, end: bytes.length } : null);
  }
});

Deno.test("writes: what breaks a rule is refused, or left to the long way, which refuses it", () => {
  const put: CborValue = [1, "k", "v"];
  const bad: CborValue[][] = [
    [20, 0, 9, 3, [put]],
    [20, 7, 2, 3, [put]],
    [20, 7, 9, 0, [put]],
    [20, 7, 9, 3, []],
    [20, 7, 9, 3, Array.from({ length: maxWritesPerCommand + 1 }, () => put)],
    [20, 7, maxCounter, 3, [put, put]],
    [20, 7, 9, 3, [put, [1, "", "v"]]],
    [20, 7, 9, 3, [put, [9, "lock", 1000]]],
    [20, 7, 9, 3, [put, [5, [], [], []]]],
    [20, 7, 9, 3, put],
    [20, 7, 9, 3],
  ];
  for (const items of bad) {
    assertEquals(readWrites(encodeCbor(items)), null);
    assertThrows(() => writesFromCbor(items), ShapeError);
  }
});

Deno.test("writes: a request stands in the log as it came, and does not change with the buffer it came in", () => {
  const command = batch(puts);
  const encoded = commandCodec.encode(command);
  const item = Uint8Array.of(0x83, 5, ...encoded, 0);
  const { body, end } = readRequest(item, 2, false);
  item.fill(0xff);
  assertEquals(end, 2 + encoded.length);
  assertEquals(body, { request: command, encoded });
});

function apply(machine: KvStateMachine, index: number, command: KvCommand) {
  return machine.apply(command, { index, term: 1, clusterTimeMs: 1000 + index });
}

Deno.test("writes: each has the outcome, and leaves the state, that it would have alone", () => {
  const [together, alone] = [new KvStateMachine(), new KvStateMachine()];
  for (const machine of [together, alone]) apply(machine, 7, { kind: "openSession" });
  const operations = [...puts, ...others, { kind: "append", key: "b", value: "text" } as const];
  const outcomes = operations.map((operation, at) => {
    const serialNumber = 9 + at;
    return apply(alone, 8, { kind: "write", sessionId: 7, serialNumber, lowestOutstanding: 3, operation });
  });
  const result = apply(together, 8, batch(operations));
  assertEquals<unknown>(result, { kind: "writes", outcomes });
  assertEquals(together.figures(), alone.figures());
});

Deno.test("writes: a write runs once, whatever it travels with", () => {
  const machine = new KvStateMachine();
  apply(machine, 7, { kind: "openSession" });
  const append = (value: string): BatchedOperation => ({ kind: "append", key: "k", value });
  apply(machine, 8, batch([append("1"), append("2"), append("3")], 1, 1));
  const again = apply(machine, 9, batch([append("2"), append("3"), append("4")], 2, 1));
  assertEquals(again, {
    kind: "writes",
    outcomes: [2, 3, 4].map((version) => ({ kind: "written" as const, version })),
  });
  const alone = { kind: "write", sessionId: 7, serialNumber: 3, lowestOutstanding: 2, operation: append("3") } as const;
  assertEquals(apply(machine, 10, alone), { kind: "written", version: 3 });
  assertEquals(machine.query({ kind: "get", key: "k" }).value, "1234");

  const late = apply(machine, 11, batch([append("x"), append("y")], 1, 2 - 1));
  assertEquals(late, { kind: "writes", outcomes: [{ kind: "staleSerial" }, { kind: "written", version: 2 }] });
  const far = apply(machine, 12, batch([append("z"), append("z")], 1 + maxOutstandingPerSession, 2));
  assertEquals(far, { kind: "writes", outcomes: [{ kind: "written", version: 5 }, { kind: "tooManyOutstanding" }] });
  const foreign = apply(machine, 13, { ...batch([append("z")]), sessionId: 5 });
  assertEquals(foreign, { kind: "writes", outcomes: [{ kind: "sessionExpired" }] });
  assertEquals(machine.query({ kind: "get", key: "k" }).value, "1234z");
});

Deno.test("writes: the reply says of each what came of it, or is none", () => {
  assertEquals(repliesFromFields(3, [[5, [12, 3], [9]]]), [
    { kind: "ok", fields: [5] },
    { kind: "versionMismatch", version: 3 },
    { kind: "wrongType" },
  ]);
  for (const fields of [[], [[5]], [[5, 6, 7]], [[5, [0, 1]]], [[5, [1, null, null]]], [[5, [2, "?"]]], [[5, "x"]]]) {
    assertThrows(() => repliesFromFields(2, fields), ShapeError);
  }
});

Deno.test("Clerk: calls of one moment travel together, those that fail among those that do not", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  await clerk.put("bytes", Uint8Array.of(1));
  cluster.seen.length = 0;
  const outcomes = await Promise.allSettled([
    clerk.put("a", "1"),
    clerk.append("bytes", "text"),
    clerk.delete("missing"),
    clerk.increment("a", 2),
    clerk.putIfVersion("a", "x", 9),
    clerk.get("bytes"),
    clerk.getBytes("bytes"),
  ]);
  assertEquals(outcomes.map((one) => one.status === "fulfilled" ? one.value : one.reason.code), [
    undefined,
    "wrongType",
    false,
    3,
    { kind: "versionMismatch", version: 2 },
    "wrongType",
    Uint8Array.of(1),
  ]);
  assertEquals(cluster.seen.map(({ request }) => request.kind).sort(), ["reads", "writes"]);
});

Deno.test("Clerk: writes whose reply was lost are sent again under their serials, each in whatever company", async () => {
  await using cluster = await FakeCluster.start(2);
  await using clerk = cluster.clerk();
  await clerk.put("k", "");
  let losses = 2;
  cluster.script = () => losses-- > 0 ? { kind: "serveAndHangUp" } : { kind: "serve" };
  const first = Promise.all(Array.from({ length: 300 }, () => clerk.append("k", "x")));
  await cluster.clock.advance(0);
  const later = Promise.all(Array.from({ length: 10 }, () => clerk.append("k", "y")));
  await cluster.clock.advance(1000);
  await Promise.all([first, later]);
  const { value, version } = await clerk.getValue("k");
  assertEquals([String(value).length, version], [310, 311]);
});

Deno.test("Clerk: of many large values a reply brings some, and the rest is asked for again", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  await clerk.put("k", "v");
  cluster.script = ({ request }) =>
    request.kind === "reads" ? { kind: "sayRaw", body: [0, ["first", 1, "second", 2]] } : { kind: "serve" };
  const values = await Promise.all(["a", "b", "c", "d", "e"].map((key) => clerk.get(key)));
  assertEquals(values, ["first", "second", "first", "second", ""]);
});
