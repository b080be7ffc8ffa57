/**
 * Each invariant lets pass what is right, and names what is wrong. Whether it sees that in a running cluster is shown by the
 * mutants.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { KvCommand } from "../../kv/commands.ts";
import type { KvResult } from "../../kv/state_machine.ts";
import { capture } from "../../raft/core/invariants.ts";
import type { Message } from "../../raft/core/message.ts";
import type { Entry } from "../../raft/core/types.ts";
import { TestCluster } from "../raft/core/cluster.ts";
import { CommittedLog } from "./committed_log.ts";
import { allInvariants } from "./invariants/all.ts";
import type { Execution, Invariant } from "./invariants/invariant.ts";
import { NodePromises, NodeView } from "./node_view.ts";

interface Scene {
  readonly cluster: TestCluster;
  readonly committed: CommittedLog;
  /** To be filled with those who hold a lease. */
  readonly leaseHolders: NodeView[];
  view(id: string, promises?: NodePromises): NodeView;
  check(name: string): Invariant;
}

/** Three cores of which a leads term 1, with one command committed at index 2, and fresh invariants. */
function scene(): Scene {
  const cluster = new TestCluster(["a", "b", "c"]);
  cluster.elect("a");
  cluster.propose("a", "one");
  cluster.settle();
  cluster.tick(2);
  const committed = new CommittedLog();
  const view = (id: string, promises = new NodePromises()): NodeView =>
    new NodeView(id, `${id}#1`, cluster.node(id).raft.state, promises);
  const leaseHolders: NodeView[] = [];
  const invariants = allInvariants({
    ...{ committed, viewOf: (id) => view(id), onRepeat: () => {}, maxRaftState: 1 },
    ...{ holdsLease: (node) => leaseHolders.includes(node), leaseHolders: () => leaseHolders },
  });
  const check = (name: string): Invariant => {
    const found = invariants.find((one) => one.name === name);
    assert(found !== undefined, name);
    return found;
  };
  return { cluster, committed, leaseHolders, view, check };
}

function entry(index: number, term: number, text: string): Entry {
  return { kind: "command", index, term, clusterTimeMs: 0, data: new TextEncoder().encode(text) };
}

function execution(index: number, changes: Partial<Execution> = {}): Execution {
  const command: KvCommand = {
    ...{ kind: "write", sessionId: 1, serialNumber: index, lowestOutstanding: 1 },
    operation: { kind: "put", key: "k", value: String(index) },
  };
  const result: KvResult = { kind: "written", version: index };
  const context = { index, term: 1, clusterTimeMs: 0 };
  return { replica: "a#1", previousIndex: null, command, context, result, hashBefore: "x", hashAfter: "y", ...changes };
}

Deno.test("a healthy cluster passes every invariant", () => {
  const { cluster, committed, view, check } = scene();
  committed.add({ index: 2, term: 1 }, 1);
  for (const id of cluster.nodes.keys()) {
    const node = view(id);
    const change = node.takeLogChange();
    assertEquals(change?.added.length, 2);
    for (const name of ["node-state", "node-step", "monotonic-commit", "commit-agreement", "leader-completeness"]) {
      assertEquals(check(name).stepped?.(node, capture(node.state)), null, name);
    }
    assertEquals(check("log-matching").logChanged?.(node, [], change?.added ?? []), null);
  }
});

Deno.test("log-bound: a leader takes a command though its log is full", () => {
  const { cluster, view, check } = scene();
  const leader = view("a");
  const before = capture(leader.state);
  const follower = view("b");
  const status = { logBytes: 4_095, snapshotBytes: 0, syncMs: 0, sync: { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 } };
  leader.storage = { status: () => status };
  follower.storage = leader.storage;
  cluster.propose("a", "two");
  cluster.settle();
  const invariant = check("log-bound");
  assertEquals(invariant.stepped?.(leader, before), null);
  leader.storage = { status: () => ({ ...status, logBytes: 4_096 + 100 }) };
  follower.storage = leader.storage;
  assertMatch(
    invariant.stepped?.(leader, before) ?? "",
    /a#1: a command was taken in at index 3 though the log had \d+/,
  );
  assertEquals(invariant.stepped?.(leader, capture(leader.state)), null, "nothing was taken in");
  assertEquals(invariant.stepped?.(follower, before), null, "it took what its leader had taken in");
});

