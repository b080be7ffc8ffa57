import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Barrier } from "../../kv/barrier.ts";
import type { Clerk } from "../../kv/clerk.ts";
import { ClerkError, type ClerkErrorCode } from "../../kv/errors.ts";
import { FakeCluster } from "./fake_cluster.ts";
import { seededRandom } from "./seeded_random.ts";

/** A cluster, and Clerks whose randomness differs. */
async function withClerks(
  count: number,
  body: (cluster: FakeCluster, clerks: Clerk[]) => Promise<void>,
): Promise<void> {
  await using cluster = await FakeCluster.start(1);
  const clerks = Array.from({ length: count }, (_, at) => cluster.clerk({ random: { next: seededRandom(at + 1) } }));
  await body(cluster, clerks);
  for (const clerk of clerks) await clerk.close();
}

async function assertCode(promise: Promise<unknown>, code: ClerkErrorCode): Promise<void> {
  const error = await assertRejects(() => promise, ClerkError);
  assertEquals(error.code, code, error.message);
}

async function after<T>(cluster: FakeCluster, durationMs: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await cluster.clock.advance(durationMs);
  return promise;
}

Deno.test("Barrier: nobody begins before all are there, nobody goes before all are done, round after round", async () => {
  await withClerks(3, async (cluster, clerks) => {
    const rounds = 4;
    const phases: string[] = [];
    const run = async (clerk: Clerk, number: number): Promise<void> => {
      const barrier = new Barrier(clerk, "b", 3);
      for (let round = 0; round < rounds; round++) {
        phases.push(`${round} comes`);
        await barrier.enter();
        phases.push(`${round} in`);
        await new Promise<void>((resolve) => cluster.clock.after(100 * number, resolve));
        phases.push(`${round} done`);
        await barrier.leave();
        phases.push(`${round} out`);
      }
    };
    await after(cluster, 60_000, Promise.all(clerks.map(run)));
    for (let round = 0; round < rounds; round++) {
      const places = (what: string): number[] =>
        phases.flatMap((phase, place) => phase === `${round} ${what}` ? place : []);
      const pairs = [["comes", "in"], ["done", "out"]] as const;
      for (const [before, behind] of pairs) {
        assertEquals([places(before).length, places(behind).length], [3, 3]);
        assert(Math.max(...places(before)) < Math.min(...places(behind)), `round ${round}: ${phases.join(", ")}`);
      }
    }
    assertEquals(await clerks[0]?.count(), 0, "nothing is left behind");
  });
});

Deno.test("Barrier: who does not wait any longer does not count, and the others go on waiting", async () => {
  await withClerks(2, async (cluster, [first, second]) => {
    assert(first !== undefined && second !== undefined);
    const impatient = new Barrier(first, "b", 2);
    await assertCode(after(cluster, 2_000, impatient.enter({ timeoutMs: 1_000 })), "timeout");
    assertEquals(await first.count(), 0);
    const abort = new AbortController();
    const waiting = impatient.enter({ signal: abort.signal });
    await cluster.clock.advance(100);
    abort.abort();
    await assertCode(after(cluster, 1_000, waiting), "aborted");
    const other = new Barrier(second, "b", 2).enter();
    await cluster.clock.advance(2_000);
    assertEquals(await first.count(), 1, "one alone waits");
    await after(cluster, 2_000, Promise.all([other, impatient.enter()]));
  });
});

Deno.test("Barrier: whoever is late for a round waits for the next one", async () => {
  await withClerks(3, async (cluster, clerks) => {
    const [first, second, late] = clerks.map((clerk) => new Barrier(clerk, "b", 2));
    assert(first !== undefined && second !== undefined && late !== undefined);
    await after(cluster, 2_000, Promise.all([first.enter(), second.enter()]));
    let isIn = false;
    const entering = late.enter().then(() => isIn = true);
    const leaving = first.leave();
    await cluster.clock.advance(2_000);
    await assertCode(first.enter(), "invalid");
    await after(cluster, 2_000, Promise.all([leaving, second.leave()]));
    await cluster.clock.advance(2_000);
    assert(!isIn, "one alone cannot begin");
    await after(cluster, 2_000, Promise.all([entering, first.enter()]));
    await after(cluster, 2_000, Promise.all([late.leave(), first.leave()]));
  });
});

Deno.test("Barrier: a dead participant is waited for, until the barrier is cleared", async () => {
  await withClerks(2, async (cluster, [first, second]) => {
    assert(first !== undefined && second !== undefined);
    const [mine, theirs] = [new Barrier(first, "b", 2), new Barrier(second, "b", 2)];
    await after(cluster, 2_000, Promise.all([mine.enter(), theirs.enter()]));
    await second.close();
    await assertCode(after(cluster, 2_000, mine.leave({ timeoutMs: 1_000 })), "timeout");
    await mine.clear();
    assertEquals(await first.count(), 0);
    await assertCode(mine.leave(), "invalid");
  });
});

Deno.test("Barrier: what makes no sense is refused", async () => {
  await withClerks(1, async (_cluster, [clerk]) => {
    assert(clerk !== undefined);
    assertThrows(() => new Barrier(clerk, "b", 0), ClerkError, "give a whole number of at least 1");
    await assertCode(new Barrier(clerk, "b", 1).leave(), "invalid");
    await assertCode(new Barrier(clerk, "x".repeat(5_000), 1).enter(), "invalid");
  });
});
