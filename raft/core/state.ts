/**
 * Figure 2, "State", and the only places where the role of a node changes.
 *
 * @module
 */
import type { RaftConfig } from "./config.ts";
import { isVoter, membersOf } from "./configuration.ts";
import { Effects } from "./effects.ts";
import { invariant } from "./invariant.ts";
import { RaftLog } from "./log.ts";
import type { MessageHeader } from "./message.ts";
import { Progress } from "./progress.ts";
import { ReadIndexQueue } from "./read_index.ts";
import { RoundTimes } from "./round_times.ts";
import type { Entry, HardState, LogIndex, NodeId, Role, SnapshotMeta, Term } from "./types.ts";
import { maxTerm } from "./types.ts";

/** What stable storage held. */
export interface InitialState {
  /** Term and vote. */
  readonly hardState: HardState;
  /** The newest snapshot; at index 0 when there is none. */
  readonly snapshot: SnapshotMeta;
  /** The entries right behind it. */
  readonly entries: readonly Entry[];
}

/** What only a leader has (Figure 2, "Volatile state on leaders"). */
export interface Leadership {
  /** Index of the no-op this leader began its term with; reads wait until it is committed (thesis section 6.4). */
  readonly firstIndex: LogIndex;
  /** One per member other than itself. */
  readonly progress: Map<NodeId, Progress>;
  /** Linearizable reads under way. */
  readonly reads: ReadIndexQueue;
  /** When the latest rounds began, for reads by lease (thesis section 6.4.1). */
  readonly roundTimes: RoundTimes;
  /** Ticks since the last heartbeat. */
  heartbeatElapsedTicks: number;
  /** Bytes of commands behind commitIndex; refuses proposals beyond RaftConfig.maxUncommittedBytes. */
  uncommittedBytes: number;
  /** The successor while leadership is being handed over (thesis section 3.10). */
  transfer: { readonly to: NodeId; elapsedTicks: number; timeoutNowSent: boolean } | null;
  /** Whether anyone was ever told in this term to campaign at once: no lease holds from then on (thesis section 6.4.1). */
  hasSentTimeoutNow: boolean;
}

/** The state of one node. */
export class RaftState {
  /** Settings. */
  readonly config: RaftConfig;
  /** The log. */
  readonly log: RaftLog;
  /** Effects not handed out yet. */
  readonly effects: Effects;
  /** Latest term seen; only grows. */
  currentTerm: Term;
  /** Vote of this node in currentTerm; changes from null at most once a term. */
  votedFor: NodeId | null;
  /** See {@link Role}. */
  role: Role = "follower";
  /** The leader of currentTerm, as far as known. */
  leader: NodeId | null = null;
  /** Ticks since the leader was heard from, or since the campaign began; for a leader, since the last CheckQuorum. */
  electionElapsedTicks = 0;
  /**
   * Ticks since a leader of any term was heard from, or since the start, for what was heard before that is forgotten. Never
   * reset by a campaign or a change of term: whom this node heard from may still count on it. >= electionElapsedTicks,
   * unless role is leader.
   */
  ticksSinceLeader = 0;
  /** The driver's monotonic time at the latest tick, in milliseconds; -Infinity before the first. */
  tickedAtMs = -Infinity;
  /** Campaign when electionElapsedTicks reaches this: uniform in [electionTimeoutTicks, 2 * electionTimeoutTicks). */
  electionDeadlineTicks = 0;
  /** Answers to a campaign, the own one included. */
  readonly votes: Map<NodeId, boolean> = new Map();
  /** Present exactly while role is leader. */
  leadership: Leadership | null = null;

  /** Starts as a follower, whatever the node was before. */
  constructor(config: RaftConfig, initial: InitialState) {
    this.config = config;
    this.log = new RaftLog(initial.snapshot, initial.entries);
    this.effects = new Effects(initial.hardState);
    // A received snapshot may have become durable just before the term in which it came; had this node voted in that
    // term, the vote would be durable too.
    const isBehind = initial.hardState.currentTerm < this.log.last.term;
    this.currentTerm = isBehind ? this.log.last.term : initial.hardState.currentTerm;
    this.votedFor = isBehind ? null : initial.hardState.votedFor;
    this.resetElectionTimer();
  }

