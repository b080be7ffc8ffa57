/**
 * Figure 2, "Leaders": takes proposals, keeps the followers' logs equal to its own, decides what is committed, and steps
 * down when it no longer hears from a quorum (CheckQuorum, thesis section 6.2).
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import { completeConfigurationChange } from "./membership.ts";
import type { AppendEntriesReply, InstallSnapshotReply, RaftEvent } from "./message.ts";
import type { Progress } from "./progress.ts";
import { hasQuorum, quorumMin } from "./quorum.ts";
import type { Leadership, RaftState } from "./state.ts";
import type { Entry, EntryId, NodeId } from "./types.ts";
import { zeroEntryId } from "./types.ts";

/** The leadership of a node that is known to lead. */
function leadershipOf(state: RaftState): Leadership {
  invariant(state.leadership !== null, `a ${state.role} was asked to act as leader`);
  return state.leadership;
}

/** "If command received from client: append entry to local log" (Figure 2). */
export function propose(state: RaftState, event: RaftEvent & { type: "propose" }): void {
  const { proposalId, commands, clusterTimeMs } = event;
  const { log, effects, leadership } = state;
  if (leadership === null) return effects.answerProposal({ kind: "refused", proposalId, reason: "notLeader" });
  if (leadership.transfer !== null) {
    return effects.answerProposal({ kind: "refused", proposalId, reason: "transferringLeadership" });
  }
  if (leadership.uncommittedBytes >= state.config.maxUncommittedBytes) {
    return effects.answerProposal({ kind: "refused", proposalId, reason: "overloaded" });
  }
  const term = state.currentTerm;
  const first: EntryId = { index: log.last.index + 1, term };
  let index = first.index;
  for (const data of commands) {
    log.append({ kind: "command", index, term, clusterTimeMs, data });
    leadership.uncommittedBytes += data.length;
    index += 1;
  }
  effects.answerProposal({ kind: "accepted", proposalId, first, count: commands.length });
}

/** Sends what the windows allow. Called once per Ready, so that all proposals of a turn leave in one message. */
export function replicate(state: RaftState): void {
  const leadership = leadershipOf(state);
  startReadRound(state, leadership);
  const last = state.log.last.index;
  let latest: readonly Entry[] = [];
  for (const progress of leadership.progress.values()) {
    while (progress.nextIndex <= last && progress.canSend(state.config.maxInflightAppends)) {
      // Followers that are equally far get the very same array, so that a transport may encode it once.
      if (latest[0]?.index !== progress.nextIndex) latest = nextEntries(state, progress);
      sendAppend(state, leadership, progress, latest);
    }
  }
}

/** What to send next; empty when it is compacted away. */
function nextEntries({ log, config }: RaftState, { nextIndex }: Progress): readonly Entry[] {
  return nextIndex < log.firstIndex ? [] : log.slice(nextIndex, config.maxAppendEntries, config.maxAppendBytes);
}

/** Whether {@link replicate} would send anything. */
export function hasToReplicate(state: RaftState): boolean {
  const { leadership, log, config } = state;
  if (leadership === null) return false;
  if (leadership.reads.hasWaiting && log.commitIndex >= leadership.firstIndex) return true;
  for (const progress of leadership.progress.values()) {
    if (progress.nextIndex <= log.last.index && progress.canSend(config.maxInflightAppends)) return true;
  }
  return false;
}

function sendAppend(
  state: RaftState,
  leadership: Leadership,
  progress: Progress,
  entries: readonly Entry[],
): void {
  const { log, effects } = state;
  const previous = progress.nextIndex - 1;
  const term = log.termAt(previous);
  if (term === undefined) return startSnapshot(state, progress);
  progress.sent(previous + entries.length);
  effects.send({
    ...state.headerTo(progress.id),
    type: "AppendEntries",
    prevLog: { index: previous, term },
    entries,
    leaderCommit: log.commitIndex,
    readRound: leadership.reads.lastRound,
  });
}

/**
 * Sends a heartbeat to everyone, for the round that has just begun. It carries the position up to which entries have been
 * *sent*, so that its refusal shows that some were lost; to a follower that is receiving a snapshot it claims nothing.
 */
