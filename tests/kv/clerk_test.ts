import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Clerk } from "../../kv/clerk.ts";
import type { ClerkWaiting } from "../../kv/clerk_engine.ts";
import { ClerkError, type ClerkErrorCode } from "../../kv/errors.ts";
import { maxOutstandingPerSession } from "../../kv/limits.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { type Action, FakeCluster } from "./fake_cluster.ts";
import { settle } from "./fake_world.ts";
import { seededRandom } from "./seeded_random.ts";

const notLeader = (address: string | null): Action => ({
  kind: "say",
  reply: { kind: "notLeader", leader: address, address },
});

/** Runs a test with a cluster of `count` and a Clerk of it. */
async function withClerk(count: number, body: (cluster: FakeCluster, clerk: Clerk) => Promise<void>): Promise<void> {
  await using cluster = await FakeCluster.start(count);
  await using clerk = cluster.clerk();
  await body(cluster, clerk);
}

async function assertCode(promise: Promise<unknown>, code: ClerkErrorCode): Promise<void> {
  const error = await assertRejects(() => promise, ClerkError);
  assertEquals(error.code, code, error.message);
}

/** The answer of a call, once so much time has passed. */
async function after<T>(cluster: FakeCluster, durationMs: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await cluster.clock.advance(durationMs);
  return promise;
}

Deno.test("Clerk: put, append and get, texts and bytes", async () => {
  await withClerk(1, async (_cluster, clerk) => {
    assertEquals(await clerk.get("k"), "");
    assertEquals(await clerk.getBytes("k"), new Uint8Array());
    await clerk.put("k", "a");
    await clerk.append("k", "b");
    assertEquals(await clerk.get("k"), "ab");
    assertEquals(await clerk.getValue("k"), { value: "ab", version: 2 });
    await clerk.put("b", new Uint8Array([1]));
    await clerk.append("b", new Uint8Array([2]));
    assertEquals(await clerk.getBytes("b"), new Uint8Array([1, 2]));
    await assertCode(clerk.getBytes("k"), "wrongType");
    await assertCode(clerk.get("b"), "wrongType");
    await assertCode(clerk.append("k", new Uint8Array([1])), "wrongType");
    await assertCode(clerk.append("b", "x"), "wrongType");
  });
});

Deno.test("Clerk: what cannot be sent is refused before anything is dialled", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await assertCode(clerk.put("", "v"), "invalid");
    await assertCode(clerk.put("k".repeat(4097), "v"), "invalid");
    await assertCode(clerk.put("k", "\ud800"), "invalid");
    await assertCode(clerk.append("k", new Uint8Array(2 ** 20 + 1)), "invalid");
    await assertCode(clerk.get("\udfff"), "invalid");
    assertEquals(cluster.network.dialled, []);
    await clerk.put("k", "v".repeat(2 ** 20));
    await assertCode(clerk.append("k", "x"), "valueTooLarge");
  });
});

Deno.test("Clerk: follows the hint to the leader and remembers it", async () => {
  await withClerk(3, async (cluster, clerk) => {
    const [first, second, third] = cluster.addresses;
    cluster.script = ({ address }) => address === third ? { kind: "serve" } : notLeader(third ?? null);
    await clerk.put("k", "v");
    await clerk.append("k", "w");
    assertEquals(cluster.network.dialled, [first, third]);
    assertEquals(cluster.machine.query({ kind: "get", key: "k" }).value, "vw");
    assert(second !== undefined);
  });
});

Deno.test("Clerk: without a hint it asks the servers in turn, then pauses, until there is a leader", async () => {
  await withClerk(3, async (cluster, clerk) => {
    cluster.script = () => notLeader(null);
    const put = clerk.put("k", "v");
    await cluster.clock.advance(0);
    assertEquals(cluster.network.dialled, cluster.addresses);
    await cluster.clock.advance(4);
    assertEquals(cluster.network.dialled.length, 3, "it pauses behind a turn");
    await cluster.clock.advance(60_000);
    assert(cluster.network.dialled.length < 3 * 60_000 / 200, "pauses grow");
    cluster.script = () => ({ kind: "serve" });
    await after(cluster, 1000, put);
  });
});

