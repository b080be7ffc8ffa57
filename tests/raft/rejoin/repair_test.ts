/**
 * Logs with holes, repaired from whoever has what is missing: a share of `deno task repair-patterns`, and what a repair must
 * not do.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dial } from "../../../raft/wire/dial.ts";
import { wireLimits } from "../../../raft/wire/limits.ts";
import { entryPlaces, withDamagedEntries } from "./entry_damage.ts";
import { addPatterns, runPatterns } from "./patterns.ts";
import { dataDir, RejoinWorld } from "./world.ts";

Deno.test("what has one intact copy among three nodes is recovered; where it has none, nobody starts", async () => {
  const plain = await runPatterns(1, false, 5, 41);
  console.log(`${plain.patterns} patterns, ${plain.repaired} repaired, ${plain.refused} refused`);
  assertEquals(plain.violations, []);
  assertEquals(plain.repaired + plain.refused, plain.patterns, "each node keeps its identity");
  assert(plain.repaired > 40 && plain.refused > 30, JSON.stringify(plain));
  const varied = [];
  for (let seed = 2; seed < 8; seed++) varied.push(await runPatterns(seed, true, seed * 31, 411));
  const { violations, patterns } = addPatterns(varied);
  console.log(`${patterns} patterns on clusters of other terms`);
  assertEquals(violations, []);
});

/** Starts a cluster, appends, stops it, and damages the entry `which` of each of `victims`. */
async function damagedWorld(
  world: RejoinWorld,
  damage: Readonly<Record<string, (last: number) => readonly number[]>>,
): Promise<string> {
  let expected = "";
  await world.startAll();
  await world.until("a leader", () => world.leader() !== null);
  await using clerk = world.clerk();
  for (let at = 0; at < 6; at++) {
    await clerk.append("log", `${at} `);
    expected += `${at} `;
  }
  await world.simulation.sleep(1_000);
  for (const id of world.names) world.kill(id);
  for (const [id, which] of Object.entries(damage)) {
    const { disk } = world.simulation.process(id);
    const image = disk.image(dataDir);
    const places = entryPlaces(image);
    const damaged = which(Math.max(...places.keys())).map((index) => places.get(index)).filter((place) =>
      place !== undefined
    );
    disk.restore(dataDir, withDamagedEntries(image, damaged));
  }
  return expected;
}

Deno.test("all three are damaged, each elsewhere: they repair each other without a quorum, and say so", async () => {
  const world = new RejoinWorld(1);
  await world.simulation.run(async () => {
    const expected = await damagedWorld(world, {
      n1: (last) => [last],
      n2: (last) => [last - 1, last - 2],
      n3: (last) => [1, last - 3],
    });
    await world.startAll();
    assertEquals([...world.refusals], []);
    assertEquals(await world.values("log"), world.names.map(() => expected));
    for (const id of world.names) {
      assertEquals(world.status(id)?.identity, id);
      assert(world.reports.some((line) => line.startsWith(`${id}: `) && /repaired with copies of n\d/.test(line)));
      const files = world.simulation.process(id).disk.list(dataDir);
      assert(files.some((name) => /^damaged-\d+-wal-/.test(name)), files.join(", "));
    }
  }, { timeoutMs: 600_000 });
});

Deno.test("a node in repair neither votes nor serves, says so, and lends what it has", async () => {
  const world = new RejoinWorld(2);
  await world.simulation.run(async () => {
    const expected = await damagedWorld(world, { n1: (last) => [last], n2: (last) => [last - 1] });
    // n3 stays down: n1 and n2 have of each other what they lack, but neither may begin before.
    void world.start("n1");
    await world.simulation.sleep(3_000);
    assertEquals(world.status("n1"), null);
    const client = world.simulation.process("client").start();
    const hello = { clusterId: "balsa", targetNodeId: "n1" };
    const greet = async (role: "client" | "peer") => {
      const who = role === "client" ? { role, nodeId: "" } as const : { role, nodeId: "n2" } as const;
      return await dial(client.network, world.peers.n1 ?? "", {
        ...{ hello: { ...hello, ...who }, clock: client.clock, limits: wireLimits, timeoutMs: 1_000 },
      });
    };
    for (const role of ["client", "peer"] as const) {
      const outcome = await greet(role);
      assert(outcome.kind === "refused" && outcome.reply?.errorCode === "repairing", JSON.stringify(outcome));
      assertMatch(outcome.reason, /n1 is repairing its log\. Missing: entry \d+ of \d+/);
    }
    await world.start("n2");
    await world.until("a leader of the two", () => world.leader() !== null);
    await using both = world.clerk(["n1", "n2"]);
    assertEquals(String(await both.get("log")), expected);
  }, { timeoutMs: 600_000 });
});

Deno.test("a majority that lost the same entry refuses, names it and who was asked, and changes nothing", async () => {
  const world = new RejoinWorld(3);
  await world.simulation.run(async () => {
    await damagedWorld(world, { n1: (last) => [last - 1], n2: (last) => [last - 1], n3: (last) => [last - 1] });
    const { disk } = world.simulation.process("n2");
    const before = disk.image(dataDir);
    await world.startAll();
    for (const id of world.names) {
      const { message } = world.refusals.get(id) ?? new Error("it started");
      assertMatch(message, /wal-\d+\.log is damaged at offset \d+/);
      assertMatch(
        message,
        /entry \d+ may be committed and no intact copy was found: n\d, n\d answered and cannot help/,
      );
      assertStringIncludes(message, `balsa disk verify ${dataDir}`);
    }
    const after = disk.image(dataDir);
    for (const [name, bytes] of before) if (name !== "lock") assertEquals(after.get(name), bytes, name);
  }, { timeoutMs: 600_000 });
});
