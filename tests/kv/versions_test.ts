import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Clerk, ClerkOptions, PutIfVersionResult } from "../../kv/clerk.ts";
import { ClerkError } from "../../kv/errors.ts";
import { maxKeyBytes } from "../../kv/limits.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { checkLinearizability, HistoryRecorder, versionedSpecification } from "../../raft/testing/mod.ts";
import { type Action, FakeCluster } from "./fake_cluster.ts";
import { settle } from "./fake_world.ts";
import { seededRandom } from "./seeded_random.ts";

async function withClerk(
  options: ClerkOptions,
  body: (cluster: FakeCluster, clerk: Clerk) => Promise<void>,
): Promise<void> {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk(options);
  await body(cluster, clerk);
}

/** The answer of a call, once so much time has passed. */
async function after<T>(cluster: FakeCluster, durationMs: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await cluster.clock.advance(durationMs);
  return promise;
}

/** Does these one after the other, then serves. */
function inTurn(...actions: Action[]): () => Action {
  return () => actions.shift() ?? { kind: "serve" };
}

const lost: Action = { kind: "serveAndHangUp" };
const ok = (version: number): PutIfVersionResult => ({ kind: "ok", version });
const mismatch = (version: number): PutIfVersionResult => ({ kind: "versionMismatch", version });

for (const sessions of [true, false]) {
  Deno.test(`putIfVersion: creates, replaces and refuses, ${sessions ? "with" : "without"} sessions`, async () => {
    await withClerk({ sessions }, async (cluster, clerk) => {
      assertEquals(await clerk.getWithVersion("k"), { value: "", version: 0 });
      assertEquals(await clerk.putIfVersion("k", "a", 1), { kind: "noKey" });
      assertEquals(await clerk.putIfVersion("k", "a", 0), ok(1));
      assertEquals(await clerk.putIfVersion("k", "b", 0), mismatch(1));
      assertEquals(await clerk.putIfVersion("k", new Uint8Array([7]), 1), ok(2));
      assertEquals(await clerk.getWithVersion("k"), { value: new Uint8Array([7]), version: 2 });
      assertEquals(cluster.machine.figures().sessions, sessions ? 1 : 0);
    });
  });

  Deno.test(`putIfVersion: refused before it was carried out it is simply sent again, sessions ${sessions}`, async () => {
    await withClerk({ sessions }, async (cluster, clerk) => {
      await clerk.putIfVersion("k", "a", 0);
      const say = (kind: "overloaded" | "unavailable"): Action => ({ kind: "say", reply: { kind, message: "" } });
      const notLeader: Action = { kind: "say", reply: { kind: "notLeader", leader: null, address: null } };
      cluster.script = inTurn(say("overloaded"), notLeader, say("unavailable"));
      assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "b", 7)), mismatch(1), "not maybe");
    });
  });
}

Deno.test("putIfVersion: in a session a lost reply is asked for again, and the truth comes out", async () => {
  await withClerk({}, async (cluster, clerk) => {
    await clerk.put("k", "a");
    cluster.script = inTurn(lost, lost);
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "b", 1)), ok(2));
    cluster.script = inTurn(lost);
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "c", 1)), mismatch(2));
    assertEquals(await clerk.getWithVersion("k"), { value: "b", version: 2 });
  });
});

Deno.test("putIfVersion: without sessions a lost reply and a refusal are a maybe, whether it happened or not", async () => {
  await withClerk({ sessions: false }, async (cluster, clerk) => {
    await clerk.putIfVersion("k", "a", 0);
    cluster.script = inTurn(lost);
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "b", 1)), { kind: "maybe" });
    assertEquals(await clerk.getWithVersion("k"), { value: "b", version: 2 }, "this one happened");
    cluster.script = inTurn({ kind: "hangUp" });
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "c", 1)), { kind: "maybe" });
    cluster.script = inTurn({ kind: "serveAndSay", reply: { kind: "unknown", message: "" } });
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("missing", "c", 1)), { kind: "maybe" });
    cluster.script = inTurn({ kind: "hangUp" });
    assertEquals(await after(cluster, 5000, clerk.putIfVersion("k", "c", 2)), ok(3), "the repeat succeeded: no doubt");
  });
});

Deno.test("putIfVersion: given up after it was sent it is a maybe, before that an error", async () => {
  for (const sessions of [true, false]) {
    await withClerk({ sessions }, async (cluster, clerk) => {
      await clerk.putIfVersion("k", "a", 0);
      cluster.script = () => ({ kind: "serveSilently" });
      const late = clerk.putIfVersion("k", "b", 1, { timeoutMs: 300 });
      assertEquals(await after(cluster, 400, late), { kind: "maybe" });
      const abort = new AbortController();
      const aborted = clerk.putIfVersion("k", "c", 1, { signal: abort.signal });
      await settle();
      abort.abort();
      assertEquals(await aborted, { kind: "maybe" });
      cluster.script = () => ({ kind: "say", reply: { kind: "overloaded", message: "" } });
      const never = await assertRejects(
        () => after(cluster, 900, clerk.putIfVersion("k", "d", 1, { timeoutMs: 300 })),
        ClerkError,
      );
      assertEquals(never.code, "timeout");
      cluster.script = () => ({ kind: "ignore" });
      const closing = clerk.putIfVersion("k", "e", 1);
      await cluster.clock.advance(200);
      await clerk.close();
      assertEquals(await closing, { kind: "maybe" });
      const closed = await assertRejects(() => clerk.putIfVersion("k", "f", 1), ClerkError);
      assertEquals(closed.code, "closed");
    });
  }
});

