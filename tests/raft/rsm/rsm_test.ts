/**
 * A replicated state machine among three members, and alone.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NotDoneError, UnknownOutcomeError } from "../../../raft/rsm/errors.ts";
import { Cluster, type Member } from "../node/support/cluster.ts";

Deno.test("a command submitted to the leader is executed on all members, once, with its result", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  assertEquals(await cluster.outcome(leader.replica.submit("one")), 1);
  assertEquals(await cluster.outcome(leader.replica.submit("two")), 2);
  await cluster.clock.until(
    "all have both",
    () => [...cluster.members.values()].every((m) => m.journal.lines.length === 2),
  );
  for (const { journal } of cluster.members.values()) assertEquals(journal.lines, ["one", "two"]);
});

Deno.test("a cluster of one leads at once and commits by its own disk alone", async () => {
  await using cluster = await Cluster.start(1);
  assertEquals(await cluster.outcome(cluster.member("n1").replica.submit("alone"), 100), 1);
});

Deno.test("a submit waits for an election to end", async () => {
  await using cluster = await Cluster.start(3);
  const outcomes = [...cluster.members.values()].map(({ replica }) => replica.submit("early").catch((error) => error));
  const results = await cluster.outcome(Promise.all(outcomes));
  assertEquals(results.filter((result) => result === 1).length, 1);
  for (const result of results) {
    if (result !== 1) assert(result instanceof NotDoneError && result.reason === "notLeader");
  }
});

Deno.test("a follower refuses a command and names the leader", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  for (const { replica, journal } of cluster.others(leader)) {
    const error = await assertRejects(() => cluster.outcome(replica.submit("wrong door")), NotDoneError);
    assertEquals([error.reason, error.leader], ["notLeader", leader.id]);
    assertEquals(journal.lines, []);
  }
});

Deno.test("when the leader stops, another one takes over and nothing is lost", async () => {
  await using cluster = await Cluster.start(3);
  const first = await cluster.elect();
  await cluster.outcome(first.replica.submit("before"));
  await first.replica[Symbol.asyncDispose]();
  const second = await cluster.elect(cluster.others(first).map(({ id }) => id));
  assertEquals(await cluster.outcome(second.replica.submit("after")), 2);
  assertEquals(second.journal.lines, ["before", "after"]);
});

Deno.test("a deposed leader's caller learns that its slot was taken by another command", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.elect();
  cluster.network.isolate(old.id);
  const lost = old.replica.submit("lost").catch((error) => error);
  const next = await cluster.elect(cluster.others(old).map(({ id }) => id));
  await cluster.outcome(next.replica.submit("won"));
  cluster.network.heal();
  const error = await cluster.outcome(lost, 1_000);
  assert(error instanceof NotDoneError, `${error}`);
  assertEquals([error.reason, error.leader], ["slotLost", next.id]);
  await cluster.clock.until("it catches up", () => old.journal.lines.length === 1);
  assertEquals(old.journal.lines, ["won"]);
});

Deno.test("losing leadership decides nothing: an entry that survives is reported done", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.elect();
  // Followers get the entry, but the leader never hears so.
  cluster.network.drop = ({ type, to }) => type === "AppendEntriesReply" && to === old.id;
  const outcome = old.replica.submit("survivor");
  await cluster.clock.until("it steps down", () => old.replica.status().role !== "leader");
  cluster.network.heal();
  assertEquals(await cluster.outcome(outcome), 1);
});

Deno.test("a leader cut off for good answers unknown when the caller's time is up", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.elect();
  cluster.network.isolate(old.id);
  const outcome = old.replica.submit("lost", { timeoutMs: 3_000 });
  const error = await assertRejects(() => cluster.outcome(outcome, 3_100), UnknownOutcomeError);
  assertEquals(error.reason, "timeout");
});

Deno.test("what waits when the node stops is of unknown fate; what comes later is not done", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  cluster.network.drop = () => true;
  const waiting = leader.replica.submit("waiting").catch((error) => error);
  await cluster.clock.advance(5);
  await leader.replica[Symbol.asyncDispose]();
  const error = await cluster.outcome(waiting);
  assert(error instanceof UnknownOutcomeError && error.reason === "stopped", `${error}`);
  const late = await cluster.outcome(leader.replica.submit("late").catch((error) => error));
  assert(late instanceof NotDoneError && late.reason === "stopped", `${late}`);
  assertEquals(leader.stopped, [null]);
});

Deno.test("reads are served on every member and see what was done before them", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  for (let count = 1; count <= 3; count++) {
    await cluster.outcome(leader.replica.submit(`line ${count}`));
    for (const { replica, id } of cluster.members.values()) {
      assertEquals((await cluster.outcome(replica.read("all"))).length, count, id);
    }
  }
});

Deno.test("a member cut off cannot serve a linearizable read, but a stale one", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("old"));
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  await cluster.clock.until("it has it", () => away.journal.lines.length === 1);
  cluster.network.isolate(away.id);
  await cluster.outcome(leader.replica.submit("new"));
  assertEquals(await cluster.outcome(away.replica.read("all", { consistency: "stale" })), ["old"]);
  const error = await assertRejects(
    () => cluster.outcome(away.replica.read("all", { timeoutMs: 2_000 })),
    NotDoneError,
  );
  assert(error.reason === "timeout" || error.reason === "notLeader", error.message);
});

/** Reads by lease at a leader; how long it took, and the messages that were sent meanwhile. */
async function readByLease(cluster: Cluster, { replica }: Member): Promise<{ lines: number; sent: number }> {
  const sent = cluster.network.sent.length;
  const lines = await cluster.outcome(replica.read("all", { consistency: "lease" }));
  return { lines: lines.length, sent: cluster.network.sent.length - sent };
}

