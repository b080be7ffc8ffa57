/**
 * Specifications: models as the checker takes them.
 *
 * @module
 */
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { InternedSpace, type SearchSpace } from "./search_space.ts";

/** A {@linkcode Model} with its three types put away, as the checker takes it. */
export interface Specification {
  /** The object's name, for messages. */
  readonly name: string;
  /** Which object a call is on. */
  partitionKey(operation: Operation): string;
  /** The call for a reader. */
  describe(operation: Operation): string;
  /** The state that calls made in this order leave, for a reader. */
  describeStateAfter(order: readonly Operation[]): string;
  /** The space to search, for calls of one partition; a call whose status is not "ok" has an unknown answer in it. */
  spaceFor(operations: readonly Operation[]): SearchSpace;
}

/** Makes a model ready for the checker. */
export function specificationOf<State, Input, Output>(model: Model<State, Input, Output>): Specification {
  return {
    name: model.name,
    partitionKey: (operation) => model.partitionKey(operation),
    describe: (operation) =>
      model.describe(model.input(operation), operation.status === "ok" ? model.output(operation) : undefined),
    describeStateAfter: (order) => describeStateAfter(model, order),
    spaceFor: (operations) => new InternedSpace(model, operations),
  };
}

function describeStateAfter<State, Input, Output>(
  model: Model<State, Input, Output>,
  order: readonly Operation[],
): string {
  let states = new Map([[model.stateKey(model.initial()), model.initial()]]);
  for (const operation of order) {
    const input = model.input(operation);
    const output = operation.status === "ok" ? model.output(operation) : undefined;
    const after = [...states.values()].flatMap((state) => model.step(state, input, output));
    states = new Map(after.map((state) => [model.stateKey(state), state]));
  }
  return [...states.values()].map((state) => model.describeState(state)).join(" or ");
}