Deno.test("Clerk: a server that is down is passed over, and one that comes back is found again", async () => {
  await withClerk(3, async (cluster, clerk) => {
    const [first = "", second = "", third = ""] = cluster.addresses;
    cluster.stopServer(first);
    cluster.stopServer(second);
    await after(cluster, 100, clerk.put("k", "v"));
    cluster.stopServer(third);
    const append = clerk.append("k", "w");
    await cluster.clock.advance(5000);
    await cluster.startServer(second);
    await after(cluster, 1000, append);
    assertEquals(cluster.machine.query({ kind: "get", key: "k" }).value, "vw");
  });
});

Deno.test("Clerk: a write whose reply was lost is sent again under the same serial, and runs once", async () => {
  await withClerk(2, async (cluster, clerk) => {
    await clerk.put("k", "");
    let losses = 3;
    cluster.script = () => losses-- > 0 ? { kind: "serveAndHangUp" } : { kind: "serve" };
    await after(cluster, 1000, clerk.append("k", "x"));
    assertEquals(await clerk.getValue("k"), { value: "x", version: 2 });
    const serials = cluster.writesSeen().map(([, , serial]) => serial);
    assertEquals(serials, [1, 2, 2, 2, 2]);
  });
});

Deno.test("Clerk: many calls share one connection; the lowest outstanding serial follows the slowest", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("first", "");
    cluster.script = ({ request }) =>
      request.kind === "write" && request.serialNumber === 2 ? { kind: "serveSilently" } : { kind: "serve" };
    const slow = clerk.append("slow", "x");
    await settle(); // Or it would travel with the others.
    await Promise.all(Array.from({ length: 20 }, (_, n) => clerk.put(`k${n}`, "v")));
    await clerk.put("last", "v");
    assertEquals(cluster.network.dialled.length, 1);
    assertEquals(cluster.writesSeen().at(-1)?.slice(2), [23, 2]);
    cluster.script = () => ({ kind: "serve" });
    await after(cluster, 5000, slow);
    await clerk.put("very last", "v");
    assertEquals(cluster.writesSeen().at(-1)?.slice(2), [24, 24]);
    assertEquals(await clerk.get("slow"), "x");
  });
});

Deno.test("Clerk: a server that has not proved itself gets one call, not all of them", async () => {
  await withClerk(2, async (cluster, clerk) => {
    const [first, second] = cluster.addresses;
    cluster.script = ({ address }) => address === first ? notLeader(second ?? null) : { kind: "serve" };
    await after(cluster, 100, Promise.all(Array.from({ length: 1000 }, (_, n) => clerk.append("k", `${n};`))));
    assertEquals(cluster.seen.filter(({ address }) => address === first).length, 1);
    assertEquals(cluster.writesSeen().length, 1000, "each write once");
    assert(cluster.seen.length < 1 + 1 + 20, "many of them in one request");
    assertEquals((await clerk.get("k")).split(";").length, 1001);

    cluster.seen.length = 0;
    await using reader = cluster.clerk();
    await after(cluster, 100, Promise.all(Array.from({ length: 1000 }, () => reader.get("k"))));
    const keys = cluster.seen.slice(1).map(({ request }) => request.kind === "reads" ? request.keys.length : 1);
    assertEquals(keys.reduce((sum, one) => sum + one), 1000, "behind the refusal each read once");
    assert(keys.length < 20, "many of them in one request");
  });
});

Deno.test("Clerk: calls on a deposed leader's connection are awaited, and then it is closed", async () => {
  await withClerk(2, async (cluster, clerk) => {
    const [first, second] = cluster.addresses;
    await clerk.put("k", "");
    cluster.script = ({ address, request }) => {
      if (address === second) return { kind: "serve" };
      return request.kind === "read" ? notLeader(second ?? null) : { kind: "serveAfter", delayMs: 1000 };
    };
    const slow = clerk.append("k", "x");
    await settle();
    assertEquals(await after(cluster, 100, clerk.get("other")), "");
    assertEquals(cluster.network.dialled, [first, second]);
    assertEquals(cluster.network.openCount, 2);
    await after(cluster, 1000, slow);
    assertEquals(cluster.writesSeen().length, 2, "the slow write was not sent again");
    await settle();
    assertEquals(cluster.network.openCount, 1);
  });
});

Deno.test("Clerk: late news of an old session's end leave the new session alone", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "");
    cluster.machine = new KvStateMachine();
    cluster.script = ({ request }) =>
      request.kind === "write" && request.serialNumber === 3 && request.sessionId === 1
        ? { kind: "serveAfter", delayMs: 500 }
        : { kind: "serve" };
    const early = clerk.append("k", "1");
    await settle(); // Or they would travel together.
    const late = clerk.append("k", "2");
    await after(cluster, 0, early);
    await after(cluster, 600, late);
    await clerk.append("k", "3");
    assertEquals(await clerk.get("k"), "123");
    assertEquals(new Set(cluster.writesSeen().map(([, session]) => session)).size, 2, "one new session, not two");
  });
});

