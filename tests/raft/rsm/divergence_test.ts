/**
 * A replica that goes its own way is found out, stops, and says why; the others go on.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DivergenceError } from "../../../raft/node/divergence_error.ts";
import { NotDoneError } from "../../../raft/rsm/errors.ts";
import { digestOf } from "../../../raft/rsm/value_digest.ts";
import { Cluster, type Member } from "../node/support/cluster.ts";
import { Journal } from "../node/support/journal.ts";

/** A journal that can tell what its state comes to. */
class JournalWithDigest extends Journal {
  digest(): number {
    return digestOf(this.lines);
  }
}

/** Submits to whoever leads until `isReached`, at most `count` commands. */
async function submitUntil(cluster: Cluster, count: number, isReached: () => boolean): Promise<void> {
  const batch = 16;
  for (let done = 0; done < count && !isReached(); done += batch) {
    const leader = cluster.leader() ?? await cluster.elect(runningIds(cluster));
    const calls = Array.from({ length: batch }, (_, at) => leader.replica.submit(`${done + at}`).catch(() => -1));
    await cluster.outcome(Promise.all(calls));
  }
}

function runningIds(cluster: Cluster): string[] {
  return [...cluster.members.values()].filter(({ replica }) => replica.node.state === "running").map(({ id }) => id);
}

/** The victim has stopped for the right reason, and the others serve. */
async function assertFoundOut(cluster: Cluster, victim: Member): Promise<void> {
  assertEquals(victim.replica.status().state, "diverged");
  const [reason] = victim.stopped;
  assert(reason instanceof DivergenceError, String(reason));
  assertEquals(reason.verdict, "minority");
  assertMatch(reason.message, /states differ at index \d+ \(n1 has [0-9a-f]{8}, n2 has .*\)\. A majority has another/);
  const error = await assertRejects(() => victim.replica.submit("wrong door"), NotDoneError);
  assertEquals(error.reason, "stopped");
  await assertRejects(() => victim.replica.read("all", { consistency: "stale" }), NotDoneError, "stopped");
  const others = cluster.others(victim);
  assertEquals(others.flatMap(({ stopped }) => stopped), []);
  const leader = await cluster.elect(others.map(({ id }) => id));
  assert(await cluster.outcome(leader.replica.submit("still here")) > 0);
}

for (const isLeader of [false, true]) {
  const who = isLeader ? "the leader" : "a follower";

  Deno.test(`${who} that answers once what no other does is found out within 1,000 entries`, async () => {
    await using cluster = await Cluster.start(3);
    const leader = await cluster.elect();
    const victim = isLeader ? leader : cluster.others(leader)[0] ?? leader;
    await submitUntil(cluster, 100, () => false);
    const { journal } = victim;
    journal.apply = (command, context) => {
      // The state is right, only the answer is not.
      Object.assign(journal, { apply: Journal.prototype.apply });
      return journal.apply(command, context) + 1;
    };
    await submitUntil(cluster, 1000, () => victim.stopped.length > 0);
    await assertFoundOut(cluster, victim);
  });

  Deno.test(`${who} whose memory changes is found out within 1,000 entries`, async () => {
    await using cluster = await Cluster.start(3, {}, () => new JournalWithDigest());
    const leader = await cluster.elect();
    const victim = isLeader ? leader : cluster.others(leader)[0] ?? leader;
    await submitUntil(cluster, 100, () => false);
    victim.journal.lines[7] = "what nobody wrote";
    await submitUntil(cluster, 1000, () => victim.stopped.length > 0);
    await assertFoundOut(cluster, victim);
  });
}

Deno.test("a replica that once went apart is found out although its snapshots and states are as they should be since", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 2000 });
  const leader = await cluster.elect();
  const [victim] = cluster.others(leader);
  assert(victim !== undefined);
  victim.journal.apply = (command, context) => {
    Object.assign(victim.journal, { apply: Journal.prototype.apply });
    return victim.journal.apply(command, context) + 1;
  };
  // Nobody hears of the first checkpoint.
  cluster.network.drop = (message) => message.type === "StateDigest";
  await submitUntil(cluster, 320, () => false);
  assertEquals([...cluster.members.values()].flatMap(({ stopped }) => stopped), []);
  assert(victim.journal.snapshots > 0);
  cluster.network.drop = () => false;
  await submitUntil(cluster, 320, () => victim.stopped.length > 0);
  await assertFoundOut(cluster, victim);
});

