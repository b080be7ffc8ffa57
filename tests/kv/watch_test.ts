import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClerkError, CompactedError } from "../../kv/errors.ts";
import { maxPageBytes } from "../../kv/limits.ts";
import type { KvReply } from "../../kv/protocol.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import type { Watch, WatchEvent } from "../../kv/watch.ts";
import { type Action, FakeCluster } from "./fake_cluster.ts";
import { seededRandom } from "./seeded_random.ts";

/** The next events, as short texts. */
async function take(watch: Watch, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const { done, value } = await watch.next();
    if (done) return [...texts, "over"];
    texts.push(textOf(value));
  }
  return texts;
}

function textOf(event: WatchEvent): string {
  switch (event.kind) {
    case "put":
      return `${event.key}=${event.value}${event.isLast ? "." : ""}`;
    case "delete":
      return `-${event.key}${event.isLast ? "." : ""}`;
    case "snapshot":
      return `[${event.entries.map(({ key, value }) => `${key}=${value}`)}]`;
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ClerkError)).code;
}

Deno.test("Clerk: watches a key and a prefix, from now and from an index, in order", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  await clerk.put("a/1", "early");
  await using one = clerk.watch({ key: "a/1" });
  await using prefix = clerk.watch({ prefix: "a/" });
  await using all = clerk.watch({ prefix: "" }, { fromIndex: 1 });
  assertEquals(await Promise.all([one.started, prefix.started, all.started]), [3, 3, 1]);
  await clerk.put("b", "other");
  await clerk.transaction({
    then: [{ kind: "put", key: "a/2", value: "x" }, { kind: "append", key: "a/1", value: "!" }, {
      kind: "put",
      key: "c",
      value: "",
    }],
  });
  await clerk.delete("a/2");
  assertEquals(await take(one, 1), ["a/1=early!."]);
  assertEquals(await take(prefix, 3), ["a/2=x", "a/1=early!.", "-a/2."]);
  assertEquals(await take(all, 6), ["a/1=early.", "b=other.", "a/2=x", "a/1=early!", "c=.", "-a/2."]);
  const waiting = take(one, 1);
  await cluster.clock.advance(60_000);
  await clerk.put("a/1", "late");
  assertEquals(await waiting, ["a/1=late."]);
});

Deno.test("Clerk: a watch ends when it is left, aborted or the Clerk is closed, and leaves no timer", async () => {
  await using cluster = await FakeCluster.start(1);
  const clerk = cluster.clerk();
  const left = clerk.watch({ prefix: "" });
  const pending = left.next();
  await left.started;
  await left.return();
  assertEquals([(await pending).done, (await left.next()).done], [true, true]);

  const aborter = new AbortController();
  const aborted = clerk.watch({ prefix: "" }, { signal: aborter.signal });
  await aborted.started;
  const next = aborted.next();
  await cluster.clock.advance(100);
  aborter.abort();
  assertEquals(await codeOf(next), "aborted");
  assertEquals((await aborted.next()).done, true);
  assertEquals(await codeOf(clerk.watch({ prefix: "" }, { signal: aborter.signal }).next()), "aborted");

  const closed = clerk.watch({ prefix: "" });
  await closed.started;
  const last = closed.next();
  await cluster.clock.advance(100);
  await clerk.close();
  assertEquals(await codeOf(last), "closed");
  assertEquals(await codeOf(clerk.watch({ prefix: "" }).started), "closed");
  await cluster.clock.advance(60_000);
  assertEquals(cluster.clock.timerCount, 0);
});

Deno.test("Clerk: what cannot be watched is refused at once", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  for (const key of ["", "k".repeat(5000), "\ud800"]) {
    assertEquals(assertThrows(() => clerk.watch({ key }), ClerkError).code, "invalid");
  }
  for (const fromIndex of [0, -1, 1.5, NaN]) {
    assertThrows(() => clerk.watch({ prefix: "" }, { fromIndex }), ClerkError, "fromIndex");
  }
  assertEquals(cluster.network.dialled, []);
});

/** A cluster whose machine remembers little. */
async function forgetfulCluster(servers = 1): Promise<FakeCluster> {
  const cluster = await FakeCluster.start(servers);
  cluster.machine = new KvStateMachine({ maxEvents: 4 });
  return cluster;
}

