/**
 * A test for each sentence of the paper that binds a server ("In Search of an Understandable Consensus Algorithm", extended
 * version). Each names its section and the sentence it checks.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Message } from "../../../raft/core/message.ts";
import { TestCluster } from "./cluster.ts";
import {
  acknowledge,
  answer,
  appendFrom,
  collect,
  entryOf,
  logOf,
  makeCandidate,
  makeLeader,
  startNode,
} from "./single.ts";

function only<Type extends Message["type"]>(
  messages: readonly Message[],
  type: Type,
): Extract<Message, { type: Type }>[] {
  return messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type);
}

Deno.test("5.1: if a server's current term is smaller than the other's, it updates its term to the larger value", () => {
  for (const role of ["follower", "candidate", "leader"] as const) {
    const node = startNode();
    if (role === "candidate") makeCandidate(node);
    if (role === "leader") makeLeader(node);
    assertEquals(node.raft.status().role, role);
    answer(node, appendFrom(7));
    assertEquals(node.raft.status().currentTerm, 7);
    assertEquals(
      node.raft.status().role,
      "follower",
      "if a candidate or leader discovers that its term is out of date",
    );
    assertEquals(node.hardState, { currentTerm: 7, votedFor: null }, "the term is durable");
  }
});

Deno.test("5.1: if a server receives a request with a stale term number, it rejects the request", () => {
  const node = startNode({ currentTerm: 3, log: [1, 3] });
  const [reply] = only(
    answer(node, appendFrom(2, { prevLog: { index: 2, term: 3 }, entries: [entryOf(3, 3)] })),
    "AppendEntriesReply",
  );
  assertEquals([reply?.success, reply?.term], [false, 3]);
  assertEquals(node.raft.status().last, { index: 2, term: 3 });
  const lastLog = { index: 9, term: 2 };
  const [vote] = answer(node, { type: "RequestVote", from: "b", to: "a", term: 2, lastLog, leadershipTransfer: false });
  assertEquals([vote?.type, vote?.term], ["RequestVoteReply", 3]);
});

Deno.test("5.2: when servers start up, they begin as followers", () => {
  assertEquals(startNode().raft.status().role, "follower");
  assertEquals(startNode({ currentTerm: 4, votedFor: "a" }).raft.status().role, "follower");
});

Deno.test("5.2: a server remains a follower as long as it receives valid RPCs from a leader", () => {
  const node = startNode({ currentTerm: 1 });
  for (let round = 0; round < 50; round++) {
    for (let tick = 0; tick < 9; tick++) node.step({ type: "tick", nowMs: 0 });
    answer(node, appendFrom(1));
    assertEquals(node.raft.status().role, "follower");
  }
});

Deno.test("5.2: over the election timeout it begins an election; thesis 9.6: after a PreVote, its term unchanged", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1] });
  for (let tick = 0; tick < 10; tick++) node.step({ type: "tick", nowMs: 0 });
  const asked = collect(node);
  assertEquals(
    asked,
    ["b", "c"].map((to) => ({ type: "PreVote", from: "a", to, term: 2, lastLog: { index: 2, term: 1 } })),
  );
  assertEquals(node.raft.status().currentTerm, 1);
  assertEquals(node.hardState, { currentTerm: 1, votedFor: null });
});

Deno.test("5.2: to begin an election, a follower increments its current term, votes for itself and asks all others", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1] });
  const asked = makeCandidate(node);
  assertEquals(
    asked,
    ["b", "c"].map((to) => ({
      type: "RequestVote",
      from: "a",
      to,
      term: 2,
      lastLog: { index: 2, term: 1 },
      leadershipTransfer: false,
    })),
  );
  assertEquals(node.hardState, { currentTerm: 2, votedFor: "a" });
});

Deno.test("5.2: no candidacy leaves before term and vote are durable", () => {
  const node = startNode();
  for (let tick = 0; tick < 10; tick++) node.step({ type: "tick", nowMs: 0 });
  node.takeReady();
  node.step({ type: "message", message: { type: "PreVoteReply", from: "b", to: "a", term: 1, voteGranted: true } });
  const ready = node.takeReady();
  assertEquals(only(ready.messages, "RequestVote"), []);
  assertEquals(ready.persist?.hardState, { currentTerm: 1, votedFor: "a" });
  assertEquals(only(node.finishWrite(), "RequestVote").length, 2);
});

Deno.test("5.2: a candidate wins an election if it receives votes from a majority of the servers", () => {
  const cases = [
    { others: [], granted: [], refused: [], role: "leader" },
    { others: ["b", "c"], granted: [], refused: [], role: "candidate" },
    { others: ["b", "c"], granted: ["b"], refused: [], role: "leader" },
    { others: ["b", "c"], granted: [], refused: ["b", "c"], role: "follower" },
    { others: ["b", "c", "d", "e"], granted: ["b"], refused: ["c"], role: "candidate" },
    { others: ["b", "c", "d", "e"], granted: ["b", "e"], refused: ["c", "d"], role: "leader" },
    { others: ["b", "c", "d", "e"], granted: ["b"], refused: ["c", "d", "e"], role: "follower" },
    { others: ["b", "c", "d"], granted: ["b"], refused: [], role: "candidate" },
  ];
  for (const { others, granted, refused, role } of cases) {
    const node = startNode({ others });
    makeCandidate(node);
    for (const [voters, voteGranted] of [[granted, true], [refused, false]] as const) {
      for (const from of voters) answer(node, { type: "RequestVoteReply", from, to: "a", term: 1, voteGranted });
    }
    assertEquals(node.raft.status().role, role, `${others.length + 1} servers, ${granted.length} votes`);
  }
});

Deno.test("5.2: a vote given twice counts once, and one from a stranger not at all", () => {
  const node = startNode({ others: ["b", "c", "d", "e"] });
  makeCandidate(node);
  for (const from of ["b", "b", "z"]) {
    answer(node, { type: "RequestVoteReply", from, to: "a", term: 1, voteGranted: true });
  }
  assertEquals(node.raft.status().role, "candidate");
});

Deno.test("5.2: each server will vote for at most one candidate in a given term, first come first served", () => {
  const node = startNode({ log: [1] });
  const lastLog = { index: 1, term: 1 };
  const ask = (from: string): boolean | undefined =>
    only(
      answer(node, { type: "RequestVote", from, to: "a", term: 2, lastLog, leadershipTransfer: false }),
      "RequestVoteReply",
    )
      .at(0)?.voteGranted;
  assertEquals([ask("b"), ask("c"), ask("b")], [true, false, true]);
  assertEquals(node.hardState, { currentTerm: 2, votedFor: "b" });
  node.restart();
  assertEquals([ask("c"), ask("b")], [false, true], "the vote survives a restart");
});

Deno.test("5.2: a candidate that hears from a leader of its term or a later one returns to follower state", () => {
  for (const term of [1, 2]) {
    const node = startNode();
    makeCandidate(node);
    answer(node, appendFrom(term));
    assertEquals([node.raft.status().role, node.raft.status().leader], ["follower", "b"]);
  }
});

Deno.test("5.2: election timeouts are chosen randomly from a fixed interval, anew for each election", () => {
  const seen = new Set<number>();
  let draw = 0;
  const node = startNode({ config: { random: () => (draw++ % 10) / 10 } });
  for (let election = 0; election < 30; election++) {
    node.raft.state.becomeFollower(node.raft.status().currentTerm, null);
    const ticks = node.raft.state.electionDeadlineTicks;
    assert(ticks >= 10 && ticks < 20);
    seen.add(ticks);
  }
  assertEquals(seen.size, 10);
});

Deno.test("5.3: the leader appends the command to its log, then issues AppendEntries in parallel to each of the others", () => {
  const node = startNode();
  makeLeader(node);
  for (const from of ["b", "c"]) acknowledge(node, from, 1);
  node.step({ type: "propose", proposalId: 1, commands: [new Uint8Array([1])], clusterTimeMs: 5 });
  const ready = node.takeReady();
  assertEquals(ready.messages.map((message) => message.to), ["b", "c"], "sent while the own write is still to come");
  assertEquals(only(ready.messages, "AppendEntries")[0]?.prevLog, { index: 1, term: 1 });
  assertEquals(ready.persist?.entries.map((entry) => entry.index), [2]);
});

Deno.test("5.3: an entry is committed once the leader has replicated it on a majority of the servers", () => {
  for (
    const [others, acks, committed] of [[2, 0, false], [2, 1, true], [4, 1, false], [4, 2, true], [
      3,
      1,
      false,
    ]] as const
  ) {
    const names = ["b", "c", "d", "e"].slice(0, others);
    const node = startNode({ others: names });
    makeLeader(node);
    for (const from of names.slice(0, acks)) acknowledge(node, from, 1);
    assertEquals(node.raft.status().commitIndex === 1, committed, `${others} others, ${acks} acks`);
  }
});

Deno.test("5.3, thesis 10.2.1: the leader's own copy counts only when it is durable", () => {
  const node = startNode({ others: ["b", "c", "d", "e"] });
  makeLeader(node);
  node.step({ type: "propose", proposalId: 1, commands: [new Uint8Array([1])], clusterTimeMs: 0 });
  node.takeReady();
  const reply = {
    type: "AppendEntriesReply",
    to: "a",
    term: 1,
    success: true,
    matchIndex: 2,
    hint: { index: 0, term: 0 },
  } as const;
  for (const from of ["b", "c"]) node.step({ type: "message", message: { ...reply, from, readRound: 0 } });
  assertNotEquals(node.raft.status().commitIndex, 2);
  node.finishWrite();
  assertEquals(node.raft.status().commitIndex, 2);
});

Deno.test("5.3: once a follower learns that a log entry is committed, it applies the entry (in log order)", () => {
  const node = startNode({ currentTerm: 1 });
  answer(node, appendFrom(1, { entries: logOf(1, 1, 1), leaderCommit: 2 }));
  assertEquals(node.applied.map((entry) => entry.index), [1, 2]);
  answer(node, appendFrom(1, { prevLog: { index: 3, term: 1 }, leaderCommit: 3 }));
  assertEquals(node.applied.map((entry) => entry.index), [1, 2, 3]);
});

Deno.test("5.3: if the follower does not find an entry with the same index and term, it refuses the new entries", () => {
  for (const prevLog of [{ index: 3, term: 2 }, { index: 2, term: 3 }]) {
    const node = startNode({ currentTerm: 3, log: [1, 2] });
    const [reply] = only(
      answer(node, appendFrom(3, { prevLog, entries: [entryOf(prevLog.index + 1, 3)] })),
      "AppendEntriesReply",
    );
    assertEquals([reply?.success, reply?.matchIndex], [false, prevLog.index]);
    assertEquals(node.raft.status().last, { index: 2, term: 2 });
  }
});

Deno.test("5.3: conflicting entries in follower logs will be overwritten with entries from the leader's log (Figure 7)", () => {
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers = [
    [1, 1, 1, 4, 4, 5, 5, 6, 6],
    [1, 1, 1, 4],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    [1, 1, 1, 4, 4, 4, 4],
    [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  ];
  for (const terms of followers) {
    const leader = startNode({ others: ["b"], currentTerm: 7, log: leaderTerms });
    const follower = startNode({ others: ["b"], currentTerm: 7, log: terms });
    let messages = makeLeader(leader);
    for (let round = 0; messages.length > 0; round++) {
      assert(round < 8, "conflicts are skipped a term at a time");
      const replies = messages.flatMap((message) => answer(follower, { ...message, from: "b", to: "a" }));
      messages = replies.flatMap((message) => answer(leader, { ...message, from: "b", to: "a" }));
    }
    const shape = (node: typeof leader): string => node.stored.map((entry) => `${entry.index}.${entry.term}`).join(" ");
    assertEquals(shape(follower), shape(leader));
  }
});

Deno.test("5.3: a delayed AppendEntries deletes nothing that a later one brought (akka 151)", () => {
  const node = startNode({ currentTerm: 1 });
  answer(node, appendFrom(1, { entries: logOf(1, 1, 1) }));
  answer(node, appendFrom(1, { entries: logOf(1) }));
  assertEquals(node.raft.status().last.index, 3);
});

Deno.test("5.3: an acknowledgement leaves only after the entries are durable", () => {
  const node = startNode({ currentTerm: 1 });
  node.step({ type: "message", message: appendFrom(1, { entries: logOf(1) }) });
  assertEquals(node.takeReady().messages, []);
  assertEquals(only(node.finishWrite(), "AppendEntriesReply").map((reply) => reply.matchIndex), [1]);
});

Deno.test("5.3: the answer to a heartbeat does not wait for a write and claims only what is durable", () => {
  const node = startNode({ currentTerm: 1 });
  node.step({ type: "message", message: appendFrom(1, { entries: logOf(1) }) });
  node.takeReady();
  node.step({ type: "message", message: appendFrom(1, { prevLog: { index: 1, term: 1 } }) });
  assertEquals(
    only(node.takeReady().messages, "AppendEntriesReply").map((reply) => [reply.success, reply.matchIndex]),
    [
      [true, 0],
    ],
  );
});

Deno.test("5.4.1: the voter denies its vote if its own log is more up-to-date than that of the candidate", () => {
  const cases = [
    { log: [1], lastLog: { index: 1, term: 1 }, granted: true },
    { log: [1], lastLog: { index: 2, term: 1 }, granted: true },
    { log: [1, 1], lastLog: { index: 1, term: 1 }, granted: false },
    { log: [1, 1], lastLog: { index: 1, term: 2 }, granted: true },
    { log: [2], lastLog: { index: 5, term: 1 }, granted: false },
  ];
  for (const { log, lastLog, granted } of cases) {
    const node = startNode({ currentTerm: 2, log });
    const asked = answer(node, { type: "PreVote", from: "b", to: "a", term: 3, lastLog });
    assertEquals(only(asked, "PreVoteReply").map((reply) => reply.voteGranted), [granted], "PreVote");
    const request = { type: "RequestVote", from: "b", to: "a", term: 3, lastLog, leadershipTransfer: false } as const;
    assertEquals(only(answer(node, request), "RequestVoteReply").map((reply) => reply.voteGranted), [granted]);
  }
});

Deno.test("5.4.2, Figure 8: only entries from the leader's current term are committed by counting replicas", () => {
  const node = startNode({ others: ["b", "c", "d", "e"], currentTerm: 3, log: [1, 2] });
  makeLeader(node);
  for (const from of ["b", "c"]) acknowledge(node, from, 2);
  assertEquals(node.raft.status().commitIndex, 0, "index 2 of term 2 is on a majority, and still not committed");
  for (const from of ["b", "c"]) acknowledge(node, from, 3);
  assertEquals(node.raft.status().commitIndex, 3, "the entry of term 4 commits it indirectly");
});

Deno.test("5.5: a server that receives an AppendEntries again ignores the entries it has; RPCs are idempotent", () => {
  const node = startNode({ currentTerm: 1 });
  const request = appendFrom(1, { entries: logOf(1, 1), leaderCommit: 1 });
  const replies = [...answer(node, request), ...answer(node, request)];
  assertEquals(only(replies, "AppendEntriesReply").map((reply) => reply.matchIndex), [2, 2]);
  assertEquals(node.applied.length, 1);
});

/** A leader a that has compacted what its follower c, just back, has missed: 2 and 3. */
function clusterWithCompactedLog(): TestCluster {
  const cluster = new TestCluster(["a", "b", "c"]);
  cluster.elect("a");
  cluster.setConnected("c", false);
  cluster.propose("a", "x", "y");
  cluster.settle();
  cluster.node("a").compact();
  cluster.setConnected("c", true);
  return cluster;
}

