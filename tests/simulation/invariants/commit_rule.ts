/**
 * The commit rule for leaders (paper, Figure 2, last line): what a leader commits is an entry of its own term, and a quorum
 * holds it durably.
 *
 * @module
 */
import type { CommittedLog } from "../committed_log.ts";
import type { NodeView } from "../node_view.ts";
import type { Invariant } from "./invariant.ts";

/** `viewOf` finds the latest life of a node. */
export function commitRule(committed: CommittedLog, viewOf: (id: string) => NodeView | undefined): Invariant {
  return {
    name: "commit-rule",
    stepped({ label, state }, before) {
      const { log, role, currentTerm } = state;
      const index = log.commitIndex;
      if (before.role !== "leader" || role !== "leader" || index <= before.committed.index) return null;
      const term = log.termAt(index) ?? 0;
      if (committed.at(index) !== undefined) return null;
      if (term !== currentTerm) return `${label} leads term ${currentTerm} and commits entry ${index} of term ${term}`;
      // The configuration that was active when the step began: the step may have appended the next one.
      const configuration = log.configurationAt(before.last.index);
      const holds = (member: string): boolean => viewOf(member)?.holdsDurably({ index, term }) === true;
      if (isMajority(configuration.voters, holds) && isMajority(configuration.outgoing, holds)) return null;
      const names = [...configuration.voters, ...configuration.outgoing].filter(holds);
      return `${label} commits entry ${index} of term ${term}, which only ${names.join(", ") || "nobody"} has durably`;
    },
  };
}

/** Counted here, not by the core that is to be judged. Nobody is a majority of nobody. */
function isMajority(members: readonly string[], holds: (member: string) => boolean): boolean {
  return members.length === 0 || 2 * members.filter(holds).length > members.length;
}
