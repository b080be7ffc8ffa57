/**
 * How much memory a worker takes: bounded, however much a reduce task reads.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { ByteBuffer } from "../../mapreduce/byte_buffer.ts";
import { heapMebibytesFor } from "../../shell/mapreduce/settings.ts";
import { runLargeReduce } from "./reduce_memory.ts";
import { workerMemoryLimitBytes } from "./worker_memory.ts";

const mebibyte = 1024 * 1024;

Deno.test("memory: a reduce task reads twice what a worker may have, and the worker stays below", async () => {
  const { reduceBytes, workerBytes } = await runLargeReduce(2 * workerMemoryLimitBytes / mebibyte);
  assertGreaterOrEqual(reduceBytes, 2 * workerMemoryLimitBytes);
  if (Deno.build.os === "linux") assert(workerBytes > 0, "nothing was measured");
  assertLess(workerBytes, workerMemoryLimitBytes);
});

Deno.test("memory: the heap has room for the largest input as text of two bytes, and for the buffer", () => {
  const usual = heapMebibytesFor({ largestInputBytes: 8 * mebibyte, bufferBytes: 32 * mebibyte });
  assertEquals(usual, 136);
  // With code and stacks, some 80 MiB, and three semi-spaces of 8 MiB it stays below the limit, by construction.
  assertLess(usual + 80 + 3 * 8, workerMemoryLimitBytes / mebibyte);
  const large = heapMebibytesFor({ largestInputBytes: 500 * mebibyte + 1, bufferBytes: mebibyte });
  assertEquals(large, 40 + 2001 + 2);
});

Deno.test("memory: a buffer gives the same bytes again, but keeps none that are huge", () => {
  const buffer = new ByteBuffer();
  const first = buffer.take(1000);
  assertEquals(first.length, 1000);
  assert(buffer.take(30_000).buffer === first.buffer, "there was room for it");
  const larger = buffer.take(100_000);
  assertEquals(larger.length, 100_000);
  const huge = buffer.take(10 * mebibyte);
  assertEquals(huge.length, 10 * mebibyte);
  assert(buffer.take(100_000).buffer === larger.buffer, "the huge one was for the occasion");
});