Deno.test("7: when the next entry to send is compacted away, the leader sends a snapshot", () => {
  const cluster = clusterWithCompactedLog();
  cluster.tick(3);
  assertEquals(cluster.sent.filter((message) => message.type === "InstallSnapshot").length, 1);
  assertEquals(cluster.node("c").raft.status().snapshot.last, { index: 3, term: 1 });
  cluster.propose("a", "z");
  cluster.settle();
  cluster.tick(1);
  assertEquals(cluster.appliedTexts("c"), ["z"], "the log goes on behind the snapshot");
});

/** A leader a whose follower c was just found to need the snapshot at 3, of which nothing has come; then 4 is compacted. */
function clusterWithLateFollower(): TestCluster {
  const cluster = clusterWithCompactedLog();
  cluster.step("a", { type: "tick", nowMs: 0 });
  cluster.cut.add("a>c");
  cluster.settle();
  cluster.propose("a", "z");
  cluster.settle();
  cluster.node("a").compact();
  return cluster;
}

function snapshotsSent(cluster: TestCluster): number[] {
  return cluster.sent.flatMap((message) => message.type === "InstallSnapshot" ? [message.snapshot.last.index] : []);
}

Deno.test("7: a follower that is away and has nothing of a snapshot yet is sent the latest one", () => {
  const cluster = clusterWithLateFollower();
  assertEquals(snapshotsSent(cluster), [3]);
  cluster.setConnected("c", false);
  cluster.tick(60, ["a", "b"]);
  assertEquals(new Set(snapshotsSent(cluster).slice(1)), new Set([4]));
  cluster.setConnected("c", true);
  cluster.tick(20, ["a", "b"]);
  assertEquals(cluster.node("c").raft.status().snapshot.last, { index: 4, term: 1 });
});

