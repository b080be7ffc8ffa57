/**
 * State Machine Safety (paper, Figure 3): "if a server has applied a log entry at a given index to its state machine, no other
 * server will ever apply a different log entry for the same index"; and no replica applies out of order or twice.
 *
 * @module
 */
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function stateMachineSafety(): Invariant {
  const applied = new Map<number, string>();
  return {
    name: "state-machine-safety",
    executed({ replica, previousIndex, command, context }) {
      const { index, term, clusterTimeMs } = context;
      if (previousIndex !== null && index <= previousIndex) {
        return `${replica} applies entry ${index} after entry ${previousIndex}`;
      }
      const content = `${term} ${clusterTimeMs} ${JSON.stringify(command)}`;
      const known = applied.get(index);
      if (known === undefined) applied.set(index, content);
      else if (known !== content) return `${replica} applies at ${index}: ${content}; another replica: ${known}`;
      return null;
    },
  };
}
