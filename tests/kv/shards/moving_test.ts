/** Shards that move between groups, in virtual time: nothing is lost, nothing is done twice, nothing is left behind. */
import { assertEquals, assertRejects } from "@std/assert";
import { ClerkError } from "../../../kv/errors.ts";
import { Lock } from "../../../kv/lock.ts";
import type { ShardChange } from "../../../kv/shards/shard_config.ts";
import { Simulation } from "../../../raft/testing/mod.ts";
import { ShardedWorld, type ShardedWorldOptions } from "../../simulation/shards/sharded_world.ts";

async function inWorld(
  options: ShardedWorldOptions,
  test: (world: ShardedWorld, simulation: Simulation) => Promise<void>,
): Promise<void> {
  using simulation = new Simulation({ seed: 1 });
  const world = new ShardedWorld(simulation, options);
  await simulation.run(async () => {
    world.startAll();
    await test(world, simulation);
  }, { timeoutMs: 300_000 });
}

function numberOf(change: ShardChange): number {
  if (change.kind !== "changed") throw new Error(`not changed: ${change.kind}`);
  return change.configuration.number;
}

const keys = Array.from({ length: 30 }, (_, at) => `key ${at}`);

Deno.test("shards: keys, versions, sessions and locks move with their shards", async () => {
  await inWorld({ groups: [1, 2] }, async (world, simulation) => {
    const controller = world.controller();
    await controller.join(world.groups(1));
    const clerk = world.clerk();
    for (const key of keys) await clerk.put(key, `${key}:`);
    for (const key of keys) await clerk.append(key, "one");
    const lock = new Lock(clerk, "lock", { leaseMs: 60_000 });
    const held = await lock.acquire();
    await controller.join(world.groups(2));
    const number = numberOf(await controller.leave([1]));
    for (const key of keys) {
      assertEquals(await clerk.getWithVersion(key), { value: `${key}:one`, version: 2 });
      assertEquals(await clerk.get(key, { consistency: "lease" }), `${key}:one`);
    }
    assertEquals(await lock.tryAcquire(), null);
    assertEquals(await held.release(), true);
    const again = await lock.acquire();
    assertEquals(again.token > held.token, true);
    await again.release();
    for (const key of keys) await clerk.append(key, "two");
    await world.settled(number, [1, 2]);
    for (const name of world.namesOf(1)) assertEquals(world.server(name)?.groupStatus().shards, []);
    const statuses = () => world.namesOf(2).map((name) => world.server(name)?.status());
    const distinct = (values: readonly (string | number | undefined)[]): number => new Set(values).size;
    while (distinct(statuses().map((status) => status?.lastApplied)) > 1) await simulation.sleep(10);
    assertEquals(distinct(statuses().map((status) => status?.hash)), 1);
  });
});

Deno.test("shards: clients append while shards move and leaders die; each append is there once", async () => {
  await inWorld({ groups: [1, 2, 3], maxRaftState: 2_000 }, async (world, simulation) => {
    const controller = world.controller();
    await controller.join(world.groups(1, 2));
    let isOver = false;
    const clients = Array.from({ length: 5 }, async (_, client) => {
      const clerk = world.clerk();
      for (let turn = 0;; turn++) {
        if (isOver) return turn;
        await clerk.append(`key ${client}`, `${client}.${turn};`);
        await clerk.append("shared", `${client}.${turn};`);
      }
    });
    const steps = [
      () => controller.join(world.groups(3)),
      () => controller.leave([1]),
      () => controller.move(0, 3),
      () => controller.join(world.groups(1)),
      () => controller.leave([2, 3]),
      () => controller.join(world.groups(2)),
    ];
    let number = 0;
    for (const step of steps) {
      const change = await step();
      if (change.kind === "changed") number = change.configuration.number;
      await simulation.sleep(300);
      for (const group of [1, 2, 3]) {
        const name = world.leaderOf(group);
        if (name === undefined) continue;
        world.kill(name, { kind: "power" });
        simulation.scheduler.after(400, () => world.start(name));
      }
      await simulation.sleep(1_500);
    }
    isOver = true;
    const turns = await Promise.all(clients);
    const reader = world.clerk();
    const shared = await reader.get("shared");
    for (const [client, count] of turns.entries()) {
      const expected = Array.from({ length: count }, (_, turn) => `${client}.${turn};`);
      assertEquals(await reader.get(`key ${client}`), expected.join(""));
      const found = shared.split(";").filter((piece) => piece.startsWith(`${client}.`)).map((piece) => `${piece};`);
      assertEquals(found, expected);
      assertEquals(count > 10, true);
    }
    await world.settled(number, [1, 2, 3]);
  });
});

Deno.test("shards: a large shard comes in pieces, and the move survives a change of both leaders", async () => {
  await inWorld({ groups: [1, 2], shardCount: 1, maxRaftState: 100_000 }, async (world, simulation) => {
    const controller = world.controller();
    await controller.join(world.groups(1));
    const clerk = world.clerk();
    const value = "x".repeat(300_000);
    for (const key of keys) await clerk.put(key, `${key}${value}`);
    await controller.join(world.groups(2));
    const number = numberOf(await controller.move(0, 2));
    const progress = (): number =>
      Math.max(0, ...world.namesOf(2).map((name) => world.server(name)?.groupStatus().shards[0]?.bytes ?? 0));
    while (progress() < 1_000_000) await simulation.sleep(1);
    for (const group of [1, 2]) {
      const name = world.leaderOf(group);
      if (name === undefined) continue;
      world.kill(name, { kind: "power" });
      simulation.scheduler.after(2_000, () => world.start(name));
    }
    assertEquals((await clerk.get("key 7")).length, value.length + 5);
    for (const key of keys) assertEquals(await clerk.get(key), `${key}${value}`);
    await world.settled(number, [1, 2]);
    const figures = [1, 2].map((group) => world.server(world.namesOf(group)[0] ?? "")?.status().keys);
    assertEquals(figures, [0, keys.length]);
  });
});

