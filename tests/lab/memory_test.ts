/**
 * The course's tests of memory; `deno task lab` also runs those that take 100,000 clients.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { courseClients, runMemoryCase } from "./memory/run_memory.ts";
import { memoryCases } from "./scenarios/memory.ts";

for (const test of memoryCases.filter(({ hasManyClients }) => hasManyClients !== true)) {
  Deno.test(`lab: memory of ${test.suite}/${test.name}`, async () => {
    const { failure } = await runMemoryCase(test, courseClients, false);
    assertEquals(failure, null);
  });
}
