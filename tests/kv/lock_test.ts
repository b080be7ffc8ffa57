import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Clerk } from "../../kv/clerk.ts";
import { ClerkError, type ClerkErrorCode } from "../../kv/errors.ts";
import { Lock } from "../../kv/lock.ts";
import { checkLinearizability, HistoryRecorder, lockModel, specificationOf } from "../../raft/testing/mod.ts";
import { type Action, FakeCluster } from "./fake_cluster.ts";
import { settle } from "./fake_world.ts";
import { seededRandom } from "./seeded_random.ts";

async function withClerks(body: (cluster: FakeCluster, first: Clerk, second: Clerk) => Promise<void>): Promise<void> {
  await using cluster = await FakeCluster.start(2);
  await using first = cluster.clerk();
  await using second = cluster.clerk();
  await body(cluster, first, second);
}

async function assertCode(promise: Promise<unknown>, code: ClerkErrorCode): Promise<void> {
  const error = await assertRejects(() => promise, ClerkError);
  assertEquals(error.code, code, error.message);
}

/** What a promise comes to, once so much time has passed. */
async function after<T>(cluster: FakeCluster, durationMs: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await cluster.clock.advance(durationMs);
  return promise;
}

Deno.test("Lock: one holder at a time, `await using` releases, and tokens grow", async () => {
  await withClerks(async (cluster, first, second) => {
    const [mine, theirs] = [new Lock(first, "l"), new Lock(second, "l")];
    let token = 0;
    {
      await using held = await mine.acquire();
      token = held.token;
      assertEquals([held.isHeld, held.name, held.signal.aborted], [true, "l", false]);
      assertEquals(await theirs.tryAcquire(), null);
      assertEquals(await mine.tryAcquire(), null, "whoever holds it does not hold it twice");
      assertEquals((await second.lockState("l")).token, token);
      assert(await new Lock(second, "other").tryAcquire() !== null);
    }
    assertEquals(await second.lockState("l"), { token: 0, remainingMs: 0 });
    const held = await theirs.tryAcquire();
    assert(held !== null && held.token > token);
    assertEquals([await held.release(), await held.release(), held.isHeld], [true, false, false]);
    await cluster.clock.advance(60_000);
  });
});

Deno.test("Lock: who waits gets it soon after it was released", async () => {
  await withClerks(async (cluster, first, second) => {
    const held = await new Lock(first, "l").acquire();
    const waiting = new Lock(second, "l").acquire();
    await cluster.clock.advance(30_000);
    assert(held.isHeld, "the lease is renewed for as long as it takes");
    await held.release();
    const next = await after(cluster, 300, waiting);
    assert(next.isHeld && next.token > held.token);
    await next.release();
  });
});

Deno.test("Lock: a holder that is not heard of loses the lock, knows it first, and cannot release what is another's", async () => {
  await withClerks(async (cluster, first, second) => {
    const held = await new Lock(first, "l", { leaseMs: 3000 }).acquire();
    const lostAtMs: number[] = [];
    held.signal.addEventListener("abort", () => lostAtMs.push(cluster.clock.monotonicMs()));
    // The first Clerk's requests are not answered any more, those of the second are.
    cluster.script = ({ request }) =>
      request.kind === "write" && request.operation.kind === "renewLock" ? { kind: "ignore" } : { kind: "serve" };
    const waiting = new Lock(second, "l", { leaseMs: 3000 }).acquire();
    waiting.then(() => lostAtMs.push(cluster.clock.monotonicMs())).catch(() => {});
    const startMs = cluster.clock.monotonicMs();
    await cluster.clock.advance(2900);
    assertEquals([held.isHeld, lostAtMs.length], [true, 0]);
    const next = await after(cluster, 600, waiting);
    assertEquals([held.isHeld, held.signal.aborted, lostAtMs.length], [false, true, 2]);
    assert((lostAtMs[0] ?? 0) - startMs <= 3000 && (lostAtMs[0] ?? 0) <= (lostAtMs[1] ?? 0), `${lostAtMs}`);
    assert(held.signal.reason instanceof ClerkError && held.signal.reason.code === "lockLost");
    assertEquals(await held.release(), false);
    assertEquals(await first.releaseLock("l", held.token), false);
    assertEquals((await first.lockState("l")).token, next.token);
    cluster.script = () => ({ kind: "serve" });
    await next.release();
  });
});

