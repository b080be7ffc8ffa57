/**
 * Raft as a pure state machine: {@link Raft.step} takes what happened, {@link Raft.takeReady} says what is to be done.
 * This file holds the rules for all servers (Figure 2, "All Servers") and sends the rest to the role they belong to.
 *
 * @module
 */
import { countDurableOwnVote, handlePreVoteReply, handleRequestVoteReply } from "./candidate.ts";
import type { RaftConfig } from "./config.ts";
import { validateConfig } from "./config.ts";
import * as follower from "./follower.ts";
import { unreachable } from "./invariant.ts";
import * as leader from "./leader.ts";
import { leaseIndex } from "./lease.ts";
import { changeConfiguration } from "./membership.ts";
import type { Message, RaftEvent, ReadIndex } from "./message.ts";
import type { Ready } from "./ready.ts";
import type { InitialState } from "./state.ts";
import { RaftState } from "./state.ts";
import type { RaftStatus } from "./status.ts";
import { statusOf } from "./status.ts";
import type { LogIndex, NodeId, Role, Term } from "./types.ts";
import { zeroEntryId } from "./types.ts";

/** One member of a Raft cluster. Not to be used again after it has thrown. */
export class Raft {
  readonly #state: RaftState;

  /** Starts as a follower from what stable storage held; the snapshot's content counts as applied. */
  constructor(config: RaftConfig, initial: InitialState) {
    validateConfig(config);
    this.#state = new RaftState(config, initial);
  }

  /** The whole state, for invariant checks; nobody else may look. */
  get state(): RaftState {
    return this.#state;
  }

  /** Takes in one event. Its effects show in the next Ready. */
  step(event: RaftEvent): void {
    const state = this.#state;
    switch (event.type) {
      case "tick":
        state.tickedAtMs = event.nowMs;
        state.ticksSinceLeader += 1;
        return state.role === "leader" ? leader.tickLeader(state) : follower.tickFollower(state);
      case "message":
        return this.#receive(event.message);
      case "propose":
        return leader.propose(state, event);
      case "readIndex":
        return this.#read(event.context);
      case "persisted":
        state.effects.persisted(event.last);
        state.log.persisted(event.last);
        countDurableOwnVote(state);
        return state.role === "leader" ? leader.advanceCommitIndex(state) : undefined;
      case "applied":
        return state.log.applied(event.index);
      case "snapshotSaved":
        return state.log.compactTo(event.snapshot, state.config.maxRetainedBytes);
      case "snapshotChunkStored":
        return follower.snapshotChunkStored(state, event.from, event.snapshot, event.nextOffset);
      case "snapshotReceived":
        return follower.snapshotReceived(state, event.snapshot);
      case "snapshotUnavailable":
        return leader.snapshotUnavailable(state, event.to, event.snapshot);
      case "transferLeader":
        return leader.transferLeader(state, event.to);
      case "changeConfiguration":
        return changeConfiguration(state, event);
      default:
        return unreachable(event);
    }
  }

  /** Whether {@link takeReady} would hand out anything. */
  hasReady(): boolean {
    const state = this.#state;
    return state.effects.hasAny(state.hardState, state.log) || leader.hasToReplicate(state);
  }

  /** Hands out the effects since the last call; see `ready.ts` for the order in which they must be honoured. */
  takeReady(): Ready {
    const state = this.#state;
    if (state.role === "leader") leader.replicate(state);
    return state.effects.take(state.hardState, state.log, state.config.maxApplyBytes);
  }

  /** See {@link leaseIndex}. */
  leaseIndex(nowMs: number): LogIndex | null {
    return leaseIndex(this.#state, nowMs);
  }

  /** The role. Part of {@link status}, as the next two, but for nothing. */
  get role(): Role {
    return this.#state.role;
  }

  /** Latest term seen. */
  get currentTerm(): Term {
    return this.#state.currentTerm;
  }

  /** The leader of that term, as far as known. */
  get leader(): NodeId | null {
    return this.#state.leader;
  }

  /** A copy of what is worth showing. */
  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower" (Figure 2). */
  #receive(message: Message): void {
    const state = this.#state;
    if (message.to !== state.config.id || message.from === state.config.id) return;
    if (message.term > state.currentTerm) {
      if (this.#isIgnored(message)) return;
      if (adoptsTerm(message)) {
        const isLeader = message.type === "AppendEntries" || message.type === "InstallSnapshot";
        state.becomeFollower(message.term, isLeader ? message.from : null);
      }
    } else if (message.term < state.currentTerm && message.type !== "ReadIndex") return this.#refuseStale(message);
    this.#dispatch(message);
  }

  /** A candidate that would depose a live leader is not answered at all, nor is its term adopted (thesis 4.2.3). */
  #isIgnored(message: Message): boolean {
    return message.type === "RequestVote" && !message.leadershipTransfer && follower.hasLiveLeader(this.#state);
  }

  #dispatch(message: Message): void {
    const state = this.#state;
    switch (message.type) {
      case "PreVote":
        return follower.handlePreVote(state, message);
      case "PreVoteReply":
        return handlePreVoteReply(state, message);
      case "RequestVote":
        return follower.handleRequestVote(state, message);
      case "RequestVoteReply":
        return handleRequestVoteReply(state, message);
      case "AppendEntries":
        return follower.handleAppendEntries(state, message);
      case "AppendEntriesReply":
        return leader.handleAppendEntriesReply(state, message);
      case "InstallSnapshot":
        return follower.handleInstallSnapshot(state, message);
      case "InstallSnapshotReply":
        return leader.handleInstallSnapshotReply(state, message);
      case "Reminder":
        return follower.handleReminder(state, message);
      case "TimeoutNow":
        return follower.handleTimeoutNow(state, message);
      case "ReadIndex":
        return this.#readFor(message);
      case "ReadIndexReply":
        return state.effects.answerRead({ kind: "ready", context: message.context, index: message.index });
      default:
        return unreachable(message);
    }
  }

  /**
   * A message of an earlier term has no effect; its sender is told the current term, or a deposed leader and a candidate
   * left behind would never learn it (etcd issues 8243 and 9586).
   */
  #refuseStale(message: Message): void {
    const state = this.#state;
    const header = state.headerTo(message.from);
    switch (message.type) {
      case "PreVote":
        return state.effects.send({ ...header, type: "PreVoteReply", voteGranted: false });
      case "RequestVote":
        return state.effects.send({ ...header, type: "RequestVoteReply", voteGranted: false });
      case "AppendEntries":
      case "InstallSnapshot":
        return state.effects.send({
          ...header,
          type: "AppendEntriesReply",
          success: false,
          matchIndex: 0,
          hint: zeroEntryId,
          readRound: 0,
        });
      default:
        return;
    }
  }

  #read(context: number): void {
    const { leadership, leader, effects } = this.#state;
    if (leadership !== null) leadership.reads.add({ from: null, context });
    else if (leader !== null) effects.send({ ...this.#state.headerTo(leader), type: "ReadIndex", context });
    else effects.answerRead({ kind: "refused", context });
  }

  /** A follower asks. A node that does not lead stays silent: the asker tries again with whoever leads by then. */
  #readFor(message: ReadIndex): void {
    this.#state.leadership?.reads.add({ from: message.from, context: message.context });
  }
}

/** The terms of pre-candidates are hypothetical: nobody adopts them, nor those of the grants that echo them. */
function adoptsTerm(message: Message): boolean {
  return message.type !== "PreVote" && !(message.type === "PreVoteReply" && message.voteGranted);
}