Deno.test("7: one that answers is sent the same snapshot again: a slow link would never get a first chunk through", () => {
  const cluster = clusterWithLateFollower();
  cluster.setConnected("c", true);
  for (let tick = 0; tick < 60; tick++) {
    for (const id of ["a", "b"]) cluster.step(id, { type: "tick", nowMs: 0 });
    cluster.network = cluster.network.filter(({ type }) => type !== "InstallSnapshot");
    cluster.settle();
  }
  assertEquals(new Set(snapshotsSent(cluster)), new Set([3]));
  assert(snapshotsSent(cluster).length > 3);
});

Deno.test("7: a snapshot that describes only a prefix of the log leaves the entries that follow it", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1, 1] });
  const snapshot = { last: { index: 2, term: 1 }, configuration: node.raft.status().configuration };
  answer(node, appendFrom(1));
  node.receiveSnapshot("b", snapshot);
  collect(node);
  assertEquals([node.raft.status().last.index, node.raft.status().commitIndex], [3, 2]);
});

Deno.test("8: a leader commits a blank no-op entry at the start of its term, and serves no read before", () => {
  const node = startNode();
  const sent = only(makeLeader(node), "AppendEntries");
  assertEquals(sent[0]?.entries.map((entry) => entry.kind), ["noop"]);
  node.step({ type: "readIndex", context: 1 });
  assertEquals(only(collect(node), "AppendEntries").length, 0, "no round is started yet");
  const rounds = only(acknowledge(node, "b", 1), "AppendEntries");
  assertEquals(rounds.map((message) => message.readRound), [1, 1]);
  assertEquals(node.readStates, [], "and it is confirmed by a quorum first");
  const reply = {
    type: "AppendEntriesReply",
    from: "b",
    to: "a",
    term: 1,
    success: true,
    matchIndex: 1,
    hint: { index: 0, term: 0 },
  } as const;
  answer(node, { ...reply, readRound: 0 });
  assertEquals(node.readStates, [], "an answer sent before the read came says nothing");
  answer(node, { ...reply, readRound: 1 });
  assertEquals(node.readStates, [{ kind: "ready", context: 1, index: 1 }]);
});

