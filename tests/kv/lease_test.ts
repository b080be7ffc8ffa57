import { assert, assertEquals, assertRejects } from "@std/assert";
import { Clerk } from "../../kv/clerk.ts";
import { ClerkError } from "../../kv/errors.ts";
import { LeaseKeeper } from "../../kv/lease_keeper.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { Simulation } from "../../raft/testing/mod.ts";
import { SimulatedCluster } from "../testing/cluster_scenario.ts";
import { FakeCluster } from "./fake_cluster.ts";
import { FakeClock } from "./fake_world.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ClerkError)).code;
}

Deno.test("Clerk: leases are granted, kept alive, looked at, listed and revoked", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const lease = await clerk.grantLease(5000);
  const other = await clerk.grantLease(60_000);
  await clerk.put("k", "v", { lease });
  await clerk.transaction({ then: [{ kind: "putWithLease", key: "k2", value: "v", lease }] });
  await cluster.clock.advance(1000);
  await clerk.put("tick", "");
  assertEquals(await clerk.timeToLive(lease), { id: lease, ttlMs: 5000, remainingMs: 4000, keys: 2 });
  await clerk.keepLeaseAlive(lease);
  assertEquals((await Array.fromAsync(clerk.leases())).map(({ id, remainingMs }) => [id, remainingMs]), [
    [lease, 5000],
    [other, 59_000],
  ]);
  assertEquals(await clerk.revokeLease(lease), 2);
  assertEquals([await clerk.count(), await clerk.timeToLive(lease)], [1, null]);
  for (const call of [clerk.revokeLease(lease), clerk.keepLeaseAlive(lease), clerk.put("k", "v", { lease })]) {
    assertEquals(await codeOf(call), "unknownLease");
  }
  const transaction = clerk.transaction({ then: [{ kind: "putWithLease", key: "k", value: "v", lease }] });
  await assertRejects(() => transaction, ClerkError, "operation 0: there is no such lease");
  for (
    const call of [clerk.grantLease(99), clerk.grantLease(NaN), clerk.put("k", "v", { lease: 0 }), clerk.timeToLive(-1)]
  ) {
    assertEquals(await codeOf(call), "invalid");
  }
});

Deno.test("Clerk: there may be more leases than fit into a page", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const granted = await Promise.all(Array.from({ length: 2001 }, () => clerk.grantLease(5000)));
  const listed = (await Array.fromAsync(clerk.leases())).map(({ id }) => id);
  assertEquals(listed, granted.toSorted((a, b) => a - b));
});

Deno.test("Clerk: a lease that is held is kept alive, and released with its keys", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  {
    await using lease = await clerk.lease({ ttlMs: 3000 });
    await clerk.put("k", "v", { lease: lease.id });
    await cluster.clock.advance(60_000);
    await clerk.put("tick", "");
    assertEquals([lease.isHeld, lease.signal.aborted], [true, false]);
    assert((await clerk.timeToLive(lease.id)) !== null);
  }
  assertEquals((await clerk.keys()).entries.map(({ key }) => key), ["tick"]);
  await clerk.close();
  assertEquals(cluster.clock.timerCount, 0);
});

Deno.test("Clerk: a lease that is lost is signalled, whether it was revoked or nobody could be reached", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const revoked = await clerk.lease({ ttlMs: 3000 });
  await clerk.revokeLease(revoked.id);
  assertEquals(revoked.isHeld, true, "it cannot know yet");
  await cluster.clock.advance(1500);
  assertEquals([revoked.isHeld, (revoked.signal.reason as ClerkError).code], [false, "leaseLost"]);
  assertEquals(await revoked.release(), false);

  const cutOff = await clerk.lease({ ttlMs: 3000 });
  cluster.script = () => ({ kind: "ignore" });
  await cluster.clock.advance(2900);
  assertEquals([cutOff.isHeld, cutOff.signal.aborted], [true, false]);
  await cluster.clock.advance(200);
  assertEquals([cutOff.isHeld, cutOff.signal.aborted], [false, true]);
});

