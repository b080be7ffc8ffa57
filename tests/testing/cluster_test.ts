/**
 * The production composition under simulation, end to end: it works, it is deterministic, and it is fast.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Simulation } from "../../raft/testing/mod.ts";
import { runCluster, SimulatedCluster } from "./cluster_scenario.ts";

Deno.test("a cluster whose leaders are killed, cut off and half heard loses and repeats nothing", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { values, expected, simulation } = await runCluster(seed);
    for (const value of values) assertEquals(value, expected, `seed ${seed}`);
    const { counters } = simulation.network;
    assert(
      counters.dropped > 0 && counters.delayed > 0 && counters.blocked > 0,
      `seed ${seed}: the faults did not happen`,
    );
  }
});

Deno.test("the same seed gives the same trace, recorded or not, and other seeds give others", async () => {
  const first = await runCluster(11);
  const second = await runCluster(11, { record: true });
  assertEquals(second.hash, first.hash);
  assertEquals(second.simulation.nowMs, first.simulation.nowMs);
  assert(second.simulation.trace.lines.length > 1_000);
  assertNotEquals((await runCluster(12)).hash, first.hash);
});

Deno.test("the same seed gives the same trace in another process", async () => {
  const { hash } = await runCluster(13);
  const script = new URL("./cluster_scenario.ts", import.meta.url);
  const output = await new Deno.Command(Deno.execPath(), { args: ["run", "--no-lock", script.href, "13"] }).output();
  assertEquals(new TextDecoder().decode(output.stdout).trim(), hash, new TextDecoder().decode(output.stderr));
});

Deno.test("five idle nodes simulate much faster than they run", async () => {
  const simulation = new Simulation({ seed: 1 });
  const cluster = new SimulatedCluster(simulation, 5);
  await simulation.run(() => Promise.all(cluster.names.map((id) => cluster.start(id))));
  await simulation.runUntil(() => cluster.leader() !== null, 10_000);
  const startedMs = performance.now();
  await simulation.runFor(60_000);
  const ratio = 60_000 / (performance.now() - startedMs);
  // 500 and more on an idle machine; the bound leaves room for a busy one.
  assert(ratio > 20, `only ${ratio.toFixed(0)} times real time`);
  assert(cluster.leader() !== null);
});
