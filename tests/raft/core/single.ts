/**
 * One core alone, for tests that feed it messages by hand and look at what it says.
 *
 * @module
 */
import { simpleConfiguration } from "../../../raft/core/configuration.ts";
import type { RaftConfig } from "../../../raft/core/config.ts";
import type { AppendEntries, Message } from "../../../raft/core/message.ts";
import type { Entry, NodeId, Term } from "../../../raft/core/types.ts";
import { testConfig, TestNode } from "./cluster.ts";

/** A command entry. */
export function entryOf(index: number, term: Term, text = `${index}.${term}`): Entry {
  return { kind: "command", index, term, clusterTimeMs: 0, data: new TextEncoder().encode(text) };
}

/** Entries 1, 2, ... of the given terms. */
export function logOf(...terms: Term[]): Entry[] {
  return terms.map((term, position) => entryOf(position + 1, term));
}

/** What {@link startNode} starts from. */
export interface StartOptions {
  /** Members other than `a`; b and c by default. */
  readonly others?: readonly NodeId[];
  readonly currentTerm?: Term;
  readonly votedFor?: NodeId | null;
  /** Terms of the entries in the log. */
  readonly log?: readonly Term[];
  readonly config?: Partial<RaftConfig>;
}

/** Node `a` as it would start from the given storage. */
export function startNode(options: StartOptions = {}): TestNode {
  const configuration = simpleConfiguration(["a", ...(options.others ?? ["b", "c"])]);
  return new TestNode(testConfig("a", options.config), {
    hardState: { currentTerm: options.currentTerm ?? 0, votedFor: options.votedFor ?? null },
    snapshot: { last: { index: 0, term: 0 }, configuration },
    entries: logOf(...(options.log ?? [])),
  });
}

/** Everything the node says until it has nothing more to do, its writes finished at once. */
export function collect(node: TestNode): Message[] {
  const messages: Message[] = [];
  while (node.raft.hasReady() || node.writing !== null) {
    messages.push(...node.takeReady().messages);
    messages.push(...node.finishWrite());
  }
  return messages;
}

/** Gives the node a message and returns what it says to that. */
export function answer(node: TestNode, message: Message): Message[] {
  node.step({ type: "message", message });
  return collect(node);
}

/** An AppendEntries from `b`. */
export function appendFrom(term: Term, changes: Partial<AppendEntries> = {}): AppendEntries {
  return {
    type: "AppendEntries",
    from: "b",
    to: "a",
    term,
    prevLog: { index: 0, term: 0 },
    entries: [],
    leaderCommit: 0,
    readRound: 0,
    ...changes,
  };
}

/** Makes `a` a candidate: its PreVote is granted by everyone. Returns its RequestVotes. */
export function makeCandidate(node: TestNode): Message[] {
  for (let tick = 0; tick < 2 * node.config.electionTimeoutTicks && node.raft.status().role === "follower"; tick++) {
    node.step({ type: "tick", nowMs: 0 });
  }
  const asked = collect(node);
  const said: Message[] = [...asked];
  for (const { to, term } of asked) {
    said.push(...answer(node, { type: "PreVoteReply", from: to, to: "a", term, voteGranted: true }));
  }
  return said.filter((message) => message.type === "RequestVote");
}

/** Makes `a` leader by everyone's votes. Returns what it says as one. */
export function makeLeader(node: TestNode): Message[] {
  return makeCandidate(node).flatMap(({ to, term }) =>
    answer(node, { type: "RequestVoteReply", from: to, to: "a", term, voteGranted: true })
  );
}

/** Acknowledges the whole log in the name of `from`. */
export function acknowledge(node: TestNode, from: NodeId, matchIndex: number): Message[] {
  return answer(node, {
    type: "AppendEntriesReply",
    from,
    to: "a",
    term: node.raft.status().currentTerm,
    success: true,
    matchIndex,
    hint: { index: 0, term: 0 },
    readRound: 0,
  });
}
