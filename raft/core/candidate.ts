/**
 * Figure 2, "Candidates", with the PreVote of thesis section 9.6.
 *
 * @module
 */
import { hasQuorum } from "./quorum.ts";
import type { PreVoteReply, RequestVoteReply } from "./message.ts";
import type { RaftState } from "./state.ts";
import { isVoter } from "./configuration.ts";
import type { NodeId } from "./types.ts";

/** What a finished count of votes asks for. */
type Tally = "won" | "lost" | "open";

function tally(state: RaftState): Tally {
  const { configuration } = state.log;
  if (hasQuorum(configuration, (member) => state.votes.get(member) === true)) return "won";
  return hasQuorum(configuration, (member) => state.votes.get(member) !== false) ? "open" : "lost";
}

function otherVoters(state: RaftState): NodeId[] {
  return state.others.filter((member) => isVoter(state.log.configuration, member));
}

/** The election timeout has passed: asks whether an election could be won. */
export function campaign(state: RaftState): void {
  // A node that may not campaign only forgets its silent leader: a candidate may need its vote, for it can be a voter by
  // now without knowing.
  if (!state.isPromotable) return state.becomeFollower(state.currentTerm, null);
  state.becomePreCandidate();
  state.votes.set(state.config.id, true);
  if (tally(state) === "won") return startElection(state, false);
  for (const to of otherVoters(state)) {
    state.effects.send({
      ...state.headerTo(to),
      type: "PreVote",
      term: state.currentTerm + 1,
      lastLog: { index: state.log.last.index, term: state.log.last.term },
    });
  }
}

/** On conversion to candidate: raise the term, vote for oneself, ask all voters (Figure 2). */
export function startElection(state: RaftState, leadershipTransfer: boolean): void {
  state.becomeCandidate();
  for (const to of otherVoters(state)) {
    state.effects.sendAfterPersist({
      ...state.headerTo(to),
      type: "RequestVote",
      lastLog: { index: state.log.last.index, term: state.log.last.term },
      leadershipTransfer,
    });
  }
}

/**
 * A write has finished. The own vote counts from here on, like everybody else's: a leader whose term is not durable could
 * lead the same term twice.
 */
export function countDurableOwnVote(state: RaftState): void {
  const { currentTerm, votedFor } = state.effects.durableHardState;
  if (state.role !== "candidate" || currentTerm !== state.currentTerm || votedFor !== state.config.id) return;
  state.votes.set(state.config.id, true);
  if (tally(state) === "won") state.becomeLeader();
}

/** Counts an answer to a PreVote. A refusal in a later term never gets here: it has made this node a follower. */
export function handlePreVoteReply(state: RaftState, reply: PreVoteReply): void {
  if (state.role !== "preCandidate") return;
  if (reply.voteGranted && reply.term !== state.currentTerm + 1) return;
  state.votes.set(reply.from, reply.voteGranted);
  const result = tally(state);
  if (result === "won") startElection(state, false);
  else if (result === "lost") state.becomeFollower(state.currentTerm, null);
}

/** Counts an answer to a RequestVote of the current term. */
export function handleRequestVoteReply(state: RaftState, reply: RequestVoteReply): void {
  if (state.role !== "candidate") return;
  state.votes.set(reply.from, reply.voteGranted);
  const result = tally(state);
  if (result === "won") state.becomeLeader();
  else if (result === "lost") state.becomeFollower(state.currentTerm, null);
}