Deno.test("putIfVersion: a session that was forgotten meanwhile makes it a maybe", async () => {
  await withClerk({}, async (cluster, clerk) => {
    await clerk.put("k", "a");
    let isFirst = true;
    cluster.script = () => {
      const action: Action = isFirst ? lost : { kind: "serve" };
      if (isFirst) queueMicrotask(() => cluster.machine = new KvStateMachine());
      isFirst = false;
      return action;
    };
    assertEquals(await after(cluster, 1000, clerk.putIfVersion("k", "b", 1)), { kind: "maybe" });
    assertEquals(await clerk.putIfVersion("k", "c", 0), ok(1), "the next one goes on in a new session");
  });
});

Deno.test("putIfVersion: what cannot be sent is refused, and a Clerk without sessions writes nothing else", async () => {
  await withClerk({ sessions: false }, async (cluster, clerk) => {
    const refused = [
      () => clerk.putIfVersion("", "v", 0),
      () => clerk.putIfVersion("k".repeat(maxKeyBytes + 1), "v", 0),
      () => clerk.putIfVersion("k", "\ud800", 0),
      () => clerk.putIfVersion("k", "v", -1),
      () => clerk.putIfVersion("k", "v", 0.5),
      () => clerk.putIfVersion("k", "v", 2 ** 60),
      () => clerk.put("k", "v"),
      () => clerk.append("k", "v"),
    ];
    for (const call of refused) assertEquals((await assertRejects<ClerkError>(call, ClerkError)).code, "invalid");
    assertEquals(cluster.network.dialled, []);
    await assertRejects(() => clerk.put("k", "v"), ClerkError, "without sessions");
  });
});

Deno.test("putIfVersion: an answer that belongs to another call is no answer", async () => {
  await withClerk({}, async (cluster, clerk) => {
    await clerk.put("k", "a");
    cluster.script = inTurn({ kind: "say", reply: { kind: "noKey" } });
    await after(cluster, 1000, clerk.append("k", "b"));
    assertEquals(await clerk.get("k"), "ab");
  });
});

/** Clients that race on few keys while replies are lost and calls refused; every answer goes into a history. */
async function race(seed: number, sessions: boolean): Promise<{ verdict: string; maybes: number; oks: number }> {
  const random = seededRandom(seed);
  await using cluster = await FakeCluster.start(3);
  const recorder = new HistoryRecorder(() => cluster.clock.monotonicMs() * 1e6);
  const faults: Action[] = [
    { kind: "serveAndHangUp" },
    { kind: "serveSilently" },
    { kind: "serveAndSay", reply: { kind: "unknown", message: "" } },
    { kind: "say", reply: { kind: "notLeader", leader: null, address: null } },
    { kind: "hangUp" },
    { kind: "serveAfter", delayMs: 50 },
  ];
  cluster.script = () => random() < 0.7 ? { kind: "serve" } : faults[Math.floor(random() * 6)] ?? { kind: "serve" };
  let maybes = 0;
  let oks = 0;
  const clients = Array.from({ length: 4 }, async (_, client) => {
    await using clerk = cluster.clerk({ sessions, random: { next: random } });
    for (let round = 0; round < 15; round++) {
      const key = `k${Math.floor(random() * 2)}`;
      const reading = recorder.begin({ f: "getWithVersion", key });
      const { value: text, version } = await clerk.getWithVersion(key);
      reading.ok({ value: String(text), version });
      const value = `${client}.${round}`;
      const writing = recorder.begin({ f: "putIfVersion", key, value: { value, version } });
      const result = await clerk.putIfVersion(key, value, version);
      const told = "version" in result ? { version: result.version } : {};
      writing.ok({ outcome: result.kind, ...told });
      if (result.kind === "maybe") maybes++;
      if (result.kind === "ok") oks++;
    }
  });
  const all = Promise.all(clients);
  let isDone = false;
  void all.then(() => isDone = true);
  for (let step = 0; step < 5000 && !isDone; step++) await cluster.clock.advance(100);
  await all;
  const verdict = checkLinearizability(recorder.history(), { specification: versionedSpecification });
  return { verdict: verdict.kind, maybes, oks };
}

Deno.test("putIfVersion: histories under faults are linearizable; only Clerks without sessions ever say maybe", async () => {
  let maybes = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const withSessions = await race(seed, true);
    assertEquals([withSessions.verdict, withSessions.maybes], ["linearizable", 0], `seed ${seed}`);
    const without = await race(seed, false);
    assertEquals(without.verdict, "linearizable", `seed ${seed}, without sessions`);
    assert(withSessions.oks > 10 && without.oks > 10, `seed ${seed}: hardly anything succeeded`);
    maybes += without.maybes;
  }
  assert(maybes > 10, `only ${maybes} maybes: the faults do nothing`);
});