Deno.test("election-safety: two leaders of a term", () => {
  const { view, check } = scene();
  const [a, b] = [view("a"), view("b")];
  const follower = capture(b.state);
  assertEquals(check("election-safety").stepped?.(a, follower), null);
  b.state.role = "leader";
  assertEquals(check("election-safety").stepped?.(b, follower), "b#1 leads term 1, which a has led already");
});

Deno.test("leader-append-only: a leader deletes an entry", () => {
  const { view, check } = scene();
  const { logChanged } = check("leader-append-only");
  assertEquals(logChanged?.(view("a"), [{ index: 2, term: 1 }], []), "a#1 leads term 1 and deletes 2");
  assertEquals(logChanged?.(view("b"), [{ index: 2, term: 1 }], []), null);
});

Deno.test("log-matching: the same index and term, another command or another past", () => {
  const { view, check } = scene();
  const { logChanged } = check("log-matching");
  const node = view("a");
  assertEquals(logChanged?.(node, [], [entry(3, 1, "two")]), null);
  assertEquals(logChanged?.(node, [], [entry(3, 1, "two")]), null);
  assertEquals(logChanged?.(node, [], [entry(3, 1, "other")]), "a#1 has another entry at 3 of term 1");
});

Deno.test("leader-completeness: a leader lacks what was committed before its term", () => {
  const { committed, view, check } = scene();
  const node = view("a");
  const before = { ...capture(node.state), role: "candidate" as const };
  committed.add({ index: 2, term: 1 }, 1);
  node.state.currentTerm = 2;
  assertEquals(check("leader-completeness").stepped?.(node, before), null);
  committed.add({ index: 3, term: 1 }, 1);
  assertMatch(check("leader-completeness").stepped?.(node, before) ?? "", /without entry 3 of term 1/);
});

