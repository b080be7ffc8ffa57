/**
 * Where keys go, and the limits' relations.
 */
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { JobError } from "../../mapreduce/errors.ts";
import {
  defaultLeaseMs,
  idlePollMs,
  maxBlockBytes,
  maxFailures,
  maxInputs,
  maxLosses,
  maxPairCharacters,
  maxReduces,
  minLeaseMs,
} from "../../mapreduce/limits.ts";
import { checkedPartition, hashPartition } from "../../mapreduce/partition.ts";

Deno.test("partition: the same key always goes to the same place, and keys are spread", () => {
  const counts = new Array<number>(10).fill(0);
  for (let index = 0; index < 10_000; index++) {
    const place = hashPartition(`word${index}`, 10);
    assertEquals(place, hashPartition(`word${index}`, 10));
    counts[place] = (counts[place] ?? 0) + 1;
  }
  for (const count of counts) assert(count > 800 && count < 1200, `${counts}`);
  assertEquals(hashPartition("anything", 1), 0);
  // FNV-1a of the bytes 61 00, by hand: a change would send keys elsewhere in the middle of a job.
  assertEquals(hashPartition("a", 2 ** 32), 0x2b24d044);
});

Deno.test("partition: a job's own function is checked", () => {
  assertEquals(checkedPartition((key) => key.length)("abc", 4), 3);
  for (const bad of [-1, 4, 0.5, NaN]) {
    assertThrows(() => checkedPartition(() => bad)("abc", 4), JobError, "an integer from 0 to 3");
  }
});

Deno.test("limits: they fit one another", () => {
  // A task takes 8 items of a snapshot's frame and an occasional failed attempt; a frame may have 65,536.
  assertLess((maxInputs + maxReduces + 1) * (8 + maxFailures) + maxInputs, 65_536);
  assertLess(3 * maxPairCharacters, maxBlockBytes);
  assertLess(maxFailures, maxLosses);
  assertLess(idlePollMs, minLeaseMs);
  assertLess(minLeaseMs, defaultLeaseMs);
});