Deno.test("8: a deposed leader refuses the reads it could not confirm", () => {
  const node = startNode();
  makeLeader(node);
  acknowledge(node, "b", 1);
  node.step({ type: "readIndex", context: 9 });
  collect(node);
  answer(node, appendFrom(5));
  assertEquals(node.readStates, [{ kind: "refused", context: 9 }]);
});

Deno.test("thesis 6.2: a leader steps down if an election timeout elapses without a round of heartbeats to a majority", () => {
  const node = startNode();
  makeLeader(node);
  for (let tick = 0; tick < 10; tick++) node.step({ type: "tick", nowMs: 0 });
  collect(node);
  assertEquals([node.raft.status().role, node.raft.status().currentTerm], ["follower", 1]);
});

Deno.test("thesis 4.2.3: a server that hears from a leader ignores candidates and keeps its term", () => {
  const node = startNode({ currentTerm: 1 });
  answer(node, appendFrom(1));
  const request = { type: "RequestVote", from: "c", to: "a", term: 9, lastLog: { index: 9, term: 8 } } as const;
  assertEquals(answer(node, { ...request, leadershipTransfer: false }), []);
  assertEquals(node.raft.status().currentTerm, 1);
  assertEquals(only(answer(node, { ...request, leadershipTransfer: true }), "RequestVoteReply").length, 1);
  assertEquals(node.raft.status().votedFor, "c", "unless the leader itself asked for the election (thesis 3.10)");
});

