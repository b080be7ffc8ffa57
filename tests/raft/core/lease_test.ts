/**
 * Reads by lease (thesis section 6.4.1): when a leader may answer a read without asking anyone, and why nobody else can have
 * been elected by then. In these cores a lease lasts (10 - 3) ticks * 10 ms / 2 = 35 ms.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { RaftConfig } from "../../../raft/core/config.ts";
import { validateConfig } from "../../../raft/core/config.ts";
import { leaseDurationMs } from "../../../raft/core/lease.ts";
import type { AppendEntries, AppendEntriesReply, Message, PreVote, RequestVote } from "../../../raft/core/message.ts";
import { Raft } from "../../../raft/core/raft.ts";
import { RoundTimes } from "../../../raft/core/round_times.ts";
import type { NodeId } from "../../../raft/core/types.ts";
import { testConfig, type TestNode } from "./cluster.ts";
import { acknowledge, answer, appendFrom, collect, makeLeader, startNode, type StartOptions } from "./single.ts";

const leaseMs = leaseDurationMs(testConfig("a"));

/** Node `a` leads term 1, and its no-op is committed. */
function leader(options: StartOptions = {}): TestNode {
  const node = startNode(options);
  makeLeader(node);
  for (const other of options.others ?? ["b", "c"]) acknowledge(node, other, node.raft.status().last.index);
  return node;
}

/** A tick at which a round of heartbeats begins; returns its number. */
function beat(node: TestNode, nowMs: number): number {
  node.step({ type: "tick", nowMs });
  const heartbeat = collect(node).find((message): message is AppendEntries => message.type === "AppendEntries");
  assert(heartbeat !== undefined, "it leads");
  return heartbeat.readRound;
}

function reply(node: TestNode, from: NodeId, readRound: number, changes: Partial<AppendEntriesReply> = {}): Message[] {
  const { currentTerm: term, commitIndex: matchIndex } = node.raft.status();
  const header = {
    type: "AppendEntriesReply",
    from,
    to: "a",
    term,
    success: true,
    hint: { index: 0, term: 0 },
  } as const;
  return answer(node, { ...header, matchIndex, readRound, ...changes });
}

Deno.test("thesis 6.4.1: a lease begins when a round is sent, whenever a quorum has answered it, and lasts for its time", () => {
  const node = leader();
  assertEquals(node.raft.leaseIndex(0), null, "nobody has answered a round yet");
  const round = beat(node, 1000);
  assertEquals(node.raft.leaseIndex(1000), null);
  for (let tick = 1; tick <= 3; tick++) node.step({ type: "tick", nowMs: 1000 + 10 * tick });
  reply(node, "b", round);
  assertEquals(node.raft.leaseIndex(1030), 1, "up to commitIndex");
  assertEquals(node.raft.leaseIndex(1000 + leaseMs - 0.001), 1);
  assertEquals(node.raft.leaseIndex(1000 + leaseMs), null, "it counts from the round, not from the answer");
  reply(node, "c", round);
  assertEquals(node.raft.leaseIndex(1000 + leaseMs), null, "a second answer to the same round extends nothing");
  reply(node, "c", beat(node, 1040));
  assertEquals(node.raft.leaseIndex(1040 + leaseMs - 0.001), 1);
});

Deno.test("thesis 6.4.1: an answer that refuses entries extends the lease as well; one that repeats an old round does not", () => {
  const node = leader();
  const first = beat(node, 100);
  const second = beat(node, 120);
  reply(node, "b", second, { success: false, matchIndex: 5 });
  assertEquals(node.raft.leaseIndex(120 + leaseMs - 1), 1);
  reply(node, "b", first);
  reply(node, "c", first);
  assertEquals(node.raft.leaseIndex(120 + leaseMs - 1), 1, "it does not shorten it either");
  assertEquals(node.raft.leaseIndex(120 + leaseMs), null);
});

Deno.test("thesis 6.4.1: a round of reads that begins between two ticks counts from the tick before it", () => {
  const node = leader();
  beat(node, 100);
  node.step({ type: "readIndex", context: 1 });
  const asked = collect(node).filter((message): message is AppendEntries => message.type === "AppendEntries");
  reply(node, "b", asked[0]?.readRound ?? 0);
  assertEquals([node.raft.leaseIndex(100 + leaseMs - 1), node.raft.leaseIndex(100 + leaseMs)], [1, null]);
});

