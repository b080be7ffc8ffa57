/**
 * Lost disks, damaged logs and older copies: the node comes back under another incarnation and is taken in again, nothing
 * that was acknowledged is lost, and where no quorum is left nothing is touched.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { flushDelayMs } from "../../../raft/storage/witness.ts";
import type { DirectoryImage } from "../../../raft/testing/mod.ts";
import { entryPlaces, withDamagedEntries } from "./entry_damage.ts";
import { dataDir, RejoinWorld } from "./world.ts";

/** A disaster that strikes a stopped node's disk. */
type Disaster = (world: RejoinWorld, id: string, before: DirectoryImage) => void;

const wipe: Disaster = (world, id) => world.simulation.process(id).disk.restore(dataDir, new Map());

const restoreOlder: Disaster = (world, id, before) => world.simulation.process(id).disk.restore(dataDir, before);

const flip: Disaster = (world, id) => {
  const { disk } = world.simulation.process(id);
  const image = disk.image(dataDir);
  const places = [...entryPlaces(image).values()];
  const place = places[Math.floor(places.length / 2)];
  if (place !== undefined) disk.restore(dataDir, withDamagedEntries(image, [place]));
};

const disasters: readonly (readonly [string, Disaster])[] = [
  ["an empty disk", wipe],
  ["an older copy of its directory", restoreOlder],
  ["a flipped bit in its log", flip],
];

for (const [what, disaster] of disasters) {
  for (const victimLeads of [false, true]) {
    const end = disaster === flip ? "stays who it is" : "is replaced by itself";
    Deno.test(`a ${victimLeads ? "leader" : "follower"} that comes back with ${what} ${end}`, async () => {
      for (let seed = 1; seed <= 5; seed++) {
        const world = new RejoinWorld(seed);
        await world.simulation.run(async () => {
          await world.startAll();
          await world.until("a leader", () => world.leader() !== null);
          let expected = await world.append(0, 5);
          const leader = world.leader() ?? "";
          const victim = victimLeads ? leader : world.names.find((id) => id !== leader) ?? "";
          // Stopped in between, so that the copy is one of a stopped node: what a backup is.
          world.kill(victim);
          const backup = world.simulation.process(victim).disk.image(dataDir);
          await world.start(victim);
          expected += await world.append(5, 20);
          await world.untilMember(victim);
          // Damage to the last batch is told from a write that never finished only when the witness knows of that batch.
          await world.simulation.sleep(2 * flushDelayMs);
          world.kill(victim);
          disaster(world, victim, backup);
          const appends = world.append(25, 20);
          await world.start(victim);
          await world.untilMember(victim);
          expected += await appends;
          if (disaster === flip) assertEquals(world.status(victim)?.identity, victim, `seed ${seed}`);
          else {
            assertMatch(world.status(victim)?.identity ?? "", new RegExp(`^${victim}#\\d+$`), `seed ${seed}`);
            for (const id of world.names) {
              await world.until(`${id} to know the voters`, () => !world.voters(id).includes(victim));
            }
          }
          assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
          // Its promises count again: with it and one other node the cluster goes on.
          const other = world.names.find((id) => id !== victim && id !== world.leader()) ?? "";
          world.kill(other);
          expected += await world.append(45, 5);
          await world.start(other);
          assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
        }, { timeoutMs: 600_000 });
      }
    });
  }
}

Deno.test("an emptied node does not vote where only those are left who never met it, and nothing is lost", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = new RejoinWorld(seed);
    await world.simulation.run(async () => {
      await world.startAll();
      await world.until("a leader", () => world.leader() !== null);
      world.kill("n2");
      // Only n1 and n3 have this.
      const expected = await world.append(0, 10);
      world.kill("n1");
      world.kill("n3");
      wipe(world, "n3", new Map());
      await Promise.all([world.start("n2"), world.start("n3")]);
      await world.hasNoLeaderFor(20_000);
      await world.start("n1");
      await world.untilMember("n3");
      assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
    }, { timeoutMs: 600_000 });
  }
});

Deno.test("a first start needs all members once, and then a majority", async () => {
  const world = new RejoinWorld(1);
  await world.simulation.run(async () => {
    await world.start("n1");
    await world.start("n2");
    await world.simulation.sleep(10_000);
    assertEquals(world.leader(), null);
    assertEquals([world.status("n1")?.state, world.status("n1")?.term], ["founding", 0]);
    await world.start("n3");
    await world.until("a leader", () => world.leader() !== null, 5_000);
    for (const id of world.names) await world.until(`${id} to run`, () => world.status(id)?.state === "running", 5_000);
    for (const id of world.names) world.kill(id);
    await world.start("n1");
    await world.start("n2");
    await world.until("a leader", () => world.leader() !== null, 5_000);
    assertEquals(world.reports.filter((line) => line.includes("damaged")), []);
  }, { timeoutMs: 600_000 });
});

