/**
 * The short way of reading puts and appends gives what the long way gives, or leaves the matter to it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { commandCodec, type WriteCommand, writeFromCbor } from "../../kv/commands.ts";
import { readKeyWrite } from "../../kv/key_write.ts";
import { maxCounter, maxKeyBytes } from "../../kv/limits.ts";
import { readRequest } from "../../kv/service.ts";
import type { Value } from "../../kv/values.ts";
import { type CborValue, encodeCbor } from "../../raft/encoding/cbor.ts";

function write(kind: "put" | "append", key: string, value: Value, serialNumber = 9): WriteCommand {
  return { kind: "write", sessionId: 7, serialNumber, lowestOutstanding: 3, operation: { kind, key, value } };
}

Deno.test("a put or an append is read, whatever it puts", () => {
  for (const kind of ["put", "append"] as const) {
    for (const value of ["", "v".repeat(300), "ä𝄞", new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      for (const serialNumber of [3, 24, 70_000, maxCounter]) {
        const command = write(kind, "key 𝄞", value, serialNumber);
        const bytes = commandCodec.encode(command);
        assertEquals(readKeyWrite(bytes), { command, end: bytes.length });
        assertEquals(commandCodec.decode(bytes), command);
      }
    }
  }
});

Deno.test("everything else is left to the long way", () => {
  const others: CborValue[] = [
    [1],
    [2],
    [2, 0, 9, 3, [1, "k", "v"]],
    [2, 7, 2, 3, [1, "k", "v"]],
    [2, 7, 9, 0, [1, "k", "v"]],
    [2, 7, maxCounter + 1, 3, [1, "k", "v"]],
    [2, 7, -9, 3, [1, "k", "v"]],
    [2, 7, 9, 3, [0, "k", "v"]],
    [2, 7, 9, 3, [1, "", "v"]],
    [2, 7, 9, 3, [1, "k".repeat(maxKeyBytes + 1), "v"]],
    [2, 7, 9, 3, [1, "k", 5]],
    [2, 7, 9, 3, [1, 5, "v"]],
    [2, 7, 9, 3, [1, "k"]],
    [2, 7, 9, 3, "put"],
  ];
  for (const other of others) assertEquals(readKeyWrite(encodeCbor(other)), null);
});

Deno.test("a request's write stands in the log as it came, and does not change with the buffer it came in", () => {
  const command = write("put", "key", Uint8Array.of(1, 2, 3));
  const encoded = commandCodec.encode(command);
  const item = Uint8Array.of(0x83, 5, ...encoded, 0);
  const { body, end } = readRequest(item, 2, false);
  item.fill(0xff);
  assertEquals(end, 2 + encoded.length);
  assertEquals(body, { request: command, encoded });
  assertEquals(writeFromCbor([2, 7, 9, 3, [1, "key", Uint8Array.of(1, 2, 3)]]), command);
});