Deno.test("Lock: the holder counts its lease from when a renewal was sent, not from when it was answered", async () => {
  await withClerks(async (cluster, first) => {
    const held = await new Lock(first, "l", { leaseMs: 3000 }).acquire();
    let renewals = 0;
    cluster.script = () => renewals++ === 0 ? { kind: "serveAfter", delayMs: 900 } : { kind: "ignore" };
    await cluster.clock.advance(3950);
    assertEquals([held.isHeld, renewals > 1], [true, true]);
    await cluster.clock.advance(100);
    assertEquals(held.isHeld, false);
    cluster.script = () => ({ kind: "serve" });
    await cluster.clock.advance(1000);
    assertEquals(held.signal.aborted, true);
  });
});

Deno.test("Lock: a renewal that finds the lock gone says so at once", async () => {
  await withClerks(async (cluster, first, second) => {
    const held = await new Lock(first, "l", { leaseMs: 3000 }).acquire();
    assertEquals(await second.releaseLock("l", held.token), true, "whoever knows the token can");
    await cluster.clock.advance(1100);
    assertEquals([held.isHeld, held.signal.aborted], [false, true]);
  });
});

Deno.test("Lock: lost replies and changes of leader do not lose a lock", async () => {
  await withClerks(async (cluster, first) => {
    let turn = 0;
    const faults: Action[] = [
      { kind: "serveAndHangUp" },
      { kind: "serveAndSay", reply: { kind: "unknown", message: "" } },
      { kind: "say", reply: { kind: "notLeader", leader: null, address: null } },
      { kind: "hangUp" },
    ];
    cluster.script = () =>
      turn++ % 2 === 0 ? faults[(turn >> 1) % faults.length] ?? { kind: "serve" } : { kind: "serve" };
    const held = await after(cluster, 5000, new Lock(first, "l", { leaseMs: 8000 }).acquire());
    await cluster.clock.advance(120_000);
    assert(held.isHeld && turn > 60);
    assertEquals(await after(cluster, 5000, held.release()), true);
  });
});

Deno.test("Lock: waiting ends by timeout, signal and close, and leaves no lock behind", async () => {
  await withClerks(async (cluster, first, second) => {
    const held = await new Lock(first, "l").acquire();
    const lock = new Lock(second, "l");
    await assertCode(after(cluster, 600, lock.acquire({ timeoutMs: 500 })), "timeout");
    const abort = new AbortController();
    const aborted = lock.acquire({ signal: abort.signal });
    aborted.catch(() => {});
    await cluster.clock.advance(200);
    abort.abort();
    await assertCode(aborted, "aborted");
    await assertCode(lock.acquire({ signal: abort.signal }), "aborted");
    await held.release();
    // Aborted while the acquisition is under way: it happens, and is undone.
    const late = new AbortController();
    cluster.script = ({ request }) =>
      request.kind === "write" && request.operation.kind === "acquireLock"
        ? { kind: "serveAfter", delayMs: 100 }
        : { kind: "serve" };
    const pending = lock.acquire({ signal: late.signal });
    pending.catch(() => {});
    await settle();
    late.abort();
    await assertCode(pending, "aborted");
    await cluster.clock.advance(200);
    assertEquals((await first.lockState("l")).token, 0);
    cluster.script = () => ({ kind: "serve" });
    const again = await new Lock(first, "l").acquire();
    const closing = lock.acquire();
    closing.catch(() => {});
    await cluster.clock.advance(100);
    await second.close();
    await cluster.clock.advance(500);
    await assertCode(closing, "closed");
    await again.release();
    await cluster.clock.advance(100);
  });
});

