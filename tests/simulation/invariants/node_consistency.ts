/**
 * A node's state makes sense by itself, and follows from what it was a step ago; see `raft/core/invariants.ts`.
 *
 * @module
 */
import { checkBasic, checkDelta } from "../../../raft/core/invariants.ts";
import type { Invariant } from "./invariant.ts";

/** Every state is sound. */
export function nodeState(): Invariant {
  return { name: "node-state", stepped: ({ state }) => checkBasic(state)[0] ?? null };
}

/** Every step is sound. */
export function nodeStep(): Invariant {
  return { name: "node-step", stepped: ({ state }, before) => checkDelta(before, state)[0] ?? null };
}
