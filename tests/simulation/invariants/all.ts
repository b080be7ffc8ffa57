/**
 * All invariants of a run.
 *
 * @module
 */
import type { CommittedLog } from "../committed_log.ts";
import type { NodeView } from "../node_view.ts";
import { commitAgreement } from "./commit_agreement.ts";
import { commitRule } from "./commit_rule.ts";
import { candidateIsVoter, configurationMatchesLog } from "./configurations.ts";
import { durableLog } from "./durable_log.ts";
import { durableVote } from "./durable_vote.ts";
import { electionSafety } from "./election_safety.ts";
import { exactlyOnce } from "./exactly_once.ts";
import type { Invariant } from "./invariant.ts";
import { leaderAppendOnly } from "./leader_append_only.ts";
import { leaderCompleteness } from "./leader_completeness.ts";
import { leaderLease } from "./leader_lease.ts";
import { logBound } from "./log_bound.ts";
import { logMatching } from "./log_matching.ts";
import { monotonicCommit } from "./monotonic_commit.ts";
import { nodeState, nodeStep } from "./node_consistency.ts";
import { replicaState } from "./replica_state.ts";
import { stateMachineSafety } from "./state_machine_safety.ts";

/** What invariants ask for. */
export interface InvariantContext {
  /** What the cluster has agreed on. */
  readonly committed: CommittedLog;
  /** The latest life of a node. */
  readonly viewOf: (id: string) => NodeView | undefined;
  /** Whether a node holds a lease at this moment. */
  readonly holdsLease: (node: NodeView) => boolean;
  /** The nodes that do. */
  readonly leaseHolders: () => readonly NodeView[];
  /** A repeated write was answered with the result of the first. */
  readonly onRepeat: () => void;
  /** See `MachineOptions`. */
  readonly maxRaftState: number;
}

/** Fresh invariants for one run: the special ones first, so that a report names the sharpest. */
export function allInvariants(context: InvariantContext): Invariant[] {
  const { committed, viewOf, onRepeat, maxRaftState } = context;
  return [
    electionSafety(),
    leaderLease(context),
    leaderCompleteness(committed),
    leaderAppendOnly(),
    logMatching(),
    commitRule(committed, viewOf),
    commitAgreement(committed),
    monotonicCommit(),
    configurationMatchesLog(committed),
    candidateIsVoter(),
    durableVote(),
    durableLog(),
    stateMachineSafety(),
    exactlyOnce(onRepeat),
    replicaState(),
    logBound(maxRaftState),
    nodeState(),
    nodeStep(),
  ];
}
