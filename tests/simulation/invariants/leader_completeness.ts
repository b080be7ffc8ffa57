/**
 * Leader Completeness (paper, Figure 3): "if a log entry is committed in a given term, then that entry will be present in the
 * logs of the leaders for all higher-numbered terms".
 *
 * @module
 */
import type { CommittedLog } from "../committed_log.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function leaderCompleteness(committed: CommittedLog): Invariant {
  return {
    name: "leader-completeness",
    stepped({ label, state }, before) {
      if (state.role !== "leader" || before.role === "leader") return null;
      // The highest slot committed in an earlier term stands for all before it, by Log Matching.
      for (let index = committed.lastIndex; index > state.log.snapshot.last.index; index--) {
        const slot = committed.at(index);
        if (slot === undefined || slot.committedInTerm >= state.currentTerm) continue;
        if (state.log.contains({ index, term: slot.term })) return null;
        return `${label} leads term ${state.currentTerm} without entry ${index} of term ${slot.term}, which was ` +
          `committed in term ${slot.committedInTerm}`;
      }
      return null;
    },
  };
}
