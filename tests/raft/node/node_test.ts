/**
 * The driver: what it does in which order, and how it fails.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { crc32 } from "../../../raft/encoding/crc32.ts";
import type { ProposeOutcome } from "../../../raft/node/proposals.ts";
import type { ReadIndexOutcome } from "../../../raft/node/reads.ts";
import { Bench } from "./support/bench.ts";
import { Cluster } from "./support/cluster.ts";
import { settle } from "./support/manual_clock.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("a vote leaves only when it is on disk", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using _node = await bench.start();
  bench.isDiskHeld = true;
  const lastLog = { index: 0, term: 0 };
  // At the wish of a leader, or a node that has just started would not vote at all.
  bench.deliver({ type: "RequestVote", from: "n2", to: "n1", term: 1, lastLog, leadershipTransfer: true });
  await settle();
  assertEquals(bench.count("RequestVoteReply"), 0);
  await bench.releaseDisk();
  assertEquals(bench.count("RequestVoteReply"), 1);
});

Deno.test("a leader sends entries while its own write is under way, and commits alone only after it", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.clock.advance(100);
  const before = cluster.network.sent.length;
  leader.replica.node.propose(encode('"x"'), () => {});
  await Promise.resolve();
  const sent = cluster.network.sent.slice(before);
  assertEquals(sent.filter(({ type }) => type === "AppendEntries").length, 2, "sent in the same turn");

  const bench = new Bench(["n1"]);
  await using node = await bench.start();
  await bench.clock.until("it leads", () => node.status().role === "leader" && bench.applied.length === 1);
  bench.isDiskHeld = true;
  node.propose(encode("x"), () => {});
  await bench.clock.advance(500);
  assertEquals(bench.applied.length, 1, "only the no-op");
  await bench.releaseDisk();
  assertEquals(bench.applied.length, 2);
});

Deno.test("a disk that blocks the event loop does not hold up entries for others", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using _node = await bench.start();
  const order: string[] = [];
  // As a socket does it: what was sent leaves in a microtask.
  bench.onSend = ({ type, to }) => queueMicrotask(() => void order.push(`${type} to ${to}`));
  await bench.clock.until("it asks for votes", () => bench.count("PreVote") > 0);
  const header = { from: "n2", to: "n1", voteGranted: true } as const;
  bench.deliver({ ...header, type: "PreVoteReply", term: 1 });
  await settle();
  bench.onWrite = () => void order.push("write");
  order.length = 0;
  bench.deliver({ ...header, type: "RequestVoteReply", term: 1 });
  await settle();
  assertEquals(order, ["AppendEntries to n2", "AppendEntries to n3", "write"]);
});

Deno.test("a follower acknowledges entries before it applies earlier ones, unless its disk takes its time", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using _node = await bench.start();
  const order: string[] = [];
  bench.onSend = (message) => {
    if (message.type === "AppendEntriesReply") queueMicrotask(() => void order.push(`matches ${message.matchIndex}`));
  };
  bench.onApply = (entries) => void order.push(...entries.map(({ index }) => `applies ${index}`));
  const append = (index: number, leaderCommit: number): void =>
    bench.deliver({
      ...{ type: "AppendEntries", from: "n2", to: "n1", term: 1, leaderCommit, readRound: 0 },
      prevLog: { index: index - 1, term: index === 1 ? 0 : 1 },
      entries: [{ kind: "noop", index, term: 1, clusterTimeMs: 0 }],
    });
  append(1, 0);
  await settle();
  append(2, 1);
  await settle();
  assertEquals(order, ["matches 1", "matches 2", "applies 1"]);
  bench.isDiskHeld = true;
  append(3, 2);
  await bench.clock.advance(50);
  assertEquals(order.at(-1), "applies 2");
  await bench.releaseDisk();
  assertEquals(order.at(-1), "matches 3");
});

Deno.test("proposals of one turn make one write and one message per follower", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.clock.advance(100);
  const { node } = leader.replica;
  const outcomes: ProposeOutcome[] = [];
  const before = { writes: leader.batches.length, messages: cluster.network.sent.length };
  for (let count = 0; count < 100; count++) node.propose(encode(`"${count}"`), (outcome) => outcomes.push(outcome));
  await settle();
  assertEquals(leader.batches.length - before.writes, 1);
  const appends = cluster.network.sent.slice(before.messages).filter(({ type }) => type === "AppendEntries");
  assertEquals(appends.length, 2);
  const entries = outcomes.map((outcome) => outcome.kind === "accepted" ? outcome.entry.index : -1);
  assertEquals(entries, Array.from({ length: 100 }, (_, at) => (entries[0] ?? 0) + at));
});

Deno.test("what arrives while a write is in flight shares the next one", async () => {
  const bench = new Bench(["n1"]);
  await using node = await bench.start();
  await bench.clock.until("it leads", () => node.status().role === "leader" && bench.applied.length === 1);
  bench.isDiskHeld = true;
  for (let turn = 0; turn < 10; turn++) {
    node.propose(encode("x"), () => {});
    await settle();
  }
  await bench.releaseDisk();
  assertEquals(bench.applied.length, 11);
});

Deno.test("a failed write stops the node: callers are told, the transport is closed, nothing is written again", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  const written = leader.batches.length;
  leader.breakDisk(new Error("disk on fire"));
  const submit = leader.replica.submit("lost").catch((error) => error);
  const read = new Promise<ReadIndexOutcome>((resolve) => leader.replica.node.readIndex(resolve, 1_000));
  const [error, readOutcome] = await cluster.outcome(Promise.all([submit, read]));
  assertEquals(error.name, "UnknownOutcomeError");
  assertEquals(readOutcome, { kind: "refused", reason: "stopped", leader: null });
  assertEquals(leader.stopped.map((reason) => reason?.message), ["disk on fire"]);
  assertEquals(leader.replica.status().state, "failed");
  assert(!cluster.network.isOpen(leader.id));
  await cluster.clock.advance(1_000);
  assertEquals(leader.batches.length, written);
  const next = await cluster.elect(cluster.others(leader).map(({ id }) => id));
  assertEquals(await cluster.outcome(next.replica.submit("elsewhere")) > 0, true);
});

Deno.test("a broken invariant stops the node", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  const header = { from: "n2", to: "n1", term: 1, type: "AppendEntries", leaderCommit: 0, readRound: 0 } as const;
  // No leader sends entries with a hole between them.
  const entry = { kind: "noop", term: 1, clusterTimeMs: 0 } as const;
  bench.deliver({
    ...header,
    prevLog: { index: 0, term: 0 },
    entries: [{ ...entry, index: 1 }, { ...entry, index: 3 }],
  });
  await settle();
  assertEquals([node.state, bench.isTransportOpen, bench.stopped.length], ["failed", false, 1]);
  assert(bench.stopped[0]?.message.startsWith("Invariant broken"), bench.stopped[0]?.message);
});

Deno.test("a long backlog lets the event loop through", async () => {
  const bench = new Bench(["n1"]);
  const longest = { entries: 0 };
  await using node = await bench.start();
  await bench.clock.until("it leads", () => node.status().role === "leader" && bench.applied.length === 1);
  let sinceTurn = 0;
  bench.onApply = (entries) => {
    bench.clock.stall(entries.length);
    sinceTurn += entries.length;
    longest.entries = Math.max(longest.entries, sinceTurn);
  };
  for (let count = 0; count < 500; count++) node.propose(encode("x"), () => {});
  const watch = (): void => {
    sinceTurn = 0;
    if (bench.applied.length < 501) bench.clock.after(0, watch);
  };
  watch();
  await bench.clock.until("all applied", () => bench.applied.length === 501);
  assert(longest.entries <= 40, `${longest.entries} ms in one go`);
});

Deno.test("a caller that goes on for ever in microtasks does not keep timers from firing", async () => {
  const bench = new Bench(["n1"]);
  await using node = await bench.start();
  await bench.clock.until("it leads", () => node.status().role === "leader" && bench.applied.length === 1);
  let reads = 0;
  let isTimerFired = false;
  const readAgain = (): void => {
    reads += 1;
    bench.clock.stall(1);
    if (!isTimerFired && reads < 1_000) node.readIndex(readAgain, 1_000);
  };
  bench.clock.after(10, () => isTimerFired = true);
  readAgain();
  await bench.clock.until("the timer fires", () => isTimerFired);
  assert(reads < 200, `${reads} reads of 1 ms went first`);
});

Deno.test("a read without an answer is asked again under a new context, and the old answer is not taken", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  const leader = { from: "n2", to: "n1", term: 1 } as const;
  const heartbeat = (leaderCommit: number): void =>
    bench.deliver({
      ...{ ...leader, type: "AppendEntries", prevLog: { index: 0, term: 0 }, leaderCommit, readRound: 0 },
      entries: [{ kind: "noop", index: 1, term: 1, clusterTimeMs: 0 }],
    });
  heartbeat(1);
  await bench.clock.until("it follows", () => node.leader === "n2" && node.appliedIndex === 1);
  const outcomes: ReadIndexOutcome[] = [];
  node.readIndex((outcome) => outcomes.push(outcome), 5_000);
  const contexts = (): number[] =>
    bench.sent.flatMap((message) => message.type === "ReadIndex" ? [message.context] : []);
  for (let step = 0; step < 10; step++) {
    await bench.clock.advance(100);
    heartbeat(1);
  }
  const [first = 0, second = 0, ...more] = contexts();
  assertEquals(more, []);
  assertNotEquals(first, second);
  bench.deliver({ ...leader, type: "ReadIndexReply", context: first, index: 1 });
  await settle();
  assertEquals(outcomes, [], "an answer to a round that was given up");
  bench.deliver({ ...leader, type: "ReadIndexReply", context: second, index: 1 });
  await settle();
  assertEquals(outcomes, [{ kind: "ready", index: 1 }]);
});

Deno.test("a reader whose leader is gone asks the next one as soon as that is known", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  const heartbeat = (from: string, term: number): void =>
    bench.deliver({
      ...{ from, to: "n1", term, type: "AppendEntries", prevLog: { index: 0, term: 0 }, leaderCommit: 0, readRound: 0 },
      entries: [],
    });
  heartbeat("n2", 1);
  await bench.clock.until("it follows n2", () => node.leader === "n2");
  node.readIndex(() => {}, 5_000);
  await settle();
  heartbeat("n3", 2);
  await settle();
  const asked = bench.sent.flatMap((message) => message.type === "ReadIndex" ? [message] : []);
  assertEquals(asked.map(({ to }) => to), ["n2", "n3"]);
  assertNotEquals(asked[0]?.context, asked[1]?.context);
});

Deno.test("a read is served when its index is applied, not before; and ends with its caller's time", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  const header = { from: "n2", to: "n1", term: 1 } as const;
  const append = (leaderCommit: number): void =>
    bench.deliver({
      ...{ ...header, type: "AppendEntries", prevLog: { index: 0, term: 0 }, leaderCommit, readRound: 0 },
      entries: [1, 2].map((index) => ({ kind: "noop", index, term: 1, clusterTimeMs: 0 }) as const),
    });
  append(1);
  await bench.clock.until("it follows", () => node.leader === "n2" && node.appliedIndex === 1);
  const outcomes: ReadIndexOutcome[] = [];
  node.readIndex((outcome) => outcomes.push(outcome), 200);
  node.readIndex((outcome) => outcomes.push(outcome), 5_000);
  await settle();
  const asked = bench.sent.filter((message) => message.type === "ReadIndex");
  assertEquals(asked.length, 1, "readers of one turn share a round");
  const context = asked[0]?.type === "ReadIndex" ? asked[0].context : 0;
  bench.deliver({ ...header, type: "ReadIndexReply", context, index: 2 });
  await settle();
  assertEquals(outcomes, []);
  await bench.clock.advance(250);
  assertEquals(outcomes, [{ kind: "timeout" }]);
  append(2);
  await settle();
  assertEquals(outcomes, [{ kind: "timeout" }, { kind: "ready", index: 2 }]);
});

Deno.test("a stopped node leaves no timer and answers everyone at once", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  const node = await bench.start();
  const outcomes: string[] = [];
  node.propose(encode("x"), (outcome) => outcomes.push(outcome.kind));
  node.readIndex((outcome) => outcomes.push(outcome.kind), 1_000);
  await node.stop();
  assertEquals(outcomes, ["refused", "refused"]);
  node.propose(encode("x"), (outcome) => outcomes.push(outcome.kind));
  assertEquals([outcomes.length, bench.clock.pendingTimers, bench.stopped], [3, 0, [null]]);
});

Deno.test("leadership can be handed over", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("x"));
  const [successor] = cluster.others(leader);
  assert(successor !== undefined);
  leader.replica.node.transferLeadership(successor.id);
  await cluster.clock.until("the successor leads", () => cluster.leader()?.id === successor.id, 500);
});

Deno.test("while a snapshot is restored no read is served, however low its index; afterwards at once", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  const header = { from: "n2", to: "n1", term: 1 } as const;
  const prevLog = { index: 0, term: 0 };
  const noop = { kind: "noop", index: 1, term: 1, clusterTimeMs: 0 } as const;
  bench.deliver({ ...header, type: "AppendEntries", prevLog, leaderCommit: 1, readRound: 0, entries: [noop] });
  await bench.clock.until("it follows", () => node.appliedIndex === 1);
  const outcomes: ReadIndexOutcome[] = [];
  node.readIndex((outcome) => outcomes.push(outcome), 5_000);
  await settle();
  const context = bench.sent.find((message) => message.type === "ReadIndex")?.context ?? 0;

  let finish = (): void => {};
  bench.onRestore = () => new Promise((resolve) => finish = resolve);
  const snapshot = { last: { index: 9, term: 1 }, configuration: node.status().configuration };
  const data = new Uint8Array([1, 2, 3]);
  bench.deliver({ ...header, type: "InstallSnapshot", snapshot, offset: 0, data, checksum: crc32(data), done: true });
  await settle();
  assertEquals(node.status().snapshot.last.index, 9);
  bench.deliver({ ...header, type: "ReadIndexReply", context, index: 1 });
  await settle();
  assertEquals(outcomes, [], "the state machine is half the old and half the new");
  finish();
  await settle();
  assertEquals([outcomes, node.appliedIndex], [[{ kind: "ready", index: 1 }], 9]);
});

Deno.test("a snapshot that cannot be saved stops the node", async () => {
  const bench = new Bench(["n1"]);
  await using node = await bench.start();
  await bench.clock.until("it leads", () => node.appliedIndex === 1);
  const chunks = ReadableStream.from((async function* () {
    await Promise.resolve();
    yield new Uint8Array(1);
    throw new Error("no more room");
  })());
  await node.saveSnapshot(node.snapshotMetaAt(1), chunks);
  assertEquals([node.state, node.failure?.message], ["failed", "no more room"]);
});

Deno.test("a snapshot carries the configuration as of its index", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("x"));
  const { node } = leader.replica;
  const [staying] = cluster.others(leader);
  assert(staying !== undefined);
  const voters = [leader.id, staying.id].sort();
  const change = new Promise<ProposeOutcome>((resolve) => node.changeConfiguration({ voters, learners: [] }, resolve));
  assertEquals((await cluster.outcome(change)).kind, "accepted");
  await cluster.clock.until("it is over", () => {
    const { configuration, lastApplied, last } = node.status();
    return configuration.outgoing.length === 0 && configuration.voters.length === 2 && lastApplied === last.index;
  });
  assertEquals(node.snapshotMetaAt(node.appliedIndex).configuration, { voters, outgoing: [], learners: [] });
});

Deno.test("who is to be a member is named: its latest incarnation is meant, not one that was given up", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.elect();
  await cluster.outcome(leader.replica.submit("x"));
  const { node } = leader.replica;
  const [staying, other] = cluster.others(leader);
  assert(staying !== undefined && other !== undefined);
  const voters = [leader.id, staying.id].sort();
  const change = async (learners: string[]): Promise<readonly string[]> => {
    const begun = new Promise<ProposeOutcome>((resolve) => node.changeConfiguration({ voters, learners }, resolve));
    assertEquals((await cluster.outcome(begun)).kind, "accepted");
    await cluster.clock.until("it is over", () => {
      const { configuration, commitIndex, last } = node.status();
      return configuration.outgoing.length === 0 && commitIndex === last.index;
    });
    return node.status().configuration.learners;
  };
  assertEquals(await change([`${other.id}#7`]), [`${other.id}#7`], "whoever says which incarnation gets that one");
  assertEquals(await change([other.id]), [`${other.id}#7`]);
});
