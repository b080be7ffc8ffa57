/**
 * A disk that lied: it said that entries were durable, and after a power cut they are gone, without a trace in the directory.
 * The leader that counted on them remembers.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { dataDir, RejoinWorld } from "./world.ts";

/** A cluster of three with a leader, a follower whose disk will lie, and another one. */
async function cast(world: RejoinWorld): Promise<{ leader: string; victim: string; other: string }> {
  await world.startAll();
  await world.until("a leader", () => world.leader() !== null);
  const leader = world.leader() ?? "";
  const [victim = "", other = ""] = world.names.filter((id) => id !== leader);
  return { leader, victim, other };
}

function isGivenUp(world: RejoinWorld, id: string): boolean {
  return world.reports.some((line) => line.startsWith(`${id}: stopped: Cannot go on as ${id}: `));
}

Deno.test("a follower that has lost what it acknowledged hears of it, and is taken in anew", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new RejoinWorld(seed);
    await world.simulation.run(async () => {
      const { leader, victim } = await cast(world);
      const caughtUp = (): Promise<void> =>
        world.until(
          `${victim} to have all`,
          () => world.status(victim)?.lastApplied === world.status(leader)?.commitIndex,
        );
      let expected = await world.append(0, 5);
      const { disk } = world.simulation.process(victim);
      await caughtUp();
      const before = disk.image(dataDir);
      expected += await world.append(5, 1 + seed % 3);
      await caughtUp();
      world.kill(victim);
      disk.restore(dataDir, before);
      await world.start(victim);
      await world.until(`${victim} to be given up`, () => isGivenUp(world, victim));
      expected += await world.append(10, 5);
      await world.untilMember(victim);
      assertEquals(world.leader(), leader, `seed ${seed}`);
      assertMatch(world.status(victim)?.identity ?? "", new RegExp(`^${victim}#\\d+$`), `seed ${seed}`);
      assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
    }, { timeoutMs: 600_000 });
  }
});

Deno.test("it helps nobody to lead who lacks that, too", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new RejoinWorld(seed);
    await world.simulation.run(async () => {
      const { leader, victim, other } = await cast(world);
      let expected = await world.append(0, 5);
      const { disk } = world.simulation.process(victim);
      const before = disk.image(dataDir);
      // Only the leader and the victim have this.
      world.kill(other);
      expected += await world.append(5, 3);
      world.kill(victim);
      disk.restore(dataDir, before);
      await world.start(victim);
      await world.until(`${victim} to be given up`, () => isGivenUp(world, victim));
      world.kill(leader);
      await world.start(other);
      await world.hasNoLeaderFor(10_000);
      await world.start(leader);
      expected += await world.append(10, 5);
      if (world.refusals.has(victim)) await world.start(victim);
      await world.untilMember(victim);
      assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
    }, { timeoutMs: 600_000 });
  }
});
