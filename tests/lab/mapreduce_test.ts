/**
 * The course's MapReduce suite, each scenario once and within its official time.
 */
import { assertLess } from "@std/assert";
import { mapReduceCases } from "./scenarios/mapreduce.ts";

for (const { name, limitMs, run } of mapReduceCases) {
  Deno.test(`lab: mapreduce ${name}`, async () => {
    const startedAtMs = performance.now();
    await run();
    assertLess(performance.now() - startedAtMs, limitMs);
  });
}