Deno.test("Clerk: serials never run further ahead than the cluster allows", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "");
    cluster.script = ({ request }) =>
      request.kind === "write" && request.serialNumber === 2
        ? { kind: "serveAfter", delayMs: 1500 }
        : { kind: "serve" };
    const slow = clerk.append("slow", "x");
    await settle(); // Or it would travel with the others.
    const others = Promise.all(Array.from({ length: maxOutstandingPerSession + 10 }, () => clerk.append("k", "x")));
    await cluster.clock.advance(1000);
    const highest = Math.max(...cluster.writesSeen().map(([, , serial]) => serial));
    assertEquals(highest, 2 + maxOutstandingPerSession - 1);
    await after(cluster, 1000, Promise.all([slow, others]));
    assertEquals((await clerk.get("k")).length, maxOutstandingPerSession + 10);
  });
});

Deno.test("Clerk: a thousand calls under way need a single timer", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "v");
    cluster.script = () => ({ kind: "ignore" });
    const before = cluster.clock.timerCount;
    const gets = Array.from({ length: 1000 }, () => clerk.get("k", { timeoutMs: 500 }));
    await settle();
    assert(cluster.clock.timerCount <= before + 2, `${before} timers became ${cluster.clock.timerCount}`);
    const outcomes = Promise.allSettled(gets);
    await cluster.clock.advance(500);
    assert((await outcomes).every(({ status }) => status === "rejected"));
  });
});

Deno.test("Clerk: a silent server is left for another one, with the same serial", async () => {
  await withClerk(2, async (cluster, clerk) => {
    const [first, second] = cluster.addresses;
    await clerk.put("k", "");
    cluster.script = ({ address }) => address === first ? { kind: "serveSilently" } : { kind: "serve" };
    const append = clerk.append("k", "x");
    await cluster.clock.advance(1900);
    assertEquals(cluster.network.dialled, [first]);
    await after(cluster, 200, append);
    assertEquals(cluster.network.dialled, [first, second]);
    assertEquals(await clerk.get("k"), "x");
  });
});

Deno.test("Clerk: a server to which dialling takes for ever is given up", async () => {
  await withClerk(2, async (cluster, clerk) => {
    cluster.network.silent.add(cluster.addresses[0] ?? "");
    const put = clerk.put("k", "v");
    await cluster.clock.advance(1900);
    assertEquals(cluster.seen, []);
    await after(cluster, 200, put);
  });
});

Deno.test("Clerk: timeouts tell a write that was never sent from one that may have run", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "v");
    cluster.script = () => ({ kind: "serveSilently" });
    const sent = clerk.append("k", "w", { timeoutMs: 300 });
    const read = clerk.get("k", { timeoutMs: 300 });
    for (const promise of [sent, read]) promise.catch(() => {});
    await cluster.clock.advance(300);
    await assertCode(sent, "unknown");
    await assertCode(read, "timeout");

    cluster.script = () => ({ kind: "say", reply: { kind: "overloaded", message: "" } });
    await assertCode(after(cluster, 10_000, clerk.append("k", "x", { timeoutMs: 5000 })), "timeout");
    cluster.stopServer(cluster.addresses[0] ?? "");
    await settle();
    await assertCode(after(cluster, 400, clerk.append("k", "x", { timeoutMs: 300 })), "timeout");
    assertEquals(cluster.machine.query({ kind: "get", key: "k" }).value, "vw");
  });
});

Deno.test("Clerk: a call whose time began before it was made is not sent when that is up, and names the whole time", async () => {
  await withClerk(1, async (cluster, clerk) => {
    const sinceMs = cluster.clock.monotonicMs();
    await cluster.clock.advance(300);
    const late = await assertRejects(() => clerk.put("k", "v", { timeoutMs: 300, sinceMs }), ClerkError);
    assertEquals([late.code, late.message], ["timeout", 'Cannot put "k": no answer within 300 ms']);
    assertEquals(cluster.network.dialled, []);
    await clerk.put("k", "v", { timeoutMs: 301, sinceMs });
  });
});

