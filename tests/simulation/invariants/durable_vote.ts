/**
 * A node votes at most once a term, whatever crashes lie between, and knows after a restart what it has voted.
 *
 * @module
 */
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function durableVote(): Invariant {
  return {
    name: "durable-vote",
    started({ label, state, promises }) {
      const { currentTerm, votedFor } = state;
      const { votedTerm, votes } = promises;
      if (currentTerm < votedTerm) return `${label} starts in term ${currentTerm}: it has voted in term ${votedTerm}`;
      const promised = votes.get(currentTerm);
      if (promised === undefined || promised === votedFor) return null;
      return `${label} starts with vote ${votedFor ?? "none"} in term ${currentTerm}: it has voted for ${promised}`;
    },
    sent({ label, promises }, message) {
      const { type, term, from, to } = message;
      const isGrant = type === "RequestVoteReply" && message.voteGranted;
      if (!isGrant && type !== "RequestVote") return null;
      const candidate = isGrant ? to : from;
      const promised = promises.votes.get(term);
      if (promised !== undefined && promised !== candidate) {
        return `${label} votes for ${candidate} in term ${term}: it has voted for ${promised}`;
      }
      promises.votes.set(term, candidate);
      promises.votedTerm = Math.max(promises.votedTerm, term);
      return null;
    },
  };
}
