/**
 * Who is a member: the latest configuration in a node's log counts, committed or not, and none that was cut off (thesis 4.1); a
 * snapshot carries the one that held where it was taken (thesis 5); and only voters campaign and lead.
 *
 * The latest configuration is looked for in the entries themselves, beside the core's own account of them.
 *
 * @module
 */
import type { RaftState } from "../../../raft/core/state.ts";
import type { Configuration, LogIndex, Term } from "../../../raft/core/types.ts";
import type { CommittedLog } from "../committed_log.ts";
import type { NodeView } from "../node_view.ts";
import type { Invariant } from "./invariant.ts";

interface SeenEntry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
}

/** Active configurations are those of the log, and those of snapshots are the committed ones. */
export function configurationMatchesLog(committed: CommittedLog): Invariant {
  /** Every configuration entry that any node ever had. */
  const seen: SeenEntry[] = [];
  const checkedSnapshots = new WeakMap<NodeView, LogIndex>();
  const snapshotProblem = (view: NodeView): string | null => {
    const { last, configuration } = view.state.log.snapshot;
    if (checkedSnapshots.get(view) === last.index) return null;
    checkedSnapshots.set(view, last.index);
    let latest: SeenEntry | undefined;
    for (const entry of seen) {
      if (entry.index > last.index || entry.index < (latest?.index ?? 0)) continue;
      if (committed.at(entry.index)?.term === entry.term) latest = entry;
    }
    // What was just received is to be gone by, too.
    if (latest === undefined || textOf(latest.configuration) === textOf(configuration)) return activeProblem(view);
    return `${view.label} has a snapshot at ${last.index} with members ${textOf(configuration)}: those of entry ` +
      `${latest.index} are ${textOf(latest.configuration)}`;
  };
  return {
    name: "configuration-matches-log",
    started: snapshotProblem,
    logChanged(view, removed, added) {
      let isConcerned = removed.length > 0;
      for (const entry of added) {
        if (entry.kind !== "configuration") continue;
        isConcerned = true;
        const { index, term, configuration } = entry;
        if (!seen.some((one) => one.index === index && one.term === term)) seen.push({ index, term, configuration });
      }
      return isConcerned ? activeProblem(view) : null;
    },
    stepped: snapshotProblem,
  };
}

/** Whoever begins to campaign or to lead is a voter, or was one before a change that is not committed. */
export function candidateIsVoter(): Invariant {
  return {
    name: "candidate-is-voter",
    stepped({ id, label, state }, before) {
      const { role, log } = state;
      if (role === before.role || (role !== "candidate" && role !== "leader")) return null;
      const possible = configurationsOf(state, log.commitIndex);
      if (possible.some(({ voters, outgoing }) => voters.includes(id) || outgoing.includes(id))) return null;
      return `${label} is ${role} of term ${state.currentTerm}: the voters are ${textOf(possible.at(-1))}`;
    },
  };
}

/** The configuration at `index`, and those after it, oldest first. */
function configurationsOf({ log }: RaftState, index: LogIndex): Configuration[] {
  let configurations = [log.snapshot.configuration];
  for (const entry of log.slice(log.firstIndex, Infinity, Infinity)) {
    if (entry.kind !== "configuration" || entry.index <= log.snapshot.last.index) continue;
    if (entry.index <= index) configurations = [entry.configuration];
    else configurations.push(entry.configuration);
  }
  return configurations;
}

function activeProblem({ label, state }: NodeView): string | null {
  const active = textOf(state.log.configuration);
  const expected = textOf(configurationsOf(state, state.log.last.index).at(-1));
  return active === expected ? null : `${label} goes by members ${active}: the latest in its log are ${expected}`;
}

function textOf(configuration: Configuration | undefined): string {
  return configuration === undefined
    ? "unknown"
    : `${configuration.voters.join(",")}|${configuration.outgoing.join(",")}|${configuration.learners.join(",")}`;
}
