/**
 * The driver of reads by lease: by whose clock, and when.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { RaftNode } from "../../../raft/node/node.ts";
import type { ReadIndexOutcome } from "../../../raft/node/reads.ts";
import { Bench } from "./support/bench.ts";
import { settle } from "./support/manual_clock.ts";

/** Makes `n1` of three leader in term 1, its no-op committed, and answers its first round of heartbeats. */
async function makeLeader(bench: Bench, node: RaftNode): Promise<void> {
  const header = { from: "n2", to: "n1", term: 1 } as const;
  await bench.clock.until("it asks around", () => bench.count("PreVote") > 0);
  bench.deliver({ ...header, type: "PreVoteReply", voteGranted: true });
  await settle();
  bench.deliver({ ...header, type: "RequestVoteReply", voteGranted: true });
  await settle();
  assertEquals(node.status().role, "leader");
  await bench.clock.advance(50);
  answerRound(bench, 1);
  await settle();
  assertEquals(bench.applied.length, 1, "the no-op");
}

/** Answers the latest round in the name of n2 and n3: their logs equal the leader's up to `matchIndex`. */
function answerRound(bench: Bench, matchIndex: number): void {
  const rounds = bench.sent.map((message) => message.type === "AppendEntries" ? message.readRound : 0);
  const reply = { type: "AppendEntriesReply", to: "n1", term: 1, success: true, hint: { index: 0, term: 0 } } as const;
  for (const from of ["n2", "n3"]) bench.deliver({ ...reply, from, matchIndex, readRound: Math.max(...rounds) });
}

Deno.test("thesis 6.4.1: a read by lease is answered at once, by the clock as it is and not as it was at the last tick", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  await makeLeader(bench, node);
  const outcomes: ReadIndexOutcome[] = [];
  const read = (): void => node.readLease((outcome) => outcomes.push(outcome), 1_000);
  read();
  assertEquals(outcomes, [{ kind: "ready", index: 1 }], "in the same turn");
  // SIGSTOP and SIGCONT, and a read that is worked on before any timer: the lease of 112 ms is over.
  bench.clock.stall(115);
  const sent = bench.count("AppendEntries");
  read();
  assertEquals(outcomes.length, 1);
  await bench.clock.advance(0);
  assertEquals([outcomes.length, bench.count("AppendEntries") > sent], [1, true], "it asks a quorum");
  answerRound(bench, 1);
  await settle();
  assertEquals(outcomes[1], { kind: "ready", index: 1 });
  await node.stop();
  read();
  assertEquals(outcomes[2], { kind: "refused", reason: "stopped", leader: null });
});

Deno.test("thesis 6.4, step 4: a read by lease is not answered before what is committed is applied", async () => {
  const bench = new Bench(["n1", "n2", "n3"]);
  await using node = await bench.start();
  await makeLeader(bench, node);
  // Both followers have the entry on disk before the leader has: it is committed, and the leader cannot apply it yet.
  bench.isDiskHeld = true;
  node.propose(new TextEncoder().encode("x"), () => {});
  await settle();
  answerRound(bench, 2);
  await settle();
  assertEquals([node.status().commitIndex, node.appliedIndex], [2, 1]);
  const outcomes: ReadIndexOutcome[] = [];
  node.readLease((outcome) => outcomes.push(outcome), 1_000);
  await settle();
  answerRound(bench, 2);
  await settle();
  assertEquals(outcomes, []);
  await bench.releaseDisk();
  assertEquals([outcomes, node.appliedIndex], [[{ kind: "ready", index: 2 }], 2]);
});
