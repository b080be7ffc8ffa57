/**
 * Within a life of a node neither commitIndex nor lastApplied goes back, and nothing committed is deleted.
 *
 * @module
 */
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function monotonicCommit(): Invariant {
  return {
    name: "monotonic-commit",
    stepped({ label, state: { log } }, before) {
      const { committed, lastApplied } = before;
      if (log.commitIndex < committed.index) {
        return `${label}: commitIndex fell from ${committed.index} to ${log.commitIndex}`;
      }
      if (log.lastApplied < lastApplied) return `${label}: lastApplied fell from ${lastApplied} to ${log.lastApplied}`;
      return log.contains(committed) ? null : `${label}: committed entry ${committed.index} is gone`;
    },
  };
}