export function broadcastHeartbeat(state: RaftState): void {
  const leadership = leadershipOf(state);
  leadership.heartbeatElapsedTicks = 0;
  leadership.roundTimes.note(leadership.reads.lastRound, state.tickedAtMs);
  for (const progress of leadership.progress.values()) {
    const index = progress.nextIndex - 1;
    // What was sent last may be lost *and* compacted away meanwhile; then only a snapshot can tell.
    if (progress.state !== "snapshot" && state.log.termAt(index) === undefined) startSnapshot(state, progress);
    const term = progress.state === "snapshot" ? undefined : state.log.termAt(index);
    state.effects.send({
      ...state.headerTo(progress.id),
      type: "AppendEntries",
      prevLog: term === undefined ? zeroEntryId : { index, term },
      entries: [],
      leaderCommit: state.log.commitIndex,
      readRound: leadership.reads.lastRound,
    });
  }
}

/** One tick of a leader. */
export function tickLeader(state: RaftState): void {
  const leadership = leadershipOf(state);
  const { config } = state;
  // Before it is forgotten who was heard from.
  for (const progress of leadership.progress.values()) tickTransfer(state, progress);
  state.electionElapsedTicks += 1;
  if (state.electionElapsedTicks >= config.electionTimeoutTicks) {
    state.electionElapsedTicks = 0;
    if (!checkQuorum(state, leadership)) return state.becomeFollower(state.currentTerm, null);
  }
  const { transfer } = leadership;
  if (transfer !== null && ++transfer.elapsedTicks >= config.electionTimeoutTicks) leadership.transfer = null;
  leadership.heartbeatElapsedTicks += 1;
  if (leadership.heartbeatElapsedTicks < config.heartbeatTicks) return;
  leadership.reads.startEmptyRound();
  broadcastHeartbeat(state);
}

/** Whether a quorum was heard from since the last check. */
function checkQuorum(state: RaftState, leadership: Leadership): boolean {
  const isActive = (member: NodeId): boolean =>
    member === state.config.id || leadership.progress.get(member)?.recentActive === true;
  const holds = hasQuorum(state.log.configuration, isActive);
  for (const progress of leadership.progress.values()) progress.recentActive = false;
  return holds;
}

/** Takes a follower's answer to entries, a heartbeat or a finished snapshot. */
export function handleAppendEntriesReply(state: RaftState, reply: AppendEntriesReply): void {
  const { leadership, log } = state;
  const progress = leadership?.progress.get(reply.from);
  if (leadership === null || progress === undefined) return;
  progress.recentActive = true;
  if (reply.readRound > progress.ackedReadRound && reply.readRound <= leadership.reads.lastRound) {
    progress.ackedReadRound = reply.readRound;
    progress.ackedRoundStartMs = leadership.roundTimes.of(reply.readRound);
    confirmReads(state, leadership);
  }
  if (!reply.success) return handleRejection(state, progress, reply);
  // No follower can agree with more than there is: such a reply is none of ours.
  if (reply.matchIndex > log.last.index) return;
  const isNews = progress.matched(reply.matchIndex);
  if (progress.state === "probe") progress.becomeReplicate();
  else if (progress.transfer !== null) {
    // The snapshot is installed, though the log may begin later by now; or it is not needed any more.
    const isInstalled = progress.matchIndex >= progress.transfer.snapshot.last.index;
    if (isInstalled || progress.matchIndex + 1 >= log.firstIndex) progress.becomeProbe(progress.matchIndex + 1);
  }
  if (isNews) advanceCommitIndex(state);
  hurrySuccessor(state);
}

/** "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry", a whole term at a time (5.3). */
function handleRejection(state: RaftState, progress: Progress, reply: AppendEntriesReply): void {
  const rejectedIndex = reply.matchIndex;
  if (progress.state === "snapshot") return;
  if (rejectedIndex <= progress.matchIndex) return remind(state, progress);
  // While probing only the refusal of the probe itself says anything; an older one was answered already.
  if (progress.state === "probe" && rejectedIndex !== progress.nextIndex - 1) return;
  progress.becomeProbe(state.log.conflictHint(reply.hint).index + 1);
}

/** A refusal of what was acknowledged before is an old one, or its sender has lost that since: it knows which. */
function remind(state: RaftState, { id, matchIndex }: Progress): void {
  if (matchIndex > 0) state.effects.send({ ...state.headerTo(id), type: "Reminder", matchIndex });
}

/**
 * Figure 2, last rule for leaders: commits what a quorum holds durably, but counts replicas only for an entry of its own
 * term; earlier ones are committed by what follows them (5.4.2, Figure 8).
 */