Deno.test("thesis 3.10: leadership passes to a caught-up follower at once, by TimeoutNow", () => {
  const cluster = new TestCluster(["a", "b", "c"]);
  cluster.elect("a");
  cluster.propose("a", "x");
  cluster.settle();
  cluster.step("a", { type: "transferLeader", to: "c" });
  cluster.settle();
  assertEquals(cluster.node("c").raft.status().role, "leader");
  assertEquals(cluster.node("a").raft.status().leader, "c");
});

Deno.test("etcd 8243: a candidate left behind in terms catches up instead of asking for ever", () => {
  const node = startNode({ currentTerm: 5 });
  const [reply] = answer(node, { type: "PreVote", from: "b", to: "a", term: 2, lastLog: { index: 9, term: 1 } });
  assertEquals([reply?.type, reply?.term], ["PreVoteReply", 5]);
  const behind = startNode({ currentTerm: 1 });
  for (let tick = 0; tick < 10; tick++) behind.step({ type: "tick", nowMs: 0 });
  collect(behind);
  answer(behind, { type: "PreVoteReply", from: "b", to: "a", term: 5, voteGranted: false });
  assertEquals(behind.raft.status().currentTerm, 5);
});

Deno.test("etcd async storage: a write that was overtaken by a truncation acknowledges nothing of its successors", () => {
  const node = startNode({ currentTerm: 1 });
  node.step({ type: "message", message: appendFrom(1, { entries: logOf(1, 1) }) });
  node.takeReady();
  node.step({ type: "message", message: appendFrom(2, { from: "c", entries: [entryOf(1, 2)] }) });
  node.finishWrite();
  assertEquals(node.raft.status().persistedIndex, 0);
  assertEquals(only(collect(node), "AppendEntriesReply").map((reply) => [reply.to, reply.matchIndex]), [["c", 1]]);
});