Deno.test("a cluster of one that is damaged refuses", async () => {
  const world = new RejoinWorld(1, 1);
  await world.simulation.run(async () => {
    await world.startAll();
    await world.append(0, 10);
    world.kill("n1");
    flip(world, "n1", new Map());
    await world.start("n1");
    const { message } = world.refusals.get("n1") ?? new Error("it started");
    assertMatch(message, /wal-\d+\.log is damaged at offset \d+/);
    assertStringIncludes(message, "There is no other member to repair it from");
  }, { timeoutMs: 600_000 });
});

Deno.test("disaster after disaster, each on a minority, while a client appends: nothing is lost, nothing is repeated", async () => {
  let repairs = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const world = new RejoinWorld(seed, seed % 3 === 0 ? 5 : 3);
    const random = world.simulation.random.stream("disasters");
    await world.simulation.run(async () => {
      await world.startAll();
      await world.until("a leader", () => world.leader() !== null);
      let isOver = false;
      let expected = "";
      const client = (async () => {
        const clerk = world.clerk();
        for (let at = 0; !isOver; at++) {
          await clerk.append("log", `${at} `);
          expected += `${at} `;
          await world.simulation.sleep(random.between(1, 50));
        }
      })();
      const backups = new Map<string, DirectoryImage>();
      for (let round = 0; round < 6; round++) {
        const victim = random.pick(world.names);
        world.kill(victim, random.pick(["power", "process"] as const));
        const { disk } = world.simulation.process(victim);
        const backup = backups.get(victim);
        // A copy is older only if the node has been up since it was taken.
        const [, disaster] = random.pick(
          backup === undefined ? disasters.filter(([, one]) => one !== restoreOlder) : disasters,
        );
        if (random.chance(0.3)) backups.set(victim, disk.image(dataDir));
        else {
          disaster(world, victim, backup ?? new Map());
          repairs++;
        }
        await world.simulation.sleep(random.between(0, 3_000));
        await world.start(victim);
        await world.simulation.sleep(random.between(0, 500));
        if (random.chance(0.3)) {
          // Also while it is being taken in.
          world.kill(victim);
          await world.start(victim);
        }
        for (const id of world.names) await world.untilMember(id);
      }
      isOver = true;
      await client;
      assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
    }, { timeoutMs: 3_600_000 });
  }
  assert(repairs >= 40, `only ${repairs} repairs`);
});

Deno.test("a tail that may hold something acknowledged keeps a bare majority for a few election timeouts only", async () => {
  const timeoutMs = 100;
  for (let seed = 1; seed <= 5; seed++) {
    const world = new RejoinWorld(seed, 3, { tickMs: timeoutMs / 10, electionTimeoutTicks: 10 });
    await world.simulation.run(async () => {
      await world.startAll();
      await world.until("a leader", () => world.leader() !== null);
      const leader = world.leader() ?? "";
      const [victim = "", other = ""] = world.names.filter((id) => id !== leader);
      world.kill(other, "process");
      // What is written from now on the witness has not heard of when the power goes, or has forgotten.
      await world.simulation.sleep(2 * flushDelayMs);
      let expected = await world.append(0, 2);
      world.kill(victim, "power", "none");
      const { disk } = world.simulation.process(victim);
      const image = new Map(disk.image(dataDir));
      const [segment = ""] = [...image.keys()].filter((name) => name.startsWith("wal-")).sort().reverse();
      const log = image.get(segment) ?? new Uint8Array();
      disk.restore(dataDir, image.set(segment, Uint8Array.of(...log, ...log.slice(-40, -20))));
      await world.until("nobody to lead", () => world.leader() === null);
      const startedMs = world.simulation.nowMs;
      await world.start(victim);
      await world.until("a leader again", () => world.leader() !== null);
      const timeouts = (world.simulation.nowMs - startedMs) / timeoutMs;
      assert(timeouts < 10, `seed ${seed}: somebody leads after ${timeouts} election timeouts`);
      assert(world.reports.some((line) => line.startsWith(`${victim}: `) && line.includes("perhaps what was written")));
      expected += await world.append(5, 1);
      await world.start(other);
      assertEquals(await world.values("log"), world.names.map(() => expected), `seed ${seed}`);
    }, { timeoutMs: 600_000 });
  }
});