export function advanceCommitIndex(state: RaftState): void {
  const leadership = leadershipOf(state);
  const { log, config } = state;
  const reached = quorumMin(
    log.configuration,
    (member) => member === config.id ? log.persistedIndex : leadership.progress.get(member)?.matchIndex ?? 0,
  );
  if (reached <= log.commitIndex || log.termAt(reached) !== state.currentTerm) return;
  leadership.uncommittedBytes -= log.bytesBetween(log.commitIndex, reached);
  invariant(leadership.uncommittedBytes >= 0, "uncommittedBytes fell below zero");
  log.commitTo(reached);
  completeConfigurationChange(state);
}

function startSnapshot(state: RaftState, progress: Progress): void {
  progress.becomeSnapshot(state.log.snapshot);
  requestChunk(state, progress);
}

function requestChunk(state: RaftState, progress: Progress): void {
  const { transfer } = progress;
  if (transfer === null) return;
  transfer.idleTicks = 0;
  state.effects.sendSnapshot({
    to: progress.id,
    snapshot: transfer.snapshot,
    offset: transfer.nextOffset,
    term: state.currentTerm,
  });
}

/**
 * A chunk or its answer may be lost: sends it again when nothing has moved for a while. A follower that has nothing yet and is
 * not there gets the latest snapshot in its place: when it is back, the log behind an older one is gone.
 */
function tickTransfer(state: RaftState, progress: Progress): void {
  const { transfer } = progress;
  if (transfer === null || ++transfer.idleTicks < state.config.electionTimeoutTicks) return;
  if (transfer.nextOffset === 0 && !progress.recentActive) startSnapshot(state, progress);
  else requestChunk(state, progress);
}

/** Sends the chunk that follows what the follower has. A repeated answer asks for nothing new. */
export function handleInstallSnapshotReply(state: RaftState, reply: InstallSnapshotReply): void {
  const progress = state.leadership?.progress.get(reply.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  const { transfer } = progress;
  if (transfer === null || !progress.isSending(reply.snapshot) || reply.nextOffset === transfer.nextOffset) return;
  // An offset that falls back means that the follower has lost what it had, by a restart: start over from there.
  transfer.nextOffset = reply.nextOffset;
  requestChunk(state, progress);
}

/** The snapshot under way was replaced by newer ones: begins again with the latest. */
export function snapshotUnavailable(state: RaftState, to: NodeId, snapshot: EntryId): void {
  const progress = state.leadership?.progress.get(to);
  if (progress !== undefined && progress.isSending(snapshot)) startSnapshot(state, progress);
}

/** Starts a round for the reads that wait, once the no-op of this term is committed (thesis section 6.4, step 1). */
function startReadRound(state: RaftState, leadership: Leadership): void {
  if (!leadership.reads.hasWaiting || state.log.commitIndex < leadership.firstIndex) return;
  leadership.reads.startRound(state.log.commitIndex);
  broadcastHeartbeat(state);
  confirmReads(state, leadership);
}

function confirmReads(state: RaftState, leadership: Leadership): void {
  if (!leadership.reads.hasUnconfirmed) return;
  const { lastRound } = leadership.reads;
  const round = quorumMin(
    state.log.configuration,
    (member) => member === state.config.id ? lastRound : leadership.progress.get(member)?.ackedReadRound ?? 0,
  );
  for (const { from, context, index } of leadership.reads.confirm(round)) {
    if (from === null) state.effects.answerRead({ kind: "ready", context, index });
    else state.effects.send({ ...state.headerTo(from), type: "ReadIndexReply", context, index });
  }
}

/** Begins to hand leadership over (thesis section 3.10): no new proposals until the successor leads or time is up. */
export function transferLeader(state: RaftState, to: NodeId): void {
  const { leadership } = state;
  if (leadership === null || !leadership.progress.has(to) || !state.log.configuration.voters.includes(to)) return;
  leadership.transfer = { to, elapsedTicks: 0, timeoutNowSent: false };
  hurrySuccessor(state);
}

/** Tells the successor to campaign as soon as it has the whole log. */
function hurrySuccessor(state: RaftState): void {
  const { leadership } = state;
  const transfer = leadership?.transfer;
  if (!leadership || !transfer || transfer.timeoutNowSent) return;
  if (leadership.progress.get(transfer.to)?.matchIndex !== state.log.last.index) return;
  transfer.timeoutNowSent = true;
  leadership.hasSentTimeoutNow = true;
  state.effects.send({ ...state.headerTo(transfer.to), type: "TimeoutNow" });
}