Deno.test("Clerk: a write that may have run stays unknown although later attempts were refused", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "v");
    let isFirst = true;
    cluster.script = () => {
      const action: Action = isFirst ? { kind: "serveAndHangUp" } : notLeader(null);
      isFirst = false;
      return action;
    };
    await assertCode(after(cluster, 2000, clerk.append("k", "w", { timeoutMs: 1000 })), "unknown");
    let isAnswered = false;
    cluster.script = () => {
      const action: Action = isAnswered ? notLeader(null) : { kind: "say", reply: { kind: "unknown", message: "" } };
      isAnswered = true;
      return action;
    };
    await assertCode(after(cluster, 2000, clerk.append("k", "w", { timeoutMs: 1000 })), "unknown");
    await assertCode(after(cluster, 2000, clerk.append("k", "w", { timeoutMs: 1000 })), "timeout");
  });
});

Deno.test("Clerk: an expired session is replaced if the write cannot have run, otherwise the write is unknown", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "v");
    cluster.machine = new KvStateMachine();
    await Promise.all([clerk.append("k", "1"), clerk.append("k", "2"), clerk.append("k", "3")]);
    assertEquals((await clerk.get("k")).length, 3);
    assertEquals(new Set(cluster.writesSeen().map(([, session]) => session)).size, 2);

    let isFirst = true;
    cluster.script = () => {
      const action: Action = isFirst ? { kind: "serveAndHangUp" } : { kind: "serve" };
      if (isFirst) queueMicrotask(() => cluster.machine = new KvStateMachine());
      isFirst = false;
      return action;
    };
    await assertCode(after(cluster, 1000, clerk.append("k", "4")), "unknown");
    await after(cluster, 1000, clerk.append("k", "5"));
    assertEquals(await clerk.get("k"), "5");
  });
});

Deno.test("Clerk: an answer of unknown is followed by another attempt with the same serial", async () => {
  await withClerk(2, async (cluster, clerk) => {
    await clerk.put("k", "");
    let isFirst = true;
    cluster.script = () => {
      const action: Action = isFirst
        ? { kind: "serveAndSay", reply: { kind: "unknown", message: "" } }
        : { kind: "serve" };
      isFirst = false;
      return action;
    };
    await after(cluster, 1000, clerk.append("k", "x"));
    assertEquals(await clerk.get("k"), "x");
  });
});

Deno.test("Clerk: aborting and closing end calls at once", async () => {
  await withClerk(1, async (cluster, clerk) => {
    await clerk.put("k", "v");
    cluster.script = () => ({ kind: "ignore" });
    const abort = new AbortController();
    const write = clerk.put("k", "w", { signal: abort.signal });
    const read = clerk.get("k", { signal: abort.signal });
    await settle();
    abort.abort(new Error("enough"));
    await assertCode(write, "unknown");
    await assertCode(read, "aborted");
    await assertCode(clerk.put("k", "w", { signal: abort.signal }), "aborted");

    const pending = [clerk.get("k"), clerk.put("k", "x")] as const;
    for (const promise of pending) promise.catch(() => {});
    await settle();
    await clerk.close();
    await assertCode(pending[0], "closed");
    await assertCode(pending[1], "unknown");
    await assertCode(clerk.get("k"), "closed");
    await assertCode(clerk.status(cluster.addresses[0] ?? ""), "closed");
    assertEquals(cluster.clock.timerCount, 0, "a closed Clerk leaves no timer behind");
  });
});

Deno.test("Clerk: closed while it pauses or dials, it leaves nothing behind", async () => {
  await using cluster = await FakeCluster.start(1);
  cluster.script = () => notLeader(null);
  const pausing = cluster.clerk();
  const first = pausing.get("k");
  await cluster.clock.advance(1000);
  await pausing.close();
  await assertCode(first, "closed");
  cluster.network.silent.add(cluster.addresses[0] ?? "");
  const dialling = cluster.clerk();
  const second = dialling.get("k");
  await settle();
  await dialling.close();
  await assertCode(second, "closed");
  await settle();
  assertEquals(cluster.clock.timerCount, 0);
});

Deno.test("Clerk: its own signal closes it", async () => {
  await using cluster = await FakeCluster.start(1);
  const abort = new AbortController();
  const clerk = cluster.clerk({ signal: abort.signal });
  cluster.script = () => ({ kind: "ignore" });
  const read = clerk.get("k");
  await settle();
  abort.abort();
  await assertCode(read, "closed");
});

