/**
 * Watchers hand over: the auditor goes on where a client's turn is not over yet, and what that client still hears is no
 * change told twice.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Clerk } from "../../../kv/clerk.ts";
import { sleep } from "../../../raft/node/clock.ts";
import { SeededRandom } from "../../../raft/testing/mod.ts";
import { CalmWorld } from "../calm_world.ts";
import type { FeatureClient } from "./feature_context.ts";
import { WatchesWorkload } from "./watches.ts";

Deno.test("whoever has handed a watch over says nothing more about it", async () => {
  using world = new CalmWorld();
  const { simulation, counters, violations, cluster, monitor } = world;
  const workload = new WatchesWorkload({
    ...{ simulation, counters, hasTrueClocks: true },
    onViolation: (violation) => violations.push(violation),
    onExecuted: (listener) => monitor.executionListeners.push(listener),
  });
  function client(name: string, number: number): FeatureClient {
    const { network, clock, random } = simulation.process(name).start();
    const clerk = new Clerk(cluster.addresses, { network, clock, random });
    return {
      ...{ name, number, clerk, sessionless: clerk, random: new SeededRandom(number) },
      sleep: (delayMs) => sleep(clock, delayMs),
    };
  }
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