Deno.test("Clerk: a watch that was left behind fails, or goes on with a snapshot", async () => {
  await using cluster = await forgetfulCluster();
  await using clerk = cluster.clerk();
  await using strict = clerk.watch({ prefix: "k" });
  await using lenient = clerk.watch({ prefix: "k" }, { snapshot: "ifCompacted" });
  await using early = clerk.watch({ key: "k1" }, { fromIndex: 1, snapshot: "ifCompacted" });
  await Promise.all([strict.started, lenient.started]);
  for (let n = 0; n < 8; n++) await clerk.put(`k${n % 3}`, String(n));
  const error = await assertRejects(() => strict.next(), CompactedError, "watch from 6 or later");
  assertEquals([error.code, error.firstIndex, (await strict.next()).done], ["compacted", 6, true]);
  assertEquals(await take(lenient, 1), ["[k0=6,k1=7,k2=5]"]);
  assertEquals(await take(early, 1), ["[k1=7]"]);
  await clerk.put("k1", "8");
  assertEquals(await take(lenient, 1), ["k1=8."]);
  assertEquals(await take(early, 1), ["k1=8."]);
  await using first = clerk.watch({ prefix: "k" }, { snapshot: "first" });
  await first.started;
  await clerk.delete("k0");
  assertEquals(await take(first, 2), ["[k0=6,k1=8,k2=5]", "-k0."]);
});

Deno.test("Clerk: the other servers are asked before a watch is called compacted, or refused", async () => {
  await using cluster = await FakeCluster.start(3);
  await using clerk = cluster.clerk();
  await clerk.put("k", "v");
  const judges = new Map<string, KvReply>();
  cluster.script = ({ address, request }): Action => {
    const reply = judges.get(address);
    return request.kind === "watch" && reply !== undefined ? { kind: "say", reply } : { kind: "serve" };
  };
  const [first = "", second = "", third = ""] = cluster.addresses;
  judges.set(first, { kind: "compacted", firstIndex: 99 });
  judges.set(second, { kind: "tooManyWatches", message: "full" });
  await using watch = clerk.watch({ key: "k" }, { fromIndex: 1 });
  assertEquals(await take(watch, 1), ["k=v."]);
  judges.set(third, { kind: "tooManyWatches", message: "full" });
  const crowded = clerk.watch({ key: "k" }, { fromIndex: 1 }).next();
  crowded.catch(() => {});
  await cluster.clock.advance(1000);
  assert(["tooManyWatches", "compacted"].includes(await codeOf(crowded)));
  judges.set(third, { kind: "compacted", firstIndex: 9 });
  cluster.stopServer(second);
  const lonely = clerk.watch({ key: "k" }, { fromIndex: 1 }).next();
  lonely.catch(() => {});
  await cluster.clock.advance(5000);
  assertEquals(await codeOf(lonely), "compacted", "although one server cannot be reached");
});

Deno.test("Clerk: a snapshot over many pages is of one moment, although others write meanwhile", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const large = "x".repeat(maxPageBytes / 5);
  for (let n = 0; n < 20; n++) await clerk.put(`k${String(n).padStart(2, "0")}`, large);
  let pages = 0;
  cluster.script = ({ request }) => {
    if (request.kind !== "query" || pages++ === 0) return { kind: "serve" };
    // Between two pages: keys of the pages before and of those to come.
    void clerk.transaction({
      then: [
        { kind: "put", key: "k01", value: `early ${pages}` },
        { kind: "put", key: "k18", value: `late ${pages}` },
        { kind: "put", key: `k00${pages}`, value: "new" },
        { kind: "delete", key: "k02" },
      ],
    });
    return { kind: "serveAfter", delayMs: 50 };
  };
  await using watch = clerk.watch({ prefix: "k" }, { snapshot: "first" });
  await cluster.clock.advance(2000);
  const { value: event } = await watch.next();
  assert(event?.kind === "snapshot" && pages === 5, `${pages} pages`);
  cluster.script = () => ({ kind: "serve" });
  const entries = await Array.fromAsync(clerk.scan({ prefix: "k" }));
  const short = (list: readonly { key: string; version: number; value: unknown }[]): string[] =>
    list.map(({ key, version, value }) => `${key}@${version}=${String(value).slice(0, 9)}`);
  assertEquals(short(event.entries), short(entries));
});