Deno.test("replicas that are equal agree, also after a snapshot was installed", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 2000 }, () => new JournalWithDigest());
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  cluster.network.isolate(away.id);
  await submitUntil(cluster, 640, () => false);
  assertEquals([leader.replica.status().agreedIndex, away.replica.status().agreedIndex], [512, 0]);
  cluster.network.heal();
  await cluster.clock.until("a snapshot installed", () => away.journal.restores > 0);
  await submitUntil(cluster, 640, () => false);
  await cluster.clock.until(
    "all agree",
    () => [...cluster.members.values()].every((m) => m.replica.status().agreedIndex >= 1024),
  );
  assertEquals([...cluster.members.values()].flatMap(({ stopped }) => stopped), []);
});

Deno.test("a replica that hears of a checkpoint late, because it was away, is told what the others came to", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: -1 });
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  cluster.network.isolate(away.id);
  await submitUntil(cluster, 300, () => false);
  away.journal.apply = (command, context) => Journal.prototype.apply.call(away.journal, command, context) + 1;
  cluster.network.heal();
  await cluster.clock.until("it is found out", () => away.stopped.length > 0);
  await assertFoundOut(cluster, away);
});

Deno.test("two replicas that differ both stop, since nobody knows who is right", async () => {
  await using cluster = await Cluster.start(2);
  await cluster.elect();
  const spoiled = cluster.member("n2").journal;
  spoiled.apply = (command, context) => Journal.prototype.apply.call(spoiled, command, context) + 1;
  await submitUntil(cluster, 1000, () => runningIds(cluster).length < 2);
  await cluster.clock.until("both stop", () => runningIds(cluster).length === 0);
  for (const { stopped } of cluster.members.values()) {
    assert(stopped[0] instanceof DivergenceError);
    assertEquals(stopped[0].verdict, "noMajority");
  }
});

Deno.test("two of three that differ while the third is away wait for it, then stop", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  const [spoiled, away] = cluster.others(leader);
  assert(spoiled !== undefined && away !== undefined);
  cluster.network.isolate(away.id);
  const { journal } = spoiled;
  journal.apply = (command, context) => Journal.prototype.apply.call(journal, command, context) + 1;
  await submitUntil(cluster, 256, () => false);
  assertEquals(runningIds(cluster).length, 3);
  await cluster.clock.until("both stop", () => runningIds(cluster).length === 1, 60_000);
  assertEquals(runningIds(cluster), [away.id]);
});

Deno.test("two of three that differ are told apart when the third comes back in time", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  const [spoiled, away] = cluster.others(leader);
  assert(spoiled !== undefined && away !== undefined);
  cluster.network.isolate(away.id);
  const { journal } = spoiled;
  journal.apply = (command, context) => Journal.prototype.apply.call(journal, command, context) + 1;
  await submitUntil(cluster, 256, () => false);
  cluster.network.heal();
  await cluster.clock.until("one stops", () => runningIds(cluster).length < 3);
  assertEquals(runningIds(cluster).includes(spoiled.id), false);
  await cluster.clock.advance(20_000);
  await assertFoundOut(cluster, spoiled);
});

Deno.test("a snapshot that restores to another state than it was taken of stops the node at once", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 2000 }, () => new JournalWithDigest());
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  away.journal.restore = async (chunks) => {
    await Journal.prototype.restore.call(away.journal, chunks);
    away.journal.lines.pop();
  };
  cluster.network.isolate(away.id);
  await submitUntil(cluster, 320, () => false);
  cluster.network.heal();
  await cluster.clock.until("it stops", () => away.stopped.length > 0);
  assertMatch(String(away.stopped[0]), /the state machine's digest was \d+ when it was taken, and is \d+ now/);
});