Deno.test("Clerk: refusals and nonsense do not stop it", async () => {
  await withClerk(2, async (cluster, clerk) => {
    const answers: Action[] = [
      { kind: "sayRaw", body: "nonsense" },
      { kind: "sayRaw", body: [0, "not a number"] },
      { kind: "say", reply: { kind: "overloaded", message: "busy" } },
      { kind: "say", reply: { kind: "unavailable", message: "starting" } },
      { kind: "hangUp" },
      { kind: "say", reply: { kind: "badRequest", message: "no sessions here" } },
    ];
    cluster.script = () => answers.shift() ?? { kind: "serve" };
    await after(cluster, 5000, clerk.append("k", "x"));
    assertEquals(await clerk.get("k"), "x");
    cluster.script = () => ({ kind: "say", reply: { kind: "badRequest", message: "too odd" } });
    await assertCode(clerk.append("k", "x"), "invalid");
  });
});

Deno.test("Clerk: stale reads are answered while nobody leads", async () => {
  await withClerk(2, async (cluster, clerk) => {
    await clerk.put("k", "v");
    cluster.script = ({ request }) =>
      request.kind === "read" && request.consistency === "stale" ? { kind: "serve" } : { kind: "ignore" };
    const linearizable = clerk.get("k", { timeoutMs: 1500 });
    linearizable.catch(() => {});
    assertEquals(await after(cluster, 100, clerk.get("k", { consistency: "stale" })), "v");
    await assertCode(after(cluster, 2000, linearizable), "timeout");
  });
});

Deno.test("Clerk: says what it waits for", async () => {
  await using cluster = await FakeCluster.start(2);
  const states: ClerkWaiting[] = [];
  await using clerk = cluster.clerk({ onWaiting: (state) => states.push(state) });
  const [first, second] = cluster.addresses;
  const lastOf = async (promise: Promise<unknown>): Promise<ClerkWaiting | undefined> => {
    states.length = 0;
    await Promise.allSettled([after(cluster, 3000, promise)]);
    return states.at(-1);
  };
  cluster.script = () => notLeader(null);
  const noLeader = await lastOf(clerk.get("k", { timeoutMs: 2500 }));
  assertEquals(noLeader?.reason, "noLeader");
  assert((noLeader?.sinceMs ?? 0) >= 2000 && (noLeader?.attempts ?? 0) >= 4);
  assert(states.length <= 3, "about once a second");

  cluster.script = () => ({ kind: "ignore" });
  assertEquals((await lastOf(clerk.get("k", { timeoutMs: 1900 })))?.reason, "noReply");
  for (const address of [first ?? "", second ?? ""]) cluster.stopServer(address);
  assertEquals((await lastOf(clerk.get("k", { timeoutMs: 2500 })))?.reason, "unreachable");
});

Deno.test("Clerk: under random faults every append runs exactly once", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    await using cluster = await FakeCluster.start(3);
    await using clerk = cluster.clerk({ random: { next: random } });
    const pick = (): string => cluster.addresses[Math.floor(random() * 3)] ?? "";
    const faults: (() => Action)[] = [
      () => ({ kind: "serveAndHangUp" }),
      () => ({ kind: "serveSilently" }),
      () => ({ kind: "serveAndSay", reply: { kind: "unknown", message: "" } }),
      () => notLeader(random() < 0.5 ? null : pick()),
      () => ({ kind: "say", reply: { kind: "overloaded", message: "" } }),
      () => ({ kind: "say", reply: { kind: "unavailable", message: "" } }),
      () => ({ kind: "hangUp" }),
      () => ({ kind: "ignore" }),
      () => ({ kind: "serveAndSay", reply: { kind: "unknown", message: "" } }),
    ];
    let areFaultsOn = true;
    cluster.script = () => {
      if (!areFaultsOn || random() < 0.7) return { kind: "serve" };
      return faults[Math.floor(random() * faults.length)]?.() ?? { kind: "serve" };
    };
    const calls: Promise<void>[] = [];
    for (let n = 0; n < 60; n++) {
      calls.push(clerk.append("k", `<${n}>`));
      if (random() < 0.3) await cluster.clock.advance(random() * 500);
    }
    await cluster.clock.advance(20_000);
    areFaultsOn = false;
    await cluster.clock.advance(60_000);
    await Promise.all(calls);
    const pieces = (await clerk.get("k")).match(/<\d+>/g) ?? [];
    assertEquals(new Set(pieces).size, 60, `seed ${seed}: something is missing`);
    assertEquals(pieces.length, 60, `seed ${seed}: something ran twice`);
  }
});
