/**
 * All nodes, in all their lives, call the same entry committed at the same index.
 *
 * @module
 */
import type { CommittedLog } from "../committed_log.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function commitAgreement(committed: CommittedLog): Invariant {
  return {
    name: "commit-agreement",
    stepped({ label, state }, before) {
      const { log } = state;
      for (
        let index = Math.max(before.committed.index + 1, log.snapshot.last.index);
        index <= log.commitIndex;
        index++
      ) {
        const known = committed.at(index);
        const term = log.termAt(index);
        if (known === undefined || term === undefined || known.term === term) continue;
        return `${label} calls entry ${index} of term ${term} committed: it was one of term ${known.term} before`;
      }
      return null;
    },
  };
}
