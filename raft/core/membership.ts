/**
 * Changing the members of a cluster through joint consensus (thesis section 4.3): C_old -> C_old,new -> C_new. Any set of
 * voters can be replaced by any other in one change; at no time can two disjoint majorities decide.
 *
 * @module
 */
import { isJoint, isVoter, jointConfiguration, leaveJoint } from "./configuration.ts";
import type { RaftEvent } from "./message.ts";
import { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import type { Configuration } from "./types.ts";

/**
 * Appends C_old,new. Refused while another change is under way, and until an entry of the leader's own term is committed
 * (Ongaro, "bug in single-server membership changes", raft-dev 2015: an earlier leader's change may still be undecided).
 */
export function changeConfiguration(state: RaftState, event: RaftEvent & { type: "changeConfiguration" }): void {
  const { effects, log, leadership } = state;
  const { proposalId, voters, learners, clusterTimeMs } = event;
  if (leadership === null) return effects.answerProposal({ kind: "refused", proposalId, reason: "notLeader" });
  if (leadership.transfer !== null) {
    return effects.answerProposal({ kind: "refused", proposalId, reason: "transferringLeadership" });
  }
  const isUndecided = log.configurationIndex > log.commitIndex || log.commitIndex < leadership.firstIndex;
  if (isUndecided || isJoint(log.configuration)) {
    return effects.answerProposal({ kind: "refused", proposalId, reason: "configurationChangeInProgress" });
  }
  const first = append(state, jointConfiguration(log.configuration, voters, learners), clusterTimeMs);
  effects.answerProposal({ kind: "accepted", proposalId, first, count: 1 });
}

function append(
  state: RaftState,
  configuration: Configuration,
  clusterTimeMs: number,
): { index: number; term: number } {
  const { log, currentTerm: term } = state;
  const index = log.last.index + 1;
  log.append({ kind: "configuration", index, term, clusterTimeMs, configuration });
  followMembers(state);
  return { index, term };
}

/** Sends to the members of the active configuration and to nobody else. */
function followMembers(state: RaftState): void {
  const { leadership, log } = state;
  if (leadership === null) return;
  const members = new Set(state.others);
  for (const id of leadership.progress.keys()) if (!members.has(id)) leadership.progress.delete(id);
  for (const id of members) {
    if (!leadership.progress.has(id)) leadership.progress.set(id, new Progress(id, log.last.index));
  }
}

/**
 * The commitIndex of a leader has moved. Once C_old,new is committed C_new is appended; once C_new is committed a leader
 * that is not part of it steps down (thesis sections 4.3 and 4.2.2).
 */
export function completeConfigurationChange(state: RaftState): void {
  const { log } = state;
  if (log.configurationIndex > log.commitIndex) return;
  if (isJoint(log.configuration)) append(state, leaveJoint(log.configuration), 0);
  else if (!isVoter(log.configuration, state.config.id)) state.becomeFollower(state.currentTerm, null);
}