Deno.test("thesis 6.4.1: ticks do not count: a leader that was stopped asks with the time it is, and has no lease", () => {
  const node = leader();
  reply(node, "b", beat(node, 100));
  assertEquals(node.raft.leaseIndex(101), 1);
  // SIGSTOP for a minute: no tick has passed, and the answers that wait in the sockets are of the round before it.
  reply(node, "c", node.raft.state.leadership?.reads.lastRound ?? 0);
  assertEquals(node.raft.leaseIndex(60_101), null);
});

Deno.test("thesis 6.4.1 and 6.4, step 1: there is no lease before the no-op of the term is committed", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1] });
  makeLeader(node);
  reply(node, "b", beat(node, 100), { matchIndex: 2 });
  reply(node, "c", node.raft.state.leadership?.reads.lastRound ?? 0, { matchIndex: 2 });
  assertEquals(node.raft.leaseIndex(101), null, "entry 2 may be committed, which it cannot know");
  acknowledge(node, "b", 3);
  assertEquals(node.raft.leaseIndex(101), 3);
});

Deno.test("thesis 6.4.1: a majority must have answered, in a joint configuration one of each set of voters (4.3)", () => {
  const five = leader({ others: ["b", "c", "d", "e"] });
  const round = beat(five, 100);
  reply(five, "b", round);
  assertEquals(five.raft.leaseIndex(101), null, "two of five");
  reply(five, "e", round);
  assertEquals(five.raft.leaseIndex(101), 1);

  const node = leader();
  reply(node, "b", beat(node, 100));
  assertEquals(node.raft.leaseIndex(101), 1);
  const change = { type: "changeConfiguration", proposalId: 1, learners: [], clusterTimeMs: 0 } as const;
  node.step({ ...change, voters: ["a", "d", "e"] });
  collect(node);
  assertEquals(node.raft.leaseIndex(101), null, "the new voters have not heard anything, and may elect somebody soon");
  const joint = beat(node, 110);
  reply(node, "d", joint);
  assertEquals(node.raft.leaseIndex(111), 1, "b's lease of the old voters, d's of the new ones");
  assertEquals(node.raft.leaseIndex(100 + leaseMs), null, "the shorter of the two");
  reply(node, "c", joint);
  assertEquals(node.raft.leaseIndex(100 + leaseMs), 1);
});

Deno.test("thesis 6.4.1 and 4.2.2: a leader outside the configuration has no lease, even if its only voter has just heard it", () => {
  const node = leader({ others: ["b"] });
  const change = { type: "changeConfiguration", proposalId: 1, learners: [], clusterTimeMs: 0 } as const;
  node.step({ ...change, voters: ["b"] });
  collect(node);
  acknowledge(node, "b", 2);
  assertEquals(node.raft.status().configuration, { voters: ["b"], outgoing: [], learners: [] });
  reply(node, "b", beat(node, 100), { matchIndex: 2 });
  assertEquals([node.raft.status().role, node.raft.leaseIndex(101)], ["leader", null]);
});

Deno.test("thesis 6.4.1: the only voter of a cluster always has a lease; whoever does not lead never has", () => {
  const alone = leader({ others: [] });
  assertEquals(alone.raft.leaseIndex(1e12), alone.raft.status().commitIndex);
  const follower = startNode({ currentTerm: 1 });
  answer(follower, appendFrom(1));
  assertEquals(follower.raft.leaseIndex(0), null);
});

Deno.test("thesis 6.4.1 and 3.10: TimeoutNow ends the lease for the rest of the term, for it may arrive late", () => {
  const node = leader();
  reply(node, "b", beat(node, 100));
  node.step({ type: "transferLeader", to: "c" });
  assertEquals(node.raft.leaseIndex(101), null, "before it is sent");
  assertEquals(collect(node).map(({ type }) => type), ["TimeoutNow"]);
  for (let tick = 1; tick <= 10; tick++) {
    const round = beat(node, 100 + 10 * tick);
    for (const from of ["b", "c"]) reply(node, from, round);
  }
  assertEquals(node.raft.status().transferTarget, null, "given up");
  assertEquals(node.raft.leaseIndex(201), null);
});

Deno.test("thesis 6.4.1 and 3.10: a transfer that has told nobody to campaign yet leaves the lease alone", () => {
  const node = leader();
  reply(node, "b", beat(node, 100));
  const command = new Uint8Array(1);
  node.step({ type: "propose", proposalId: 1, commands: [command], clusterTimeMs: 0 });
  node.step({ type: "transferLeader", to: "c" });
  assertEquals(collect(node).some(({ type }) => type === "TimeoutNow"), false, "c lacks an entry");
  assertEquals(node.raft.leaseIndex(101), 1);
});

