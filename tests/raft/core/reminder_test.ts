/**
 * A follower that has lost what it acknowledged is told so by the leader that counted on it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { AppendEntriesReply, Message, Reminder } from "../../../raft/core/message.ts";
import type { LogIndex, Term } from "../../../raft/core/types.ts";
import { acknowledge, answer, entryOf, makeLeader, startNode } from "./single.ts";

function refusal(term: Term, rejectedIndex: LogIndex, hint: LogIndex): AppendEntriesReply {
  return {
    ...{ type: "AppendEntriesReply", from: "b", to: "a", term, success: false, matchIndex: rejectedIndex },
    ...{ hint: { index: hint, term: 1 }, readRound: 0 },
  };
}

function reminder(term: Term, matchIndex: LogIndex): Reminder {
  return { type: "Reminder", from: "b", to: "a", term, matchIndex };
}

function reminders(messages: readonly Message[]): LogIndex[] {
  return messages.flatMap((message) => message.type === "Reminder" ? [message.matchIndex] : []);
}

Deno.test("a leader reminds whoever refuses what it has acknowledged", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1, 1] });
  makeLeader(node);
  acknowledge(node, "b", 4);
  assertEquals(reminders(answer(node, refusal(2, 4, 2))), [4]);
  assertEquals(reminders(answer(node, refusal(2, 3, 2))), [4]);
});

Deno.test("the refusal of a probe is none of what was acknowledged, and is answered as ever", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1, 1] });
  makeLeader(node);
  assertEquals(answer(node, refusal(2, 3, 2)).map((message) => message.type), ["AppendEntries"]);
  acknowledge(node, "b", 2);
  assertEquals(answer(node, refusal(2, 4, 3)).map((message) => message.type), ["AppendEntries"]);
});

Deno.test("a follower that has nothing of a term is reminded of nothing", () => {
  const node = startNode({ currentTerm: 1, log: [1, 1, 1] });
  makeLeader(node);
  assertEquals(answer(node, refusal(2, 0, 0)), []);
});

Deno.test("whoever has less than it has acknowledged has lost entries", () => {
  const node = startNode({ currentTerm: 2, log: [1, 1, 2] });
  node.step({ type: "message", message: reminder(2, 4) });
  assertEquals(node.raft.takeReady().lostEntries, { leader: "b", matchIndex: 4, last: 3 });
});

Deno.test("whoever has what it has acknowledged, and more, was reminded for an old refusal's sake", () => {
  const node = startNode({ currentTerm: 2, log: [1, 1, 2] });
  for (const matchIndex of [1, 3]) {
    node.step({ type: "message", message: reminder(2, matchIndex) });
    assertEquals(node.raft.hasReady(), false);
  }
});

Deno.test("a leader of an earlier term reminds in vain: what it was told may rightly be gone", () => {
  const node = startNode({ currentTerm: 3, log: [1, 1, 2] });
  node.step({ type: "message", message: reminder(2, 4) });
  assertEquals(node.raft.hasReady(), false);
});

Deno.test("entries that are not durable yet were never acknowledged, and are not missed", () => {
  const node = startNode({ currentTerm: 2, log: [1, 1, 2] });
  const entries = [entryOf(4, 2)];
  const append = { prevLog: { index: 3, term: 2 }, entries, leaderCommit: 3, readRound: 1 } as const;
  node.step({ type: "message", message: { type: "AppendEntries", from: "b", to: "a", term: 2, ...append } });
  node.takeReady();
  node.step({ type: "message", message: reminder(2, 3) });
  assertEquals(node.raft.hasReady(), false);
});
