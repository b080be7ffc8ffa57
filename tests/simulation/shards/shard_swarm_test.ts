/** A small swarm of sharded stores for every change; `deno task sim --shards` runs a large one. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Simulation } from "../../../raft/testing/mod.ts";
import { Violation } from "../violation.ts";
import { runShardSeed } from "./run_shard_seed.ts";
import { comeToRest, maxStepMs } from "./shard_healing.ts";
import { shardCounted } from "./shard_nemesis.ts";
import { drawShardPlan } from "./shard_plan.ts";
import { ShardedWorld } from "./sharded_world.ts";

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
  assertEquals([...counts.keys()], shardCounted.faults);
  for (const [name, count] of counts) assert(count > 0 || name === "blackouts", `not once: ${name}`);
});

Deno.test("a sharded store: the same seed gives the same run, with and without a readable trace", async () => {
  const first = await runShardSeed(3, { chaosMs: 5_000 });
  const second = await runShardSeed(3, { chaosMs: 5_000, record: true });
  assertEquals(second.traceHash, first.traceHash);
  assert(second.trace.length > 0);
});

Deno.test("a sharded store may have much to do, but must go on doing it", async () => {
  using simulation = new Simulation({ seed: 1 });
  const plan = { ...drawShardPlan(simulation.random.stream("plan"), 0), groups: [1, 2], servers: 1, shardCount: 1 };
  const world = new ShardedWorld(simulation, { ...plan, pieceBytes: 64, maxRaftState: 100_000 });
  await simulation.run(async () => {
    world.startAll();
    const controller = world.controller();
    await controller.join(world.groups(1, 2));
    const clerk = world.clerk();
    await clerk.put("key", "x".repeat(50_000));
    // Faster than the shard can follow.
    for (let turn = 0; turn < 12; turn++) await controller.move(0, 1 + turn % 2);
    const number = (await controller.query())?.number ?? 0;
    const startedMs = simulation.nowMs;
    await comeToRest({ simulation, plan, world }, number);
    assert(simulation.nowMs > startedMs + maxStepMs, `${simulation.nowMs - startedMs} ms`);
    world.kill("g2-1");
    await controller.move(0, 1);
    const error = await assertRejects(() => comeToRest({ simulation, plan, world }, number + 1), Violation);
    assertEquals(error.check, "liveness");
  });
});
