import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Clerk } from "../../kv/clerk.ts";
import { Election, type ElectionLeader, Leadership } from "../../kv/election.ts";
import { ClerkError, type ClerkErrorCode } from "../../kv/errors.ts";
import { FakeCluster } from "./fake_cluster.ts";

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

/** Everything that an observer is told, as it comes. */
function observed(election: Election, signal: AbortSignal): { values: (string | null)[]; over: Promise<void> } {
  const values: (string | null)[] = [];
  const over = (async () => {
    for await (const leader of election.observe({ signal })) values.push(leader?.value ?? null);
  })();
  over.catch(() => {});
  return { values, over };
}

Deno.test("Election: one leads, others see what it proclaims, and the next one leads when it has resigned", async () => {
  await withClerks(async (cluster, first, second) => {
    const [mine, theirs] = [new Election(first, "e"), new Election(second, "e")];
    assertEquals(await theirs.leader(), null);
    const leadership = await mine.campaign("a");
    assertEquals([leadership.isLeader, leadership.value], [true, "a"]);
    assertEquals(await theirs.leader(), { value: "a", token: leadership.token });
    const waiting = theirs.campaign("c");
    await cluster.clock.advance(30_000);
    assert(leadership.isLeader, "the lead is kept for as long as it takes");
    await leadership.proclaim("b\nb");
    assertEquals((await theirs.leader())?.value, "b\nb");
    assertEquals(await leadership.resign(), true);
    const next = await after(cluster, 1_000, waiting);
    assert(next.token > leadership.token);
    assertEquals(await mine.leader(), { value: "c", token: next.token });
    await assertCode(leadership.proclaim("late"), "lockLost");
    await next.resign();
    assertEquals(await mine.leader(), null);
    assertEquals(await new Election(first, "other").leader(), null);
  });
});

Deno.test("Election: who is cut off loses the lead, is told so, and cannot proclaim any more", async () => {
  await withClerks(async (cluster, first, second) => {
    const leadership = await new Election(first, "e", { leaseMs: 1_000 }).campaign("old");
    const waiting = new Election(second, "e", { leaseMs: 1_000 }).campaign("new");
    await first.close();
    const next = await after(cluster, 5_000, waiting);
    assert(leadership.signal.aborted && !leadership.isLeader);
    await assertCode(leadership.proclaim("late"), "lockLost");
    assertEquals((await new Election(second, "e").leader())?.value, "new");
    await next.resign();
  });
});

Deno.test("Election: a late proclamation of somebody deposed is not taken for the leader's", async () => {
  await withClerks(async (_cluster, first, second) => {
    const election = new Election(second, "e");
    const leadership = await election.campaign("a");
    // Written at the last moment by the leader before.
    await first.put("election/e", `${leadership.token - 1} late`);
    assertEquals(await election.leader(), null);
    await leadership.proclaim("b");
    assertEquals((await election.leader())?.value, "b");
    // The key of a later leader is not replaced.
    await first.put("election/e", `${leadership.token + 1} later`);
    await assertCode(leadership.proclaim("c"), "lockLost");
    assertEquals(await first.get("election/e"), `${leadership.token + 1} later`);
  });
});

Deno.test("Election: observers are told of each leader, and of the end of one that nobody follows", async () => {
  await withClerks(async (cluster, first, second) => {
    const abort = new AbortController();
    const { values, over } = observed(new Election(second, "e"), abort.signal);
    await cluster.clock.advance(500);
    assertEquals(values, [null]);
    const election = new Election(first, "e", { leaseMs: 1_000 });
    const leadership = await election.campaign("a");
    await cluster.clock.advance(500);
    await leadership.proclaim("b");
    await cluster.clock.advance(500);
    assertEquals(values, [null, "a", "b"]);
    // Dies without a word, and nobody writes anything.
    await first.close();
    await cluster.clock.advance(5_000);
    assertEquals(values, [null, "a", "b", null]);
    abort.abort();
    await cluster.clock.advance(500);
    await assertCode(over, "aborted");
  });
});

Deno.test("Election: campaigns can be given up, and leave nothing behind", async () => {
  await withClerks(async (cluster, first, second) => {
    const election = new Election(first, "e");
    const leadership = await election.campaign("a");
    await assertCode(after(cluster, 2_000, new Election(second, "e").campaign("b", { timeoutMs: 500 })), "timeout");
    const abort = new AbortController();
    const waiting = new Election(second, "e").campaign("b", { signal: abort.signal });
    await cluster.clock.advance(100);
    abort.abort();
    await assertCode(after(cluster, 100, waiting), "aborted");
    await leadership.resign();
    await cluster.clock.advance(1_000);
    const leader: ElectionLeader | null = await election.leader();
    assertEquals(leader, null);
    {
      await using again: Leadership = await election.campaign("c");
      assert(again instanceof Leadership && again.isLeader);
    }
    assertEquals(await election.leader(), null);
  });
});

Deno.test("Election: a campaign that is won and cannot proclaim gives the lead back", async () => {
  await withClerks(async (cluster, first, second) => {
    cluster.script = ({ request }) => {
      const isProclamation = request.kind === "write" && request.operation.kind === "putIfVersion";
      return isProclamation ? { kind: "ignore" } : { kind: "serve" };
    };
    await assertCode(after(cluster, 2_000, new Election(first, "e").campaign("a", { timeoutMs: 500 })), "unknown");
    cluster.script = () => ({ kind: "serve" });
    const leadership = await after(cluster, 2_000, new Election(second, "e").campaign("b"));
    assert(leadership.isLeader, "long before the lease would have ended");
    await leadership.resign();
  });
});