/** Asks `a` for its vote in both ways; returns whether it would have voted, and whether it has. */
function askForVotes(node: TestNode, term: number, changes: Partial<RequestVote> = {}): boolean[] {
  const request = { from: "c", to: "a", term, lastLog: { index: 9, term: term - 1 } };
  const preVote: PreVote = { ...request, type: "PreVote" };
  const requestVote: RequestVote = { ...request, type: "RequestVote", leadershipTransfer: false, ...changes };
  const isGranted = (messages: readonly Message[]): boolean =>
    messages.some((message) => "voteGranted" in message && message.voteGranted);
  return [isGranted(answer(node, preVote)), isGranted(answer(node, requestVote))];
}

Deno.test("thesis 6.4.1 and 4.2.3: within an election timeout of hearing a leader a node votes for nobody, whatever its term", () => {
  const node = startNode({ currentTerm: 1 });
  answer(node, appendFrom(1));
  assertEquals(askForVotes(node, 2), [false, false]);
  // A later term reaches it by some other way; b, of term 1, counts on it all the same.
  answer(node, { type: "AppendEntriesReply", from: "c", to: "a", term: 5, ...refusal });
  assertEquals(node.raft.status().currentTerm, 5);
  assertEquals(askForVotes(node, 5), [false, false], "of its own term");
  for (let tick = 1; tick < 10; tick++) node.step({ type: "tick", nowMs: 0 });
  assertEquals(askForVotes(node, 6), [false, false], "of a later term");
  node.step({ type: "tick", nowMs: 0 });
  assertEquals(askForVotes(node, 7), [true, true]);
});

const refusal = { success: false, matchIndex: 0, hint: { index: 0, term: 0 }, readRound: 0 };

Deno.test("thesis 6.4.1 and 3.10: it votes at once for whom a leader has chosen", () => {
  const node = startNode({ currentTerm: 1 });
  answer(node, appendFrom(1));
  assertEquals(askForVotes(node, 2, { leadershipTransfer: true }), [false, true]);
});

Deno.test("thesis 6.4.1: a node that has just started has forgotten whom it heard from, and votes for nobody either", () => {
  const node = startNode({ currentTerm: 1 });
  // As it starts in truth; `startNode` begins an election timeout later.
  node.raft = new Raft(node.config, { hardState: node.hardState, snapshot: node.snapshot, entries: [] });
  assertEquals(askForVotes(node, 2), [false, false]);
  for (let tick = 1; tick < 10; tick++) node.step({ type: "tick", nowMs: 0 });
  assertEquals(askForVotes(node, 3), [false, false]);
  node.step({ type: "tick", nowMs: 0 });
  assertEquals(askForVotes(node, 4), [true, true]);
});

Deno.test("round times: rounds of one time count as one, and old ones are forgotten", () => {
  const times = new RoundTimes(2);
  assertEquals(times.of(1), -Infinity);
  times.note(1, 10);
  times.note(2, 10);
  times.note(5, 20);
  assertEquals([0, 1, 2, 4, 5, 9].map((round) => times.of(round)), [-Infinity, 10, 10, 10, 20, 20]);
  times.note(6, 30);
  assertEquals([4, 5, 6].map((round) => times.of(round)), [-Infinity, 20, 30]);
});

Deno.test("a lease is shorter by the bound on clocks and by the ticks that may come at once; nonsense is refused", () => {
  const config: RaftConfig = testConfig("a", { electionTimeoutTicks: 12, tickMs: 25, clockDriftBound: 1 });
  assertEquals(leaseDurationMs(config), 225);
  assertEquals(leaseDurationMs({ ...config, clockDriftBound: 2 }), 112.5);
  assertEquals(leaseDurationMs({ ...config, electionTimeoutTicks: 3 }), 0);
  for (const clockDriftBound of [0, 0.99, NaN, Infinity]) {
    assertThrows(() => validateConfig({ ...config, clockDriftBound }), Error, "clockDriftBound must be at least 1");
  }
  for (const tickMs of [0, -1, NaN, Infinity]) {
    assertThrows(() => validateConfig({ ...config, tickMs }), Error, "tickMs must be positive");
  }
});