Deno.test("Lock: an answer that comes after the lease is no lock", async () => {
  await withClerks(async (cluster, first) => {
    cluster.script = ({ request }) =>
      request.kind === "write" ? { kind: "serveAfter", delayMs: 1500 } : { kind: "serve" };
    const lock = new Lock(first, "l", { leaseMs: 1000 });
    const trying = lock.tryAcquire();
    assertEquals(await after(cluster, 1600, trying), null);
    cluster.script = () => ({ kind: "serve" });
    const held = await after(cluster, 5000, lock.acquire());
    assert(held.isHeld);
    await held.release();
  });
});

Deno.test("Lock: what cannot be a lock is refused", async () => {
  await withClerks(async (cluster, first) => {
    await assertCode(new Lock(first, "").acquire(), "invalid");
    for (const leaseMs of [99, 3_600_001, 0.5, NaN]) {
      await assertCode(new Lock(first, "l", { leaseMs }).acquire(), "invalid");
    }
    assertEquals(cluster.seen, []);
  });
});

/** Clients that take a lock by turns, hold it for longer or shorter than the lease, and are cut off meanwhile. */
async function contend(seed: number): Promise<{ verdict: string; acquired: number; lost: number }> {
  const random = seededRandom(seed);
  await using cluster = await FakeCluster.start(2);
  const recorder = new HistoryRecorder(() => cluster.clock.monotonicMs() * 1e6);
  const faults: Action[] = [{ kind: "serveAndHangUp" }, { kind: "serveSilently" }, { kind: "hangUp" }, {
    kind: "ignore",
  }];
  cluster.script = ({ request }) => {
    const isRenewal = request.kind === "write" && request.operation.kind === "renewLock";
    const isServed = random() < (isRenewal ? 0.3 : 0.8);
    return isServed ? { kind: "serve" } : faults[Math.floor(random() * 4)] ?? { kind: "serve" };
  };
  let [acquired, lost, guarded] = [0, 0, 0];
  const clients = Array.from({ length: 4 }, async (_, client) => {
    await using clerk = cluster.clerk({ random: { next: random }, attemptTimeoutMs: 300 });
    for (let round = 0; round < 6; round++) {
      const acquiring = recorder.begin({ f: "acquire", key: "l", value: `${client}` });
      const held = await new Lock(clerk, "l", { leaseMs: 1000 }).acquire();
      acquiring.ok(held.token);
      acquired++;
      // The resource behind the lock, which honours tokens, never sees a smaller one after a larger.
      assert(!held.isHeld || held.token > guarded, `seed ${seed}: two holders`);
      guarded = Math.max(guarded, held.token);
      const { promise, resolve } = Promise.withResolvers<void>();
      cluster.clock.after(random() * 2500, resolve);
      await promise;
      const releasing = recorder.begin({ f: "release", key: "l", value: held.token });
      const isReleased = await held.release().catch(() => null);
      if (isReleased === null) releasing.info();
      else releasing.ok(isReleased);
      if (isReleased === false) lost++;
    }
  });
  const all = Promise.all(clients);
  let isDone = false;
  all.then(() => isDone = true, () => isDone = true);
  for (let step = 0; step < 20_000 && !isDone; step++) await cluster.clock.advance(50);
  await all;
  const specification = specificationOf(lockModel({ leasesExpire: true }));
  return { verdict: checkLinearizability(recorder.history(), { specification }).kind, acquired, lost };
}

Deno.test("Lock: under faults tokens only grow, and histories are linearizable", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const outcome = await contend(seed);
    assertEquals([outcome.verdict, outcome.acquired], ["linearizable", 24], `seed ${seed}`);
    lost += outcome.lost;
  }
  assert(lost > 5, `only ${lost} locks were lost: the faults do nothing`);
});