Deno.test("a leader with a lease answers a read without a message, any other member and a leader without asks a quorum", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("one"));
  await cluster.clock.advance(200);
  assertEquals(await readByLease(cluster, leader), { lines: 1, sent: 0 });
  const [follower] = cluster.others(leader);
  assert(follower !== undefined);
  const atFollower = await readByLease(cluster, follower);
  assertEquals(atFollower.lines, 1);
  assert(atFollower.sent > 0);
  // The process is stopped for longer than the lease, and asked before anything else has its turn: it asks a quorum.
  cluster.clock.stall(120);
  const afterPause = await readByLease(cluster, leader);
  assertEquals(afterPause.lines, 1);
  assert(afterPause.sent > 0);
});

Deno.test("a leader that was cut off answers by lease for a while, and when the lease is over not at all", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("one"));
  await cluster.clock.advance(200);
  cluster.network.isolate(leader.id);
  assertEquals(await readByLease(cluster, leader), { lines: 1, sent: 0 });
  await cluster.clock.advance(115);
  const error = await assertRejects(
    () => cluster.outcome(leader.replica.read("all", { consistency: "lease", timeoutMs: 2_000 })),
    NotDoneError,
  );
  assert(error.reason === "timeout" || error.reason === "notLeader", error.message);
});

Deno.test("a deposed leader does not serve a read from the past", async () => {
  await using cluster = await Cluster.start(3);
  const old = await cluster.elect();
  await cluster.outcome(old.replica.submit("old"));
  cluster.network.isolate(old.id);
  const read = old.replica.read("all");
  const next = await cluster.elect(cluster.others(old).map(({ id }) => id));
  await cluster.outcome(next.replica.submit("new"));
  cluster.network.heal();
  assertEquals(await cluster.outcome(read), ["old", "new"]);
});

Deno.test("an aborted submit is not done before it was proposed, and unknown afterwards", async () => {
  await using cluster = await Cluster.start(3);
  const early = await assertRejects(
    () => cluster.outcome(cluster.member("n1").replica.submit("x", { signal: AbortSignal.abort() })),
    NotDoneError,
  );
  assertEquals(early.reason, "aborted");
  const leader = await cluster.elect();
  cluster.network.isolate(leader.id);
  const controller = new AbortController();
  const submit = leader.replica.submit("y", { signal: controller.signal }).catch((error) => error);
  await cluster.clock.advance(5);
  controller.abort(new Error("enough"));
  const late = await cluster.outcome(submit);
  assert(late instanceof UnknownOutcomeError && late.reason === "aborted", `${late}`);
});

Deno.test("a command larger than the limit is refused before it is proposed", async () => {
  await using cluster = await Cluster.start(1, { maxCommandBytes: 100 });
  const error = await assertRejects(
    () => cluster.outcome(cluster.member("n1").replica.submit("x".repeat(200))),
    NotDoneError,
  );
  assertEquals(error.reason, "tooLarge");
});

Deno.test("a machine that throws stops the node, whose callers are told", async () => {
  await using cluster = await Cluster.start(1);
  const { replica, stopped } = cluster.member("n1");
  const error = await assertRejects(() => cluster.outcome(replica.submit("poison")), UnknownOutcomeError);
  assertEquals(error.reason, "stopped");
  assertEquals([stopped.length, replica.status().state], [1, "failed"]);
  assert(stopped[0]?.message.includes("cannot swallow poison"), stopped[0]?.message);
});

Deno.test("cluster time is equal everywhere, and stands still while the leader's clock has gone back", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  for (const offsetMs of [0, 5, -60_000, 0]) {
    cluster.clock.wallOffsetMs = offsetMs;
    await cluster.outcome(leader.replica.submit("tick"));
  }
  const times = leader.journal.contexts.map(({ clusterTimeMs }) => clusterTimeMs);
  const [first = 0, second = 0, third = 0, fourth = 0] = times;
  assert(first > 1.6e12 && second > first && third === second && fourth >= third, `${times}`);
  await cluster.clock.until("all", () => cluster.others(leader).every(({ journal }) => journal.lines.length === 4));
  for (const { journal } of cluster.others(leader)) assertEquals(journal.contexts, leader.journal.contexts);
});

Deno.test("what waits for a leader ends when the node stops", async () => {
  await using cluster = await Cluster.start(3);
  const { replica } = cluster.member("n1");
  const outcomes = [replica.submit("x"), replica.read("all")].map((promise) => promise.catch((error) => error));
  await cluster.clock.advance(1);
  await replica[Symbol.asyncDispose]();
  for (const error of await cluster.outcome(Promise.all(outcomes), 10)) {
    assert(error instanceof NotDoneError && error.reason === "stopped", `${error}`);
  }
});

Deno.test("a query that throws fails its read and nothing else", async () => {
  await using cluster = await Cluster.start(1);
  const { replica } = cluster.member("n1");
  for (const consistency of ["linearizable", "stale"] as const) {
    await assertRejects(
      () => cluster.outcome(replica.read("impossible", { consistency })),
      RangeError,
      "no such question",
    );
  }
  assertEquals(await cluster.outcome(replica.submit("still here")), 1);
});