  /** Term and vote as they must be stored. */
  get hardState(): HardState {
    return { currentTerm: this.currentTerm, votedFor: this.votedFor };
  }

  /**
   * Whether this node may campaign. One that its latest configuration leaves out still may while that configuration is not
   * known to be committed: its log may be the only one good enough (thesis section 4.2.2). Its own vote does not count.
   */
  get isPromotable(): boolean {
    const { log, config } = this;
    if (isVoter(log.configuration, config.id)) return true;
    return log.configurationIndex > log.commitIndex &&
      isVoter(log.configurationAt(log.configurationIndex - 1), config.id);
  }

  /** The part that every message has in common. */
  headerTo(to: NodeId): MessageHeader {
    return { from: this.config.id, to, term: this.currentTerm };
  }

  /** Members other than this node. */
  get others(): NodeId[] {
    return membersOf(this.log.configuration).filter((member) => member !== this.config.id);
  }

  /** Draws a new election timeout (paper section 5.2). */
  resetElectionTimer(): void {
    const { electionTimeoutTicks, random } = this.config;
    this.electionElapsedTicks = 0;
    this.electionDeadlineTicks = electionTimeoutTicks + Math.floor(random() * electionTimeoutTicks);
  }

  /** Follows `leader`, or nobody known yet, in `term`, which is the current one or a later one. */
  becomeFollower(term: Term, leader: NodeId | null): void {
    invariant(term >= this.currentTerm, `currentTerm would fall from ${this.currentTerm} to ${term}`);
    if (term > this.currentTerm) {
      this.currentTerm = term;
      this.votedFor = null;
    }
    // Reads that a former leader could not confirm must be asked anew: somebody else may have written since.
    this.leadership?.reads.refuseAll(this.effects);
    this.leadership = null;
    this.role = "follower";
    this.leader = leader;
    this.votes.clear();
    this.resetElectionTimer();
  }

  /** Asks around before campaigning; term and vote stay (thesis section 9.6). */
  becomePreCandidate(): void {
    invariant(this.role !== "leader", "a leader does not campaign");
    this.role = "preCandidate";
    this.leader = null;
    this.votes.clear();
    this.resetElectionTimer();
  }

  /** Figure 2, "Candidates": raises the term and votes for itself. The vote counts once it is durable. */
  becomeCandidate(): void {
    invariant(this.role !== "leader", "a leader does not campaign");
    invariant(this.isPromotable, "only a voter campaigns");
    invariant(this.currentTerm < maxTerm, `currentTerm ${this.currentTerm} cannot grow any more`);
    this.currentTerm += 1;
    this.votedFor = this.config.id;
    this.role = "candidate";
    this.leader = null;
    this.votes.clear();
    this.resetElectionTimer();
  }

  /** Figure 2, "Leaders": knows nothing of its followers yet, and begins the term with a no-op. */
  becomeLeader(): void {
    invariant(this.role === "candidate", `a ${this.role} cannot become leader`);
    invariant(this.effects.durableHardState.currentTerm === this.currentTerm, "the own vote is not durable");
    const { log } = this;
    const uncommittedBytes = log.bytesBetween(log.commitIndex, log.last.index);
    const firstIndex = log.last.index + 1;
    log.append({ kind: "noop", index: firstIndex, term: this.currentTerm, clusterTimeMs: 0 });
    this.role = "leader";
    this.leader = this.config.id;
    this.votes.clear();
    this.electionElapsedTicks = 0;
    this.leadership = {
      firstIndex,
      progress: new Map(this.others.map((member) => [member, new Progress(member, firstIndex)])),
      reads: new ReadIndexQueue(),
      roundTimes: new RoundTimes(this.config.electionTimeoutTicks),
      heartbeatElapsedTicks: 0,
      uncommittedBytes,
      transfer: null,
      hasSentTimeoutNow: false,
    };
  }
}
