/** A small swarm of sharded stores for every change; `deno task sim --shards` runs a large one. */
import { assert, assertEquals } from "@std/assert";
import { runShardSeed } from "./run_shard_seed.ts";

/** Faults go on for so long in each of the runs here, in milliseconds of virtual time. */
const chaosMs = 12_000;

Deno.test("a small swarm of sharded stores finds no violation, while shards move and servers die", async () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= 8; seed++) {
    const report = await runShardSeed(seed, { chaosMs });
    assertEquals(report.violation, null, `replay: deno task sim --shards --seed ${seed} --trace --chaos ${chaosMs}`);
    assert(report.answered > 0);
    for (const [name, count] of Object.entries(report.counts)) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  for (const [name, count] of counts) assert(count > 0 || name === "blackouts", `not once: ${name}`);
});

Deno.test("a sharded store: the same seed gives the same run, with and without a readable trace", async () => {
  const first = await runShardSeed(3, { chaosMs: 5_000 });
  const second = await runShardSeed(3, { chaosMs: 5_000, record: true });
  assertEquals(second.traceHash, first.traceHash);
  assert(second.trace.length > 0);
});
