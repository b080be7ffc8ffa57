/**
 * Mistakes in terms, votes and elections.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const raft = "raft/core/raft.ts";
const state = "raft/core/state.ts";
const candidate = "raft/core/candidate.ts";
const follower = "raft/core/follower.ts";
const leader = "raft/core/leader.ts";
const log = "raft/core/log.ts";

/** See the module. */
export const electionMutants: readonly Mutant[] = [
  {
    name: "stale-term-accepted",
    origin: "paper Figure 2, AppendEntries and RequestVote, receiver 1",
    file: raft,
    find:
      `} else if (message.term < state.currentTerm && message.type !== "ReadIndex") return this.#refuseStale(message);`,
    replace: "}",
    whyItMatters: "a deposed leader goes on writing, and old votes count in a new election",
  },
  {
    name: "stale-term-ignored",
    origin: "etcd 8243 and 9586",
    knownBug: 9,
    file: raft,
    find: `    const header = state.headerTo(message.from);
    switch (message.type) {`,
    replace: `    const header = state.headerTo(message.from);
    if (message.term < state.currentTerm) return;
    switch (message.type) {`,
    whyItMatters: "a node behind in terms never learns the current one; if only it can win, nobody leads",
    focus: "elections",
  },
  {
    name: "leader-ignores-later-term",
    origin: "paper 5.1: a leader that finds its term out of date reverts to follower",
    file: raft,
    find: "if (adoptsTerm(message)) {",
    replace: `if (adoptsTerm(message) && state.role !== "leader") {`,
    whyItMatters: "two leaders stay, and the old one takes replies of another term for its own",
  },
  {
    name: "pre-vote-terms-adopted",
    origin: "thesis 9.6: the terms of pre-candidates are hypothetical",
    file: raft,
    find: `return message.type !== "PreVote" && !(message.type === "PreVoteReply" && message.voteGranted);`,
    replace: "return message.type !== null;",
    whyItMatters: "whoever asks around raises everybody's term, and nobody gets elected",
  },
  {
    name: "without-pre-vote",
    origin: "thesis 9.6; etcd 12959",
    knownBug: 10,
    file: candidate,
    find: `if (tally(state) === "won") return startElection(state, false);
  for`,
    replace: `if (tally(state) !== null) return startElection(state, false);
  for`,
    whyItMatters: "a node that was cut off comes back with a higher term and deposes a leader that did nothing wrong",
  },
  {
    name: "leader-not-sticky",
    origin: "thesis 4.2.3; etcd 14893",
    knownBug: 10,
    file: follower,
    find: `return state.role === "leader" || state.ticksSinceLeader < state.config.electionTimeoutTicks;`,
    replace: `return state.role === "leader";`,
    whyItMatters: "a node that cannot hear the leader deposes it again and again",
  },
  {
    name: "without-check-quorum",
    origin: "thesis 6.2",
    file: leader,
    find: "if (!checkQuorum(state, leadership)) return state.becomeFollower(state.currentTerm, null);",
    replace: "checkQuorum(state, leadership);",
    whyItMatters: "a leader that cannot hear the others keeps them from electing one that can",
  },
  {
    name: "vote-kept-across-terms",
    origin: "paper Figure 2: votedFor is the vote in the current term",
    file: state,
    find: `      this.currentTerm = term;
      this.votedFor = null;`,
    replace: "      this.currentTerm = term;",
    whyItMatters: "a vote once given can never be given to anybody else",
  },
  {
    name: "second-vote-in-a-term",
    origin: "paper 5.2: each server votes for at most one candidate in a term",
    file: follower,
    find: "const isFree = request.term > state.currentTerm || state.votedFor === request.from ||",
    replace: "const isFree = request.term >= state.currentTerm || state.votedFor === request.from ||",
    whyItMatters: "two candidates win the same term",
    provokes: ["election-safety"],
  },
  {
    name: "vote-forgotten-at-restart",
    origin: "paper Figure 2, persistent state",
    knownBug: 17,
    file: state,
    find: "this.votedFor = isBehind ? null : initial.hardState.votedFor;",
    replace: "this.votedFor = null;",
    whyItMatters: "a node that crashes votes twice in a term",
  },
  {
    name: "term-forgotten-at-restart",
    origin: "paper Figure 2, persistent state",
    knownBug: 17,
    file: state,
    find: "this.currentTerm = isBehind ? this.log.last.term : initial.hardState.currentTerm;",
    replace: "this.currentTerm = this.log.last.term;",
    also: [{
      file: state,
      find: "this.votedFor = isBehind ? null : initial.hardState.votedFor;",
      replace: "this.votedFor = null;",
    }],
    whyItMatters: "a node that crashes votes in terms that it had left behind",
  },
  {
    name: "vote-told-before-durable",
    origin: "paper 5.2 and Figure 2: state is updated on stable storage before responding",
    knownBug: 17,
    file: follower,
    find: `state.effects.sendAfterPersist({ ...state.headerTo(request.from), type: "RequestVoteReply", voteGranted });`,
    replace: `state.effects.send({ ...state.headerTo(request.from), type: "RequestVoteReply", voteGranted });`,
    whyItMatters: "a power cut between the two lets the node vote again",
    provokes: ["durable-vote"],
  },
  {
    name: "candidacy-told-before-durable",
    origin: "paper Figure 2: a candidate's own vote is a vote like any other",
    knownBug: 17,
    file: candidate,
    find: "state.effects.sendAfterPersist({",
    replace: "state.effects.send({",
    whyItMatters: "a candidate that loses power forgets its own vote and gives it to another",
  },
  {
    name: "leads-before-own-vote-is-durable",
    origin: "paper Figure 2: a candidate's own vote is a vote like any other",
    knownBug: 17,
    file: candidate,
    find: "  state.becomeCandidate();\n",
    replace: `  state.becomeCandidate();
  state.votes.set(state.config.id, true);
  if (tally(state) === "won") return state.becomeLeader();
`,
    also: [{
      file: "raft/core/state.ts",
      find:
        `    invariant(this.effects.durableHardState.currentTerm === this.currentTerm, "the own vote is not durable");\n`,
      replace: "",
    }],
    whyItMatters: "a leader that loses power may lead the same term again",
  },
  {
    name: "up-to-date-without-terms",
    origin: "paper 5.4.1",
    file: log,
    find: "return candidate.term > last.term || (candidate.term === last.term && candidate.index >= last.index);",
    replace: "return candidate.index >= last.index;",
    whyItMatters: "a long log of an old term beats a committed entry",
    provokes: ["leader-completeness"],
  },
  {
    name: "up-to-date-without-indexes",
    origin: "paper 5.4.1; Redis-Raft 14",
    knownBug: 13,
    file: log,
    find: "return candidate.term > last.term || (candidate.term === last.term && candidate.index >= last.index);",
    replace: "return candidate.term >= last.term;",
    whyItMatters: "a node that lacks committed entries of the last term is elected, and they are lost",
  },
  {
    name: "quorum-off-by-one",
    origin: "paper 5.2: a majority",
    file: "raft/core/quorum.ts",
    find: "const majority = Math.floor(count / 2) + 1;",
    replace: "const majority = Math.ceil(count / 2);",
    whyItMatters: "two halves of an even cluster both decide",
  },
  {
    name: "heartbeats-do-not-count",
    origin: "paper 5.2: a server remains a follower as long as it receives valid RPCs",
    knownBug: 13,
    file: follower,
    find: `  state.electionElapsedTicks = 0;
}`,
    replace: "}",
    whyItMatters: "elections without end in a cluster that has nothing wrong with it",
  },
  {
    name: "election-timeout-not-random",
    origin: "paper 5.2: randomized election timeouts",
    knownBug: 13,
    file: state,
    find: "this.electionDeadlineTicks = electionTimeoutTicks + Math.floor(random() * electionTimeoutTicks);",
    replace: "this.electionDeadlineTicks = electionTimeoutTicks + Math.floor(random() * 0);",
    whyItMatters: "votes are split again and again",
    focus: "elections",
  },
];
