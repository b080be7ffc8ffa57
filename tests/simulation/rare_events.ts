/**
 * Recognizes the rare events among all that happens to nodes.
 *
 * @module
 */
import { isJoint, isVoter } from "../../raft/core/configuration.ts";
import type { Message, RaftEvent } from "../../raft/core/message.ts";
import { hasQuorum } from "../../raft/core/quorum.ts";
import type { NodeId, Term } from "../../raft/core/types.ts";
import type { CommittedLog } from "./committed_log.ts";
import type { Counters } from "./counters.ts";
import type { Execution } from "./invariants/invariant.ts";
import type { LogChange, NodeView } from "./node_view.ts";

/** Distinguishes entries of the same index and term; indexes of a simulation stay far below. */
const indexBound = 2 ** 24;

/** See the module. */
export class RareEvents {
  readonly #counters: Counters;
  readonly #committed: CommittedLog;
  readonly #candidates = new Map<Term, number>();
  readonly #ledTerms = new Set<Term>();
  /** Terms whose candidate was asked by a leader to campaign. */
  readonly #transfers = new Set<Term>();
  /** Configuration entries seen, by term and index. */
  readonly #configurationEntries = new Set<number>();
  /** The latest chunk sent on each link. */
  readonly #chunks = new Map<string, string>();

  /** Indexes of writes that came too late for their session. */
  readonly #expired = new Set<number>();

  constructor(counters: Counters, committed: CommittedLog) {
    this.#counters = counters;
    this.#committed = committed;
  }

  /** A node begins a life; `former` is the life before it. */
  started({ state }: NodeView, former: NodeView | undefined): void {
    if (state.log.snapshot.last.index > 0) this.#counters.add("start from a snapshot");
    if (former === undefined) return;
    const { currentTerm, votedFor } = former.state;
    const isLost = state.currentTerm < currentTerm || state.votedFor !== votedFor;
    if (votedFor !== null && isLost) this.#counters.add("vote lost by a crash");
  }

  /** A log has changed. */
  logChanged({ before }: NodeView, { removed, added }: LogChange): void {
    if (removed.length > 0 && added.length + removed.length > 0 && (removed[0]?.index ?? 0) <= before.last.index) {
      this.#counters.add("log truncated by a conflict");
    }
    for (const { index, term } of removed) {
      if (this.#configurationEntries.has(term * indexBound + index)) {
        this.#counters.add("configuration entry truncated");
      }
    }
    for (const entry of added) {
      if (entry.kind === "configuration") this.#configurationEntries.add(entry.term * indexBound + entry.index);
    }
  }

  /** A node has taken a step; to be called when what it commits is in the committed log. */
  stepped(view: NodeView, event: RaftEvent): void {
    const { state, before } = view;
    if (state.role !== before.role) this.#roleChanged(view, event);
    if (event.type === "snapshotSaved") {
      this.#counters.add("snapshot taken");
      if (isJoint(event.snapshot.configuration)) this.#counters.add("snapshot taken in a joint configuration");
    } else if (event.type === "snapshotReceived" && state.log.snapshot.last.index === event.snapshot.last.index) {
      this.#counters.add("snapshot installed");
    } else if (event.type === "message" && event.message.type === "Reminder") {
      this.#counters.add("follower reminded of what it has");
    }
    if (state.role === "leader" && state.log.commitIndex > before.committed.index) this.#leaderCommitted(view);
  }

  /** A read was to be answered by lease. */
  readByLease({ state: { leadership, log, config } }: NodeView, isAnswered: boolean): void {
    if (isAnswered) return this.#counters.add("read answered by lease");
    if (leadership === null || leadership.hasSentTimeoutNow || log.commitIndex < leadership.firstIndex) return;
    const hasHeard = (member: NodeId): boolean =>
      member === config.id || (leadership.progress.get(member)?.ackedRoundStartMs ?? -Infinity) > -Infinity;
    if (log.lastApplied < log.commitIndex || !hasQuorum(log.configuration, hasHeard)) return;
    this.#counters.add("read not answered by a lease that is over");
  }

  /** A message leaves. */
  sent(message: Message): void {
    if (message.type !== "InstallSnapshot") return;
    const { from, to, term, snapshot, offset } = message;
    const link = `${from}>${to}`;
    const chunk = `${term} ${snapshot.last.index} ${offset}`;
    if (this.#chunks.get(link) === chunk) this.#counters.add("snapshot chunk sent again");
    else if (offset > 0) this.#counters.add("snapshot in several chunks");
    this.#chunks.set(link, chunk);
  }

  /** A replica has executed a command. */
  executed({ result, context }: Execution): void {
    const isBatch = result.kind === "writes";
    if (isBatch) this.#counters.add("writes executed by one command");
    const isExpired = (isBatch ? result.outcomes[0] : result)?.kind === "sessionExpired";
    if (!isExpired || this.#expired.has(context.index)) return;
    this.#expired.add(context.index);
    this.#counters.add("session expired");
  }

  /** The run is over. */
  finish(): void {
    for (const [term, count] of this.#candidates) {
      if (count >= 2 && !this.#ledTerms.has(term)) this.#counters.add("split vote");
    }
  }

  #roleChanged({ state, before, hadReads }: NodeView, event: RaftEvent): void {
    const { role, currentTerm } = state;
    if (role === "candidate") this.#candidates.set(currentTerm, (this.#candidates.get(currentTerm) ?? 0) + 1);
    if (role === "leader") {
      if (this.#transfers.has(currentTerm)) this.#counters.add("leadership transferred");
      this.#ledTerms.add(currentTerm);
      this.#counters.add("leader elected");
    }
    if (before.role === "preCandidate" && role === "follower" && event.type === "message") {
      if (event.message.type === "PreVoteReply") this.#counters.add("candidate refused by pre-vote");
    }
    if (role === "candidate" && event.type === "message" && event.message.type === "TimeoutNow") {
      this.#transfers.add(currentTerm);
    }
    if (before.role !== "leader") return;
    if (hadReads) this.#counters.add("reads refused on stepping down");
    if (event.type === "tick") this.#counters.add("leader stepped down for lack of a quorum");
    else if (!isVoter(state.log.configuration, state.config.id)) this.#counters.add("leader left the configuration");
  }

  #leaderCommitted({ state, before }: NodeView): void {
    const { log, currentTerm } = state;
    let isEarlier = false;
    for (let index = before.committed.index + 1; index <= log.commitIndex; index++) {
      const term = log.termAt(index) ?? 0;
      if (this.#committed.at(index)?.committedInTerm !== currentTerm) continue;
      if (term < currentTerm) isEarlier = true;
      if (this.#configurationEntries.has(term * indexBound + index)) {
        const joint = isJoint(log.configurationAt(index));
        this.#counters.add(joint ? "joint configuration committed" : "new configuration committed");
      }
    }
    if (isEarlier) this.#counters.add("entry of an earlier term committed");
  }
}
