/**
 * What a simulated cluster notices by itself about the servers in it.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { segmentNumbers } from "../../raft/storage/wal_recovery.ts";
import { SeededRandom, Simulation } from "../../raft/testing/mod.ts";
import { SimulatedCluster } from "./cluster.ts";
import { Counters } from "./counters.ts";
import { Monitor } from "./monitor.ts";
import { observe } from "./observation.ts";
import { drawPlan, type SwarmPlan } from "./swarm_plan.ts";
import type { Violation } from "./violation.ts";

/** A cluster of one, in which nothing goes wrong but what a test does. */
class World implements Disposable {
  readonly simulation = new Simulation({ seed: 1 });
  readonly counters = new Counters();
  readonly violations: Violation[] = [];
  readonly cluster: SimulatedCluster;
  readonly #observation: Disposable;

  constructor(walLimits: SwarmPlan["walLimits"]) {
    const { simulation, counters } = this;
    const plan = { ...drawPlan(new SeededRandom(1), 0), nodes: 1, maxRaftState: -1, walLimits };
    const onViolation = (violation: Violation): number => this.violations.push(violation);
    const monitor = new Monitor(simulation, counters, onViolation, { hasLeases: false, maxRaftState: -1 });
    this.cluster = new SimulatedCluster(simulation, plan, counters, monitor, onViolation);
    this.#observation = observe(monitor);
  }

  /** Starts the node anew and lets it elect itself. */
  async restart(): Promise<void> {
    this.cluster.kill("n1", { kind: "process" });
    this.cluster.start("n1");
    await this.simulation.sleep(10_000);
  }

  get segments(): number {
    return segmentNumbers(this.cluster.process("n1").disk.list("data")).length;
  }

  [Symbol.dispose](): void {
    this.simulation[Symbol.dispose]();
    this.#observation[Symbol.dispose]();
  }
}

Deno.test("a node that has found damage on a disk without any is a violation, for all that it has repaired it", async () => {
  using world = new World({});
  await world.simulation.run(async () => {
    await world.restart();
    await world.restart();
    assertEquals(world.violations, []);
    const { disk } = world.cluster.process("n1");
    world.cluster.kill("n1", { kind: "process" });
    // As a repair leaves it.
    disk.restore("data", new Map([...disk.image("data"), ["damaged-2-wal-000000000001.log", new Uint8Array(9)]]));
    await world.restart();
    const [found] = world.violations;
    assertEquals(found?.check, "damage");
    assertMatch(found?.message ?? "", /^n1#3 has found damage .*: damaged-2-wal-000000000001\.log$/);
  });
});

Deno.test("segments end where the plan says, and a start from several is counted", async () => {
  for (const [walLimits, several] of [[{}, 0], [{ segmentBytes: 200, minimumSegmentBytes: 100 }, 3]] as const) {
    using world = new World(walLimits);
    await world.simulation.run(async () => {
      for (let life = 0; life < 4; life++) await world.restart();
      assertEquals([world.segments > 1, world.counters.of("start from several segments")], [several > 0, several]);
      assertEquals(world.violations, []);
    });
  }
});
