/**
 * Watchers hand over: the auditor goes on where a client's turn is not over yet, and what that client still hears is no
 * change told twice.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Clerk } from "../../../kv/clerk.ts";
import { sleep } from "../../../raft/node/clock.ts";
import { SeededRandom, Simulation } from "../../../raft/testing/mod.ts";
import { SimulatedCluster } from "../cluster.ts";
import { Counters } from "../counters.ts";
import { Monitor } from "../monitor.ts";
import { observe } from "../observation.ts";
import { drawPlan } from "../swarm_plan.ts";
import type { Violation } from "../violation.ts";
import type { FeatureClient } from "./feature_context.ts";
import { WatchesWorkload } from "./watches.ts";

Deno.test("whoever has handed a watch over says nothing more about it", async () => {
  const simulation = new Simulation({ seed: 1 });
  const counters = new Counters();
  const violations: Violation[] = [];
  const onViolation = (violation: Violation): number => violations.push(violation);
  const monitor = new Monitor(simulation, counters, onViolation, { hasLeases: false, maxRaftState: -1 });
  const plan = { ...drawPlan(new SeededRandom(1), 0), nodes: 1, maxRaftState: -1, walLimits: {} };
  const cluster = new SimulatedCluster(simulation, plan, counters, monitor, onViolation);
  const workload = new WatchesWorkload({
    ...{ simulation, counters, onViolation, hasTrueClocks: true },
    onExecuted: (listener) => monitor.executionListeners.push(listener),
  });
  const addresses = cluster.ids.map((_, at) => `127.0.0.1:${7001 + at}`);
  function client(name: string, number: number): FeatureClient {
    const { network, clock, random } = simulation.process(name).start();
    const clerk = new Clerk(addresses, { network, clock, random });
    return {
      ...{ name, number, clerk, sessionless: clerk, random: new SeededRandom(number) },
      sleep: (delayMs) => sleep(clock, delayMs),
    };
  }
  using _observation = observe(monitor);
  await simulation.run(async () => {
    cluster.start("n1");
    const writer = client("writer", 0);
    await writer.clerk.put("watch/a", "1");
    const [first, second, auditor] = [client("first", 1), client("second", 1), client("auditor", 3)];
    // Both of them, and the auditor, go on with the watch of the first target.
    const turns = [workload.turn(first), workload.turn(second)];
    await simulation.sleep(500);
    const audit = workload.audit(auditor);
    for (let at = 2; at < 6; at++) await writer.clerk.put("watch/a", String(at));
    await Promise.all([...turns, audit]);
    assertEquals(violations.map(String), []);
    assert(counters.of("leader elected") > 0);
  }, { timeoutMs: 600_000 });
});
