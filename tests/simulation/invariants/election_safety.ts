/**
 * Election Safety (paper, Figure 3): "at most one leader can be elected in a given term".
 *
 * @module
 */
import type { NodeId, Term } from "../../../raft/core/types.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function electionSafety(): Invariant {
  const leaders = new Map<Term, NodeId>();
  return {
    name: "election-safety",
    stepped({ id, label, state }, before) {
      const { role, currentTerm } = state;
      if (role !== "leader" || (before.role === "leader" && before.currentTerm === currentTerm)) return null;
      const leader = leaders.get(currentTerm);
      if (leader !== undefined) return `${label} leads term ${currentTerm}, which ${leader} has led already`;
      leaders.set(currentTerm, id);
      return null;
    },
  };
}
