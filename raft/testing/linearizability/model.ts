/**
 * What "correct" means: a sequential object, against which the checker holds a concurrent history (Herlihy & Wing 1990,
 * section 2.2, "sequential specification").
 *
 * @module
 */
import type { Operation } from "./history.ts";

/**
 * A sequential object. `Input` is a call's argument, `Output` its answer; an output of undefined is an unknown answer, which
 * agrees with everything.
 *
 * Every method must be a pure function of its arguments.
 */
export interface Model<State, Input, Output> {
  /** The object's name, for messages. */
  readonly name: string;
  /** Reads a call's function and argument; throws {@linkcode ModelError} if the model has no such call. */
  input(operation: Operation): Input;
  /** Reads the answer of a call whose status is "ok"; throws {@linkcode ModelError} if such a call cannot answer so. */
  output(operation: Operation): Output;
  /**
   * Which object a call is on. Histories of different objects are checked apart: linearizability is a local property
   * (Herlihy & Wing 1990, theorem 1).
   */
  partitionKey(operation: Operation): string;
  /** The state before the first call. */
  initial(): State;
  /** The states that the call may leave when it is made in `state` and answered `output`; none if it cannot be so answered. */
  step(state: State, input: Input, output: Output | undefined): readonly State[];
  /** Equal for two states if and only if no later call can tell them apart. */
  stateKey(state: State): string | number;
  /**
   * Whether the call, so answered, leaves *every* state as it is. The checker places such a call as soon as it agrees with the
   * state, without trying other places, so a wrong "true" makes wrong verdicts; "false" is always safe.
   */
  isReadOnly(input: Input, output: Output | undefined): boolean;
  /** The call for a reader, as `get() -> "blue"`. */
  describe(input: Input, output: Output | undefined): string;
  /** The state for a reader. */
  describeState(state: State): string;
}

/** A call that the model does not know, or an argument or answer that it cannot have. The history was not checked. */
export class ModelError extends Error {
  /** The class name, for logs. */
  override readonly name = "ModelError";

  /** `operation` is refused by the model for `reason`. */
  constructor(
    /** The model that refuses. */
    readonly modelName: string,
    /** The call that is refused. */
    readonly operation: Operation,
    /** What is wrong with it. */
    readonly reason: string,
  ) {
    super(
      `Cannot check "${operation.f}" of key ${JSON.stringify(operation.key)} (line ${operation.invokeLine}) ` +
        `as ${modelName}: ${reason}`,
    );
  }
}

/** One object per key; a number and a string that look alike are different keys. */
export function keyOf(operation: Operation): string {
  return JSON.stringify(operation.key);
}
