/** The model of a store of many keys: what it explains, and what it does not. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkLinearizability,
  type JsonValue,
  ModelError,
  storeSpecification,
  type StoreWrite,
  type Verdict,
} from "../../../raft/testing/linearizability/mod.ts";
import { type Sketch, sketch, type SketchedCall } from "./sketch.ts";

function write(change: StoreWrite, result: JsonValue = null): SketchedCall {
  return { f: "write", value: { ...change }, result };
}

function put(key: string, value: string): SketchedCall {
  return write({ kind: "put", key, value });
}

function range(value: JsonValue, result: JsonValue): SketchedCall {
  return { f: "range", value, result };
}

function transaction(value: JsonValue, result: boolean): SketchedCall {
  return { f: "transaction", value, result };
}

const all = {};
const move = {
  compare: [{ key: "a", value: "1" }],
  then: [{ kind: "increment", key: "a", by: -1 }, { kind: "increment", key: "b", by: 1 }],
  else: [{ kind: "delete", key: "a" }],
};

const histories: readonly (readonly [name: string, kind: Verdict["kind"], sketch: Sketch])[] = [
  ["a range sees all that was written before, in order", "linearizable", [
    ["|-|", put("b", "2")],
    ["    |-|", put("a", "1")],
    ["        |-|", range(all, [["a", "1", 1], ["b", "2", 1]])],
    ["        |-|", range({ from: "a", to: "b" }, [["a", "1", 1]])],
    ["        |-|", range({ limit: 1, reverse: true }, [["b", "2", 1]])],
    ["        |-|", { f: "count", value: { from: "b" }, result: 1 }],
    ["        |-|", { f: "get", value: "c", result: ["", 0] }],
  ]],
  ["two ranges see two writes in one order", "notLinearizable", [
    ["|--------|", put("a", "1")],
    ["|--------|", put("b", "2")],
    [" |-|", range(all, [["a", "1", 1]])],
    ["      |-|", range(all, [["b", "2", 1]])],
  ]],
  ["a range is of one moment", "notLinearizable", [
    ["|-|", put("a", "1")],
    [
      "    |------|",
      transaction({ then: [{ kind: "put", key: "a", value: "2" }, { kind: "put", key: "b", value: "2" }] }, true),
    ],
    ["    |------|", range(all, [["a", "1", 1], ["b", "2", 1]])],
  ]],
  ["a transaction does one list or the other", "linearizable", [
    ["|-|", put("a", "1")],
    ["    |-|", transaction(move, true)],
    ["        |-|", range(all, [["a", "0", 2], ["b", "1", 1]])],
    ["            |-|", transaction(move, false)],
    ["                |-|", range(all, [["b", "1", 1]])],
  ]],
  ["a transaction whose comparisons did not hold has not done the first list", "notLinearizable", [
    ["|-|", put("a", "7")],
    ["    |-|", transaction(move, true)],
  ]],
  ["a transaction that was refused has done nothing", "notLinearizable", [
    ["|-|", put("b", "text")],
    [
      "    |-!",
      transaction({ then: [{ kind: "put", key: "a", value: "1" }, { kind: "increment", key: "b", by: 1 }] }, true),
    ],
    ["        |-|", range(all, [["a", "1", 1], ["b", "text", 1]])],
  ]],
  ["what must be refused is not answered", "notLinearizable", [
    ["|-|", put("b", "text")],
    ["    |-|", write({ kind: "increment", key: "b", by: 1 }, 1)],
  ]],
  ["of unknown fate, it may have been refused", "linearizable", [
    ["|-|", put("b", "text")],
    ["    |-?", write({ kind: "increment", key: "b", by: 1 })],
    ["        |-|", range(all, [["b", "text", 1]])],
  ]],
  ["deletions tell how many keys there were", "linearizable", [
    ["|-|", put("a", "1")],
    ["    |-|", put("ab", "1")],
    ["        |-|", write({ kind: "delete", key: "x" }, 0)],
    ["            |-|", write({ kind: "deletePrefix", prefix: "a" }, 2)],
    ["                |-|", write({ kind: "append", key: "a", value: "2" })],
    ["                    |-|", range(all, [["a", "2", 1]])],
  ]],
  ["a deletion that tells too few", "notLinearizable", [
    ["|-|", put("a", "1")],
    ["    |-|", write({ kind: "deletePrefix", prefix: "a" }, 0)],
  ]],
];

for (const [name, kind, calls] of histories) {
  Deno.test(`store: ${name}`, () => {
    const verdict = checkLinearizability(sketch(...calls), { specification: storeSpecification });
    assertEquals(verdict.kind, kind);
  });
}

Deno.test("store: calls that it does not have are refused with a reason", () => {
  const check = (call: SketchedCall) => () =>
    checkLinearizability(sketch(["|-|", call]), { specification: storeSpecification });
  assertThrows(
    check({ f: "fly" }),
    ModelError,
    "its functions are get (of a key), range, count, write and transaction",
  );
  assertThrows(check({ f: "write", value: { kind: "put", key: "a" } }), ModelError, "it has no such write");
  assertThrows(check({ f: "transaction", value: { compare: [{ key: "a" }] } }), ModelError, "no such comparison");
  assertThrows(check({ f: "range", value: { from: 7 } }), ModelError, 'its "from" must be a string');
});
