/**
 * Leader Append-Only (paper, Figure 3): "a leader never overwrites or deletes entries in its log; it only appends".
 *
 * @module
 */
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function leaderAppendOnly(): Invariant {
  return {
    name: "leader-append-only",
    logChanged({ label, state, before }, removed) {
      const led = before.role === "leader" && state.role === "leader" && before.currentTerm === state.currentTerm;
      const first = removed[0];
      return led && first !== undefined ? `${label} leads term ${state.currentTerm} and deletes ${first.index}` : null;
    },
  };
}