Deno.test("shards: when the last group leaves, its data waits for the next one", async () => {
  await inWorld({ groups: [1, 2], servers: 1 }, async (world) => {
    const controller = world.controller();
    await controller.join(world.groups(1));
    const clerk = world.clerk();
    for (const key of keys) await clerk.put(key, key);
    await world.settled(numberOf(await controller.leave([1])), [1]);
    const error = await assertRejects(() => clerk.get("key 3", { timeoutMs: 1_000 }), ClerkError);
    assertEquals(error.code, "timeout");
    await controller.join(world.groups(1));
    assertEquals(await clerk.get("key 3"), "key 3");
    await controller.leave([1]);
    const number = numberOf(await controller.join(world.groups(2)));
    for (const key of keys) assertEquals(await clerk.get(key), key);
    await world.settled(number, [1, 2]);
    assertEquals(world.server("g1-1")?.groupStatus().shards, []);
  });
});

Deno.test("shards: ranges, counts and prefixes over all shards; a transaction within one", async () => {
  await inWorld({ groups: [1, 2], servers: 1, shardCount: 5 }, async (world) => {
    const controller = world.controller();
    await controller.join(world.groups(1, 2));
    const clerk = world.clerk();
    const sorted = keys.toSorted();
    for (const key of keys) await clerk.put(key, key);
    await clerk.put("other", "1");
    const scanned: string[] = [];
    for await (const { key, value } of clerk.scan({ prefix: "key", limit: 4 })) scanned.push(`${key}=${value}`);
    assertEquals(scanned, sorted.map((key) => `${key}=${key}`));
    const back = await clerk.keys({ reverse: true, limit: 3, to: "other" });
    assertEquals(back.entries.map(({ key }) => key), sorted.toReversed().slice(0, 3));
    assertEquals(back.cursor, sorted.at(-3));
    assertEquals(await clerk.count(), keys.length + 1);
    const page = await clerk.range();
    assertEquals((await clerk.range()).index, page.index);
    await clerk.put("other", "2");
    assertEquals((await clerk.range()).index, page.index + 1);
    assertEquals(
      await clerk.transaction({ compare: [{ key: "other", value: "2" }], then: [{ kind: "delete", key: "other" }] }),
      true,
    );
    const across = { then: keys.map((key) => ({ kind: "delete", key } as const)) };
    const error = await assertRejects(() => clerk.transaction(across), ClerkError);
    assertEquals(error.code, "crossShard");
    assertEquals(await clerk.deletePrefix("key 1"), 11);
    assertEquals(await clerk.count(), keys.length - 11);
  });
});

Deno.test("shards: a server that cannot be reached does not cost its time for each piece of a shard", async () => {
  await inWorld({ groups: [1, 2], shardCount: 1, pieceBytes: 100 }, async (world, simulation) => {
    const controller = world.controller();
    await controller.join(world.groups(1));
    const clerk = world.clerk();
    for (const key of keys) await clerk.put(key, "x".repeat(200));
    // The first one of those that the new owner asks.
    const [first = ""] = world.namesOf(1);
    simulation.network.disconnect(first);
    await controller.join(world.groups(2));
    await controller.move(0, 2);
    await controller.settled(0, { timeoutMs: 10_000 });
    assertEquals(await clerk.get("key 3"), "x".repeat(200));
  });
});

Deno.test("shards: a call that consists of several names the time that it was given, not what was left of it", async () => {
  await inWorld({ groups: [1, 2] }, async (world, simulation) => {
    const controller = world.controller();
    await controller.join(world.groups(1, 2));
    await controller.settled();
    for (const name of world.groupNames) world.kill(name);
    const messageOf = async (call: Promise<unknown>): Promise<string> => {
      const startedMs = simulation.nowMs;
      const { code, message } = await assertRejects(() => call, ClerkError);
      assertEquals([code, Math.round((simulation.nowMs - startedMs) / 100)], ["timeout", 20]);
      return message;
    };
    const timeoutMs = 2_000;
    assertEquals(
      await messageOf(world.clerk().get("key", { timeoutMs })),
      'Cannot get "key": no answer within 2000 ms',
    );
    assertEquals(await messageOf(world.clerk(timeoutMs).get("key")), 'Cannot get "key": no answer within 2000 ms');
    const settling = messageOf(controller.settled(0, { timeoutMs }));
    await simulation.sleep(1_000);
    for (const name of world.controllerNames) world.kill(name);
    const text = "Cannot find out who has the shards: no answer from the controller within 2000 ms";
    assertEquals(await settling, text);
    assertEquals(await messageOf(controller.join(world.groups(1), { timeoutMs })), text);
    assertEquals(await messageOf(world.clerk().get("key", { timeoutMs })), text);
  });
});