Deno.test("LeaseKeeper: proposes when the time has come, if it leads, and has no timer without leases", async () => {
  const clock = new FakeClock();
  const machine = new KvStateMachine();
  const replica = {
    id: "n1",
    leader: "n2",
    clusterTimeMs: 0,
    proposed: 0,
    submitDecoded(_command: unknown, _encoded: Uint8Array, callback: () => void): void {
      this.proposed++;
      clock.after(200, callback);
    },
  };
  const keeper = new LeaseKeeper({ machine, replica, clock });
  assertEquals(clock.timerCount, 0);
  const apply = (index: number, operation: Parameters<KvStateMachine["apply"]>[0]): void => {
    machine.apply(operation, { index, term: 1, clusterTimeMs: clock.wallMs() });
  };
  apply(1, { kind: "openSession" });
  assertEquals(clock.timerCount, 0);
  const grant = { kind: "grantLease", ttlMs: 2500 } as const;
  apply(2, { kind: "write", sessionId: 1, serialNumber: 1, lowestOutstanding: 1, operation: grant });
  await clock.advance(2400);
  assertEquals([replica.proposed, clock.timerCount], [0, 1]);
  await clock.advance(500);
  assertEquals(replica.proposed, 0, "another one leads");
  replica.leader = "n1";
  await clock.advance(100);
  assertEquals(replica.proposed, 1);
  await clock.advance(60);
  assertEquals(replica.proposed, 1, "one at a time");
  await clock.advance(150);
  assertEquals(replica.proposed, 2, "the first may have been lost");
  apply(3, { kind: "expireLeases" });
  await clock.advance(5000);
  assertEquals([replica.proposed, clock.timerCount], [2, 0]);
  apply(4, { kind: "write", sessionId: 1, serialNumber: 2, lowestOutstanding: 1, operation: grant });
  keeper.close();
  assertEquals([clock.timerCount, machine.onLeases], [0, null]);
});

Deno.test("leases: keys outlive a holder that dies by no more than their time, over leaders, restarts and snapshots", async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const simulation = new Simulation({ seed });
    const cluster = new SimulatedCluster(simulation, 3);
    await simulation.run(async () => {
      await Promise.all(cluster.names.map((id) => cluster.start(id, 2_000)));
      const addresses = Object.values(cluster.peers);
      const clerk = new Clerk(addresses, simulation.process("client").start());
      const holder = new Clerk(addresses, simulation.process("holder").start());
      const held = await holder.lease({ ttlMs: 10_000 });
      const orphan = await clerk.grantLease(30_000);
      await holder.put("m/held", "v", { lease: held.id });
      await clerk.put("m/orphan", "v", { lease: orphan });
      const orphanedAtMs = simulation.nowMs;
      const events: string[] = [];
      const watching = (async () => {
        for await (const event of clerk.watch({ prefix: "m/" }, { fromIndex: 1, snapshot: "ifCompacted" })) {
          if (event.kind === "delete") events.push(`${event.key} gone`);
          if (events.length === 2) return simulation.nowMs;
        }
        return 0;
      })();
      for (let round = 0; round < 4; round++) {
        for (let n = 0; n < 30; n++) await clerk.put(`filler${n}`, "x".repeat(50));
        const victim = cluster.leader() ?? "n1";
        cluster.kill(victim);
        await simulation.sleep(4_000);
        await cluster.start(victim, 2_000);
      }
      assert(held.isHeld, "it was kept alive over all that");
      while (await clerk.count({ prefix: "m/" }) === 2) await simulation.sleep(500);
      const orphanTookMs = simulation.nowMs - orphanedAtMs;
      assert(orphanTookMs >= 29_000 && orphanTookMs < 34_000, `the orphan took ${orphanTookMs} ms`);
      simulation.process("holder").kill({ kind: "process" });
      const diedAtMs = simulation.nowMs;
      for (const id of cluster.names) cluster.kill(id);
      await simulation.sleep(1_000);
      await Promise.all(cluster.names.map((id) => cluster.start(id, 2_000)));
      const endedAtMs = await watching;
      assert(endedAtMs - diedAtMs < 16_000, `it took ${endedAtMs - diedAtMs} ms`);
      assertEquals(events, ["m/orphan gone", "m/held gone"]);
    });
  }
});
