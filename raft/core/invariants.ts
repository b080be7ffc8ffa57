/**
 * What must hold of a node at every moment, and between any two moments. Pure functions over the state: every test's
 * teardown and every step of the simulation calls them (habit of LogCabin's RaftConsensusInvariants).
 *
 * @module
 */
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import type { EntryId, LogIndex, NodeId, Role, Term } from "./types.ts";

/** What of a node's past its present must agree with. */
export interface StateCapture {
  /** currentTerm then. */
  readonly currentTerm: Term;
  /** votedFor then. */
  readonly votedFor: NodeId | null;
  /** Role then. */
  readonly role: Role;
  /** Last entry of the log then. */
  readonly last: EntryId;
  /** commitIndex then, with the term of that entry. */
  readonly committed: EntryId;
  /** lastApplied then. */
  readonly lastApplied: LogIndex;
  /** First index of the log then. */
  readonly firstIndex: LogIndex;
}

/** Remembers what {@link checkDelta} compares with. */
export function capture(state: RaftState): StateCapture {
  const { log } = state;
  return {
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    role: state.role,
    last: { index: log.last.index, term: log.last.term },
    committed: { index: log.commitIndex, term: log.termAt(log.commitIndex) ?? 0 },
    lastApplied: log.lastApplied,
    firstIndex: log.firstIndex,
  };
}

/** What is wrong with a node as it stands; empty when nothing is. */
export function checkBasic(state: RaftState): string[] {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(`${state.config.id}: ${problem}`);
  };
  const { log, leadership, role } = state;
  expect(log.snapshot.last.index <= log.commitIndex, "commitIndex is behind the snapshot");
  expect(log.commitIndex <= log.last.index, "commitIndex is beyond the last entry");
  expect(log.lastApplied <= log.commitIndex, "lastApplied is beyond commitIndex");
  expect(log.persistedIndex <= log.last.index, "persistedIndex is beyond the last entry");
  expect(log.last.term <= state.currentTerm, "the last entry is of a later term than currentTerm");
  expect(log.configuration.voters.length > 0, "the configuration has no voters");
  expect((role === "leader") === (leadership !== null), "leadership and role disagree");
  expect(role !== "leader" || state.leader === state.config.id, "a leader does not know that it leads");
  expect(role === "leader" || state.leader !== state.config.id, "a node that does not lead believes it does");
  expect(role !== "candidate" || state.votedFor === state.config.id, "a candidate has not voted for itself");
  // Or a node could campaign while a leader still counts on its silence (thesis section 6.4.1).
  expect(role === "leader" || state.ticksSinceLeader >= state.electionElapsedTicks, "ticksSinceLeader was reset alone");
  expect(state.effects.durableHardState.currentTerm <= state.currentTerm, "the durable term is ahead of currentTerm");
  for (const progress of leadership?.progress.values() ?? []) checkProgress(state, progress, expect);
  return problems;
}

function checkProgress(
  state: RaftState,
  progress: Progress,
  expect: (holds: boolean, problem: string) => void,
): void {
  const { log } = state;
  const name = `progress of ${progress.id}:`;
  expect(progress.matchIndex < progress.nextIndex, `${name} matchIndex ${progress.matchIndex} is not behind nextIndex`);
  expect(progress.matchIndex <= log.last.index, `${name} matchIndex is beyond the log`);
  expect(progress.nextIndex <= log.last.index + 1, `${name} nextIndex is beyond the end of the log`);
  expect((progress.state === "snapshot") === (progress.transfer !== null), `${name} transfer and state disagree`);
  expect(progress.inflightCount <= state.config.maxInflightAppends, `${name} the window is exceeded`);
  expect(progress.ackedRoundStartMs <= state.tickedAtMs, `${name} acked a round that has yet to begin`);
  expect(progress.ackedReadRound <= (state.leadership?.reads.lastRound ?? 0), `${name} acked a round not started`);
}

/** What is wrong with how a node got from `before` to `state`, within one process; empty when nothing is. */
export function checkDelta(before: StateCapture, state: RaftState): string[] {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(`${state.config.id}: ${problem}`);
  };
  const { log } = state;
  const isSameTerm = state.currentTerm === before.currentTerm;
  expect(state.currentTerm >= before.currentTerm, `currentTerm fell from ${before.currentTerm}`);
  expect(
    !isSameTerm || before.votedFor === null || state.votedFor === before.votedFor,
    `changed its vote from ${before.votedFor} to ${state.votedFor} within term ${state.currentTerm}`,
  );
  expect(log.commitIndex >= before.committed.index, `commitIndex fell from ${before.committed.index}`);
  expect(log.lastApplied >= before.lastApplied, `lastApplied fell from ${before.lastApplied}`);
  expect(log.firstIndex >= before.firstIndex, `the log's first index fell from ${before.firstIndex}`);
  expect(log.contains(before.committed), `committed entry ${before.committed.index} was replaced`);
  // Leader Append-Only (paper, Figure 3): a leader never overwrites or deletes entries of its log.
  const staysLeader = isSameTerm && before.role === "leader" && state.role === "leader";
  expect(!staysLeader || log.contains(before.last), `a leader lost its entry ${before.last.index}`);
  expect(
    !isSameTerm || before.role !== "leader" || state.role === "leader" || state.role === "follower",
    "a leader became a candidate within its term",
  );
  return problems;
}
