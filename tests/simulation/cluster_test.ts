/**
 * What a simulated cluster notices by itself about the servers in it.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { CalmWorld } from "./calm_world.ts";

Deno.test("a node that has found damage on a disk without any is a violation, for all that it has repaired it", async () => {
  using world = new CalmWorld({});
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
    using world = new CalmWorld(walLimits);
    await world.simulation.run(async () => {
      for (let life = 0; life < 4; life++) await world.restart();
      assertEquals([world.segments > 1, world.counters.of("start from several segments")], [several > 0, several]);
      assertEquals(world.violations, []);
    });
  }
});
