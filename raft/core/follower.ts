/**
 * Figure 2, "Followers": answers candidates and leaders, and campaigns when neither is heard from.
 *
 * @module
 */
import { campaign, startElection } from "./candidate.ts";
import { invariant } from "./invariant.ts";
import type { AppendEntries, InstallSnapshot, PreVote, Reminder, RequestVote, TimeoutNow } from "./message.ts";
import type { RaftState } from "./state.ts";
import type { EntryId, NodeId, SnapshotMeta } from "./types.ts";
import { zeroEntryId } from "./types.ts";

/** "If election timeout elapses without receiving AppendEntries from current leader: convert to candidate" (Figure 2). */
export function tickFollower(state: RaftState): void {
  state.electionElapsedTicks += 1;
  if (state.electionElapsedTicks >= state.electionDeadlineTicks) campaign(state);
}

/**
 * Leader stickiness (thesis section 4.2.3): whether this node has good reason to believe that a leader is alive. It then
 * ignores candidates, so that a node that was cut off or removed cannot disrupt the others, and so that a leader may count
 * on it for a while (6.4.1). A node that has just started has as good a reason: it does not know whom it heard from.
 */
export function hasLiveLeader(state: RaftState): boolean {
  return state.role === "leader" || state.ticksSinceLeader < state.config.electionTimeoutTicks;
}

/** Whether this node would vote for the candidate, its term being `request.term`. */
function canVoteFor(state: RaftState, request: PreVote | RequestVote): boolean {
  const isFree = request.term > state.currentTerm || state.votedFor === request.from ||
    (state.votedFor === null && state.leader === null);
  return isFree && state.log.isUpToDate(request.lastLog);
}

/** Answers a PreVote; changes nothing. */
export function handlePreVote(state: RaftState, request: PreVote): void {
  const voteGranted = !hasLiveLeader(state) && canVoteFor(state, request);
  state.effects.send({
    ...state.headerTo(request.from),
    type: "PreVoteReply",
    // A refusal tells the own term, so that a candidate left behind in terms catches up instead of asking for ever.
    term: voteGranted ? request.term : state.currentTerm,
    voteGranted,
  });
}

/** RequestVote RPC, receiver (Figure 2). The term is the current one. */
export function handleRequestVote(state: RaftState, request: RequestVote): void {
  const voteGranted = (request.leadershipTransfer || !hasLiveLeader(state)) && canVoteFor(state, request);
  if (voteGranted) {
    state.votedFor = request.from;
    state.resetElectionTimer();
  }
  state.effects.sendAfterPersist({ ...state.headerTo(request.from), type: "RequestVoteReply", voteGranted });
}

/** Accepts `leader`, which has spoken in the current term. */
function follow(state: RaftState, leader: NodeId): void {
  invariant(state.role !== "leader", `${leader} and ${state.config.id} both lead term ${state.currentTerm}`);
  if (state.role !== "follower" || state.leader !== leader) state.becomeFollower(state.currentTerm, leader);
  state.ticksSinceLeader = 0;
  state.electionElapsedTicks = 0;
}

/** AppendEntries RPC, receiver (Figure 2). The term is the current one. */
export function handleAppendEntries(state: RaftState, request: AppendEntries): void {
  follow(state, request.from);
  const { log, effects } = state;
  if (!log.contains(request.prevLog)) {
    effects.send({
      ...state.headerTo(request.from),
      type: "AppendEntriesReply",
      success: false,
      matchIndex: request.prevLog.index,
      hint: log.conflictHint(request.prevLog),
      readRound: request.readRound,
    });
    return;
  }
  log.reconcile(request.entries);
  const lastNew = request.prevLog.index + request.entries.length;
  // Not beyond lastNew: what follows it here has not been compared with the leader's log (Figure 2, receiver 5).
  log.commitTo(Math.min(request.leaderCommit, lastNew));
  acknowledge(state, request.from, lastNew, request.entries.length > 0, request.readRound);
}

/**
 * Tells the leader that the logs agree up to `index`. An answer to new entries waits until they are durable; one to a
 * heartbeat leaves at once and claims no more than what is durable now, so that it does not wait behind a slow fsync.
 */
function acknowledge(state: RaftState, to: NodeId, index: number, waits: boolean, readRound: number): void {
  const { log, effects } = state;
  const isDurable = index <= log.persistedIndex;
  const reply = {
    ...state.headerTo(to),
    type: "AppendEntriesReply",
    success: true,
    matchIndex: waits ? index : Math.min(index, log.persistedIndex),
    hint: zeroEntryId,
    readRound,
  } as const;
  if (waits && !isDurable) effects.sendAfterPersist(reply);
  else effects.send(reply);
}

/** Whoever has less than it has acknowledged in this term has lost it; a refusal that was merely old has led to nothing. */
export function handleReminder({ log, effects }: RaftState, { from, matchIndex }: Reminder): void {
  const last = log.last.index;
  if (last < matchIndex) effects.lose({ leader: from, matchIndex, last });
}

/** InstallSnapshot RPC, receiver (Figure 13): decides whether the chunk is wanted; the driver stores it. */
export function handleInstallSnapshot(state: RaftState, request: InstallSnapshot): void {
  follow(state, request.from);
  const { log, effects } = state;
  if (request.snapshot.last.index <= log.commitIndex) {
    acknowledge(state, request.from, request.snapshot.last.index, false, 0);
  } else effects.storeChunk(request);
}

/** A chunk is stored: asks the leader for what comes next. */
export function snapshotChunkStored(state: RaftState, from: NodeId, snapshot: EntryId, nextOffset: number): void {
  if (state.role !== "follower" || state.leader !== from) return;
  state.effects.send({ ...state.headerTo(from), type: "InstallSnapshotReply", snapshot, nextOffset });
}

/** A snapshot is whole and durable: the log now begins after it (Figure 13, receiver 6 to 8). */
export function snapshotReceived(state: RaftState, snapshot: SnapshotMeta): void {
  const { log, effects } = state;
  const { index } = snapshot.last;
  if (index > log.commitIndex) {
    // "If existing log entry has same index and term as snapshot's last included entry, retain log entries following it":
    // what the snapshot covers is then here already, and only turns out to be committed.
    if (log.last.index >= index && log.contains(snapshot.last)) log.commitTo(index);
    else {
      invariant(state.role !== "leader", "a leader's log lacks what a snapshot proves to be committed");
      log.restore(snapshot);
      effects.restore(snapshot);
    }
  }
  if (state.role === "follower" && state.leader !== null) acknowledge(state, state.leader, index, true, 0);
}

/** The leader hands over to this node: campaigns at once, without a PreVote (thesis section 3.10). */
export function handleTimeoutNow(state: RaftState, request: TimeoutNow): void {
  if (state.role !== "follower" || state.leader !== request.from || !state.isPromotable) return;
  startElection(state, true);
}