Deno.test("Clerk: an answer to watches is no answer to other calls, nor the other way round", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  await using watch = clerk.watch({ key: "k" });
  await watch.started;
  await clerk.put("other", "opens the session");
  const replies: KvReply[] = [{ kind: "compacted", firstIndex: 1 }, { kind: "tooManyWatches", message: "" }];
  cluster.script = ({ request }): Action => {
    const reply = request.kind === "watch" ? null : replies.pop();
    return reply ? { kind: "say", reply } : { kind: "serve" };
  };
  const put = clerk.put("k", "v");
  await cluster.clock.advance(1000);
  await put;
  assertEquals([await take(watch, 1), replies], [["k=v."], []]);
  const wrong: KvReply[] = [{ kind: "noKey" }, { kind: "sessionExpired" }];
  cluster.script = ({ request }): Action => {
    const reply = request.kind === "watch" ? wrong.pop() : null;
    return reply ? { kind: "say", reply } : { kind: "serve" };
  };
  const next = take(watch, 1);
  void clerk.put("k", "w");
  await cluster.clock.advance(1000);
  assertEquals([await next, wrong], [["k=w."], []]);
});

Deno.test("Clerk: an entry larger than an answer is told when all of it is there", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const large = "x".repeat(700_000);
  for (const key of ["a", "b", "c"]) await clerk.put(key, large);
  await using watch = clerk.watch({ prefix: "" });
  await watch.started;
  await clerk.put("d", "before");
  await clerk.transaction({ then: ["a", "b", "c"].map((key) => ({ kind: "append", key, value: "!" } as const)) });
  let answers = 0;
  cluster.script = ({ request }) =>
    request.kind === "watch" && answers++ === 1 ? { kind: "hangUp" } : { kind: "serve" };
  assertEquals(await take(watch, 1), ["d=before."]);
  const first = watch.next();
  await cluster.clock.advance(1000);
  const { value: event } = await first;
  assert(event?.kind === "put" && event.key === "a" && !event.isLast && answers === 4, `${answers} answers`);
  cluster.script = () => ({ kind: "ignore" });
  const rest = [await watch.next(), await watch.next()].map(({ value }) =>
    value?.kind === "put" && [value.key, value.isLast]
  );
  assertEquals(rest, [["b", false], ["c", true]]);
});

Deno.test("Clerk: a watch misses and repeats nothing, whatever becomes of its servers", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seededRandom(seed);
    await using cluster = await FakeCluster.start(3);
    await using clerk = cluster.clerk({ random: { next: random } });
    await using watch = clerk.watch({ prefix: "k" });
    await cluster.clock.advance(1000);
    await watch.started;
    const faults: Action[] = [
      { kind: "hangUp" },
      { kind: "ignore" },
      { kind: "say", reply: { kind: "notLeader", leader: null, address: null } },
      { kind: "say", reply: { kind: "unavailable", message: "" } },
      { kind: "sayRaw", body: [0, 1, 0, true, [7, "k", 1, "forged"]] },
      { kind: "sayRaw", body: "nonsense" },
    ];
    cluster.script = ({ request }) =>
      request.kind !== "watch" || random() < 0.5
        ? { kind: "serve" }
        : faults[Math.floor(random() * 6)] ?? { kind: "serve" };
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of watch) {
        seen.push(textOf(event));
        if (textOf(event) === "kend=.") return;
      }
    })();
    const expected: string[] = [];
    for (let n = 0; n < 60; n++) {
      expected.push(`k${n % 7}=${n}.`);
      void clerk.put(`k${n % 7}`, String(n));
      void clerk.put("other", String(n));
      if (n % 20 === 7) {
        const address = cluster.addresses[Math.floor(random() * 3)] ?? "";
        cluster.stopServer(address);
        await cluster.clock.advance(500 * random());
        await cluster.startServer(address);
      }
      await cluster.clock.advance(300 * random());
    }
    void clerk.put("kend", "");
    await cluster.clock.advance(120_000);
    await reading;
    assertEquals(seen, [...expected, "kend=."], `seed ${seed}`);
  }
});
