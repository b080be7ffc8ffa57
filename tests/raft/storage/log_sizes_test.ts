/**
 * The account of the log's bytes.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { LogSizes } from "../../../raft/storage/log_sizes.ts";

Deno.test("sizes follow appends, replaced suffixes, snapshots and new starts", () => {
  const sizes = new LogSizes(0);
  for (let index = 1; index <= 10; index++) sizes.append(index, index);
  assertEquals([sizes.bytes, sizes.lastIndex], [55, 10]);
  assertEquals([0, 1, 4, 10, 11].map((index) => sizes.bytesThrough(index)), [0, 1, 10, 55, 55]);
  sizes.append(8, 100);
  assertEquals([sizes.bytes, sizes.lastIndex], [28 + 100, 8]);
  sizes.dropThrough(5);
  assertEquals([sizes.bytes, sizes.lastIndex], [6 + 7 + 100, 8]);
  assertEquals([4, 5, 6, 7, 8].map((index) => sizes.bytesThrough(index)), [0, 0, 6, 13, 113]);
  sizes.dropThrough(3);
  assertEquals(sizes.bytes, 6 + 7 + 100);
  sizes.append(6, 60);
  assertEquals([sizes.bytes, sizes.lastIndex], [60, 6]);
  sizes.append(7, 1);
  assertEquals(sizes.bytes, 61);
  assertThrows(() => sizes.append(9, 1), Error, "gap");
  sizes.dropThrough(7);
  assertEquals([sizes.bytes, sizes.lastIndex], [0, 7]);
  sizes.dropThrough(20);
  sizes.append(15, 5);
  assertEquals([sizes.bytes, sizes.lastIndex], [0, 20]);
  sizes.append(21, 5);
  assertEquals(sizes.bytes, 5);
  sizes.restart(4);
  assertEquals([sizes.bytes, sizes.lastIndex], [0, 4]);
});