Deno.test("leader-lease: an election under somebody's lease, and an answer by lease that lacks something committed", () => {
  const { committed, leaseHolders, view, check } = scene();
  const [node, holder] = [view("a"), view("b")];
  const before = { ...capture(node.state), role: "candidate" as const };
  leaseHolders.push(holder);
  node.state.currentTerm = 2;
  assertEquals(check("leader-lease").stepped?.(node, capture(node.state)), null, "it leads already");
  const problem = "a#1 is elected in term 2 while b#1 holds the lease of term 1";
  assertEquals(check("leader-lease").stepped?.(node, before), problem);
  holder.state.currentTerm = 2;
  assertEquals(check("leader-lease").stepped?.(node, before), null, "that is its own");
  committed.add({ index: 2, term: 1 }, 1);
  assertEquals(check("leader-lease").readByLease?.(node), null);
  committed.add({ index: 3, term: 1 }, 1);
  assertEquals(check("leader-lease").stepped?.(node, capture(node.state)), null, "without a lease it need not know");
  leaseHolders.push(node);
  const lag = "a#1 holds a lease and knows of 2, while 3 is committed";
  assertEquals(check("leader-lease").stepped?.(node, capture(node.state)), lag);
  assertMatch(check("leader-lease").readByLease?.(node) ?? "", /a#1 answers a read by lease at index 2, while 3 is/);
});

Deno.test("commit-agreement: another entry was committed there", () => {
  const { committed, view, check } = scene();
  const node = view("a");
  const before = { ...capture(node.state), committed: { index: 1, term: 1 } };
  committed.add({ index: 2, term: 7 }, 7);
  assertMatch(check("commit-agreement").stepped?.(node, before) ?? "", /entry 2 of term 1 .* term 7 before/);
});

Deno.test("commit-rule: an earlier term by counting, or without a quorum", () => {
  const { cluster, view, check } = scene();
  const node = view("a");
  const before = { ...capture(node.state), committed: { index: 1, term: 1 } };
  assertEquals(check("commit-rule").stepped?.(node, before), null);
  node.state.currentTerm = 2;
  assertMatch(check("commit-rule").stepped?.(node, before) ?? "", /leads term 2 and commits entry 2 of term 1/);
  node.state.currentTerm = 1;
  for (const id of ["b", "c"]) cluster.node(id).stored = [];
  for (const id of ["b", "c"]) cluster.node(id).restart();
  assertMatch(check("commit-rule").stepped?.(node, before) ?? "", /which only a has durably/);
});

Deno.test("commit-rule and durable-log: what the disk holds counts, not what the core believes", () => {
  const { view, check } = scene();
  const node = view("a");
  const before = { ...capture(node.state), committed: { index: 1, term: 1 } };
  assertEquals(check("durable-log").stepped?.(node, before), null);
  // The same slot is overwritten by a write of another leader.
  node.disk.written({ hardState: null, logStart: null, entries: [entry(2, 9, "other")] });
  assertMatch(check("durable-log").stepped?.(node, before) ?? "", /a#1 counts entry 2 as durable/);
  assertEquals(node.holdsDurably({ index: 2, term: 1 }), false);
  node.disk.written({ hardState: null, logStart: null, entries: [entry(2, 1, "one")] });
  assertEquals(node.holdsDurably({ index: 2, term: 1 }), true);
});

Deno.test("configuration-matches-log: a configuration from nowhere, and a snapshot with an old one", () => {
  const { cluster, committed, view, check } = scene();
  const { started, logChanged, stepped } = check("configuration-matches-log");
  const node = view("a");
  const before = capture(node.state);
  assertEquals(started?.(node), null);
  cluster.node("a").raft.step({
    ...{ type: "changeConfiguration", proposalId: 7, clusterTimeMs: 0 },
    ...{ voters: ["a", "b"], learners: [] },
  });
  const added = node.takeLogChange()?.added ?? [];
  assertEquals(logChanged?.(node, [], added), null);
  const joint = node.state.log.configuration;
  node.state.log.reconcile([entry(3, 2, "instead")]);
  assertEquals(logChanged?.(node, [{ index: 3, term: 1 }], []), null);
  Object.defineProperty(node.state.log, "configuration", { value: joint });
  assertMatch(
    logChanged?.(node, [{ index: 3, term: 1 }], []) ?? "",
    /a#1 goes by members a,b\|a,b,c\|: the latest .* a,b,c/,
  );
  committed.add({ index: 3, term: 1 }, 1);
  const snapshot = { ...node.state.log.snapshot, last: { index: 3, term: 1 } };
  Object.defineProperty(node.state.log, "snapshot", { value: snapshot });
  assertMatch(stepped?.(node, before) ?? "", /a#1 has a snapshot at 3 with members a,b,c/);
});

Deno.test("candidate-is-voter: a node campaigns that is no member", () => {
  const { view, check } = scene();
  const node = view("b");
  const follower = capture(node.state);
  node.state.role = "candidate";
  assertEquals(check("candidate-is-voter").stepped?.(node, follower), null);
  const stranger = new NodeView("z", "z#1", node.state, node.promises);
  assertMatch(check("candidate-is-voter").stepped?.(stranger, follower) ?? "", /z#1 is candidate of term 1/);
});

Deno.test("monotonic-commit: commitIndex and lastApplied fall", () => {
  const { view, check } = scene();
  const node = view("a");
  const before = capture(node.state);
  const { stepped } = check("monotonic-commit");
  assertMatch(stepped?.(node, { ...before, committed: { index: 9, term: 1 } }) ?? "", /commitIndex fell from 9 to 2/);
  assertMatch(stepped?.(node, { ...before, lastApplied: 9 }) ?? "", /lastApplied fell from 9/);
  assertMatch(stepped?.(node, { ...before, committed: { index: 2, term: 5 } }) ?? "", /committed entry 2 is gone/);
});

Deno.test("durable-vote: two votes in a term, and a vote that a restart forgot", () => {
  const { view, check } = scene();
  const promises = new NodePromises();
  const node = view("b", promises);
  const grant = (to: string): Message => ({ type: "RequestVoteReply", from: "b", to, term: 1, voteGranted: true });
  const { sent, started } = check("durable-vote");
  assertEquals(sent?.(node, grant("a")), null);
  assertEquals(sent?.(node, grant("a")), null);
  assertEquals(started?.(node), null);
  assertEquals(sent?.(node, grant("c")), "b#1 votes for c in term 1: it has voted for a");
  node.state.votedFor = null;
  assertMatch(started?.(node) ?? "", /starts with vote none in term 1: it has voted for a/);
  node.state.currentTerm = 0;
  assertMatch(started?.(node) ?? "", /starts in term 0: it has voted in term 1/);
});

Deno.test("durable-log: an entry is acknowledged that the log does not have, unless in an earlier term", () => {
  const { view, check } = scene();
  const node = view("b");
  const { currentTerm } = node.state;
  const reply = { type: "AppendEntriesReply", from: "b", to: "a", success: true, matchIndex: 9, readRound: 0 } as const;
  const acknowledge = (term: number): Message => ({ ...reply, term, hint: { index: 0, term: 0 } });
  assertMatch(check("durable-log").sent?.(node, acknowledge(currentTerm)) ?? "", /b#1 acknowledges entry 9/);
  assertEquals(check("durable-log").sent?.(node, acknowledge(currentTerm - 1)), null);
});

Deno.test("durable-log: an acknowledged entry is gone after a restart", () => {
  const { cluster, view, check } = scene();
  const promises = new NodePromises();
  const node = view("b", promises);
  const { stepped, started, logChanged } = check("durable-log");
  assertEquals(stepped?.(node, capture(node.state)), null);
  assertEquals(promises.durable, { index: 2, term: 1 });
  assertEquals(started?.(view("b", promises)), null);
  cluster.node("b").stored.pop();
  cluster.node("b").restart();
  assertMatch(started?.(view("b", promises)) ?? "", /promised to hold entry 2 of term 1/);
  logChanged?.(view("b", promises), [{ index: 2, term: 1 }], []);
  assertEquals(started?.(view("b", promises)), null, "a newer leader has overruled the promise");
  const shortened = view("a");
  shortened.takeLogChange();
  Object.defineProperty(shortened.state.log, "last", { value: { index: 1, term: 1 } });
  const change = shortened.takeLogChange();
  assertMatch(
    logChanged?.(shortened, change?.removed ?? [], []) ?? "",
    /a#1 deletes entry 2, with which nothing conflicts/,
  );
});

Deno.test("state-machine-safety: another command at an index, or a command twice", () => {
  const { executed } = scene().check("state-machine-safety");
  assertEquals(executed?.(execution(1)), null);
  assertEquals(executed?.(execution(1, { replica: "b#1" })), null);
  assertMatch(executed?.(execution(1, { command: { kind: "openSession" } })) ?? "", /another replica/);
  assertMatch(executed?.(execution(2, { previousIndex: 2 })) ?? "", /applies entry 2 after entry 2/);
});

Deno.test("replica-state: another state or result at an index", () => {
  const { executed } = scene().check("replica-state");
  assertEquals(executed?.(execution(1)), null);
  assertMatch(executed?.(execution(1, { hashAfter: "z" })) ?? "", /is at z written 1/);
  assertMatch(executed?.(execution(1, { result: { kind: "sessionExpired" } })) ?? "", /is at y sessionExpired after/);
});

Deno.test("exactly-once: a write changes the state a second time, or is answered otherwise", () => {
  const { executed } = scene().check("exactly-once");
  const first = execution(1);
  const again = (changes: Partial<Execution>): string | null | undefined =>
    executed?.({ ...first, context: { ...first.context, index: 5 }, hashBefore: "y", ...changes });
  assertEquals(executed?.(first), null);
  assertEquals(again({}), null);
  assertMatch(again({ hashAfter: "z" }) ?? "", /executes a write at 5 that it has executed before/);
  assertMatch(again({ result: { kind: "written", version: 9 } }) ?? "", /with version 9: it was version 1 at first/);
});

Deno.test("exactly-once: so does a write among others, and not each of them need be new", () => {
  const { executed } = scene().check("exactly-once");
  const operation = { kind: "append", key: "k", value: "v" } as const;
  const batch = (index: number, firstSerial: number, versions: readonly number[], hashAfter: string) =>
    executed?.(execution(index, {
      command: {
        kind: "writes",
        sessionId: 1,
        firstSerial,
        lowestOutstanding: 1,
        operations: versions.map(() => operation),
      },
      result: { kind: "writes", outcomes: versions.map((version) => ({ kind: "written", version })) },
      hashBefore: "y",
      hashAfter,
    }));
  assertEquals(batch(1, 1, [1, 2], "z"), null);
  assertEquals(batch(2, 2, [2, 3], "w"), null);
  assertEquals(batch(3, 1, [1, 2, 3], "y"), null);
  assertMatch(batch(4, 1, [1, 2, 3], "x") ?? "", /executes a write at 4 that it has executed before/);
  assertMatch(batch(5, 3, [9, 4], "x") ?? "", /answers write 1.3 with version 9: it was version 3 at first/);
});

Deno.test("node-state and node-step: what a node may not be, and how it may not change", () => {
  const { view, check } = scene();
  const node = view("b");
  const before = capture(node.state);
  assertMatch(check("node-step").stepped?.(node, { ...before, currentTerm: 9 }) ?? "", /currentTerm fell from 9/);
  node.state.leader = "b";
  assertMatch(check("node-state").stepped?.(node, before) ?? "", /believes it does/);
});
