/**
 * Replicas that have applied the same entries have the same state and gave the same results.
 *
 * @module
 */
import type { KvResult } from "../../../kv/state_machine.ts";
import type { Invariant } from "./invariant.ts";

/** See the module. */
export function replicaState(): Invariant {
  const states = new Map<number, string>();
  return {
    name: "replica-state",
    executed({ replica, context, result, hashAfter }) {
      const state = `${hashAfter} ${resultText(result)}`;
      const known = states.get(context.index);
      if (known === undefined) states.set(context.index, state);
      else if (known !== state) {
        return `${replica} is at ${state} after entry ${context.index}; another replica: ${known}`;
      }
      return null;
    },
  };
}

function resultText(result: KvResult): string {
  if (result.kind === "writes") return result.outcomes.map(resultText).join(", ");
  return result.kind === "written" ? `written ${result.version}` : result.kind;
}
