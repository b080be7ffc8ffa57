/**
 * A small share of the whole-cluster part of `deno task crash-states`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { runClusterCrashes } from "./cluster_crashes.ts";

Deno.test("all nodes lose power at once, at any operation, and nothing acknowledged is lost", async () => {
  const { crashes, appends, violations } = await runClusterCrashes(60, { seed: 4, step: 13, most: 700 });
  console.log(`${crashes} crashes of all nodes, ${appends} appends`);
  assertEquals(violations, []);
  assertEquals(crashes, 60);
});
