import { assertEquals, assertThrows } from "@std/assert";
import { requestFromCbor, requestToCbor } from "../../kv/protocol.ts";
import { ShapeError } from "../../kv/shape.ts";
import { batchFromFields, batchToFields } from "../../kv/watch_protocol.ts";
import { type CborValue, encodeCbor } from "../../raft/encoding/cbor.ts";

Deno.test("protocol: a watch's question and answer are read, and nothing like them", () => {
  const question: CborValue[] = [7, false, "k", 5, 2, 1000, 4096];
  assertEquals(encodeCbor(requestToCbor(requestFromCbor(question))), encodeCbor(question));
  const wrong: readonly (readonly [number, CborValue])[] = [
    [1, 0],
    [2, ""],
    [2, "\ud800".repeat(5000)],
    [3, 0],
    [3, -1],
    [4, -1],
    [5, 30_001],
    [5, 0.5],
    [6, 0],
    [6, 5 * 1024 * 1024],
  ];
  for (const [at, field] of wrong) assertThrows(() => requestFromCbor(question.with(at, field)), ShapeError);
  assertThrows(() => requestFromCbor(question.slice(0, 6)), ShapeError);

  const batch = {
    kind: "changes",
    changes: [{ index: 3, key: "a", version: 1, value: "x" }, { index: 5, key: "b", version: 0, value: "" }],
    next: { index: 5, offset: 4 },
    isAll: false,
  } as const;
  const fields = batchToFields(batch);
  assertEquals(batchFromFields(fields), batch);
  const answers: readonly (readonly CborValue[])[] = [
    [5, 4, false],
    [5, 4, false, [3, "a", 1]],
    [4, 0, true, [3, "a", 1, "x", 4, "b", 1, ""]],
    [5, 4, false, [5, "b", 1, "", 3, "a", 1, "x"]],
    [0, 0, true, []],
    [5, 4, 0, []],
    [5, 4, false, [3, 7, 1, "x"]],
    [5, 4, false, [3, "a", -1, "x"]],
    [5, 4, false, [3, "a", 1, 7]],
  ];
  for (const answer of answers) assertThrows(() => batchFromFields(answer), ShapeError, "", JSON.stringify(answer));
});
