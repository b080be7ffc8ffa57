/**
 * The register with append: what one key of the store is (the model of MIT 6.5840, 2024).
 *
 * | function | argument | answer |
 * |---|---|---|
 * | `get` | none | the value; "" if there is none |
 * | `put` | the new value | null, or the argument again |
 * | `append` | what to add at the end | null, or `{"old": the value before}` |
 * | `delete` | none | null |
 *
 * @module
 */
import type { JsonValue, Operation } from "./history.ts";
import { keyOf, type Model, ModelError } from "./model.ts";
import { RegisterSpace } from "./register_space.ts";
import { type Specification, specificationOf } from "./specification.ts";

/** A call on a register. */
export type RegisterInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "append"; readonly value: string }
  | { readonly kind: "delete" };

/** The answer of a call on a register. */
export interface RegisterOutput {
  /** The value that the call saw: of a `get`, and of an `append` that tells; otherwise undefined. */
  readonly observed: string | undefined;
}

/** One register: a string, "" at first and after `delete`. */
export const registerModel: Model<string, RegisterInput, RegisterOutput> = {
  name: "register",
  partitionKey: keyOf,
  input: readInput,
  output: readOutput,
  initial: () => "",
  step(state, input, output) {
    if (output?.observed !== undefined && output.observed !== state) return [];
    switch (input.kind) {
      case "get":
        return [state];
      case "put":
        return [input.value];
      case "append":
        return [state + input.value];
      case "delete":
        return [""];
    }
  },
  stateKey: (state) => state,
  isReadOnly: (input) => input.kind === "get",
  describe(input, output) {
    const argument = input.kind === "put" || input.kind === "append" ? JSON.stringify(input.value) : "";
    const answer = output?.observed === undefined ? "" : ` -> ${JSON.stringify(output.observed)}`;
    return `${input.kind}(${argument})${answer}`;
  },
  describeState: (state) => JSON.stringify(state),
};

/** {@linkcode registerModel} for the checker, with a search space that looks ahead at what reads will want. */
export const registerSpecification: Specification = {
  ...specificationOf(registerModel),
  spaceFor: (operations) =>
    new RegisterSpace(operations.map((operation) => {
      const input = readInput(operation);
      const isUnknown = operation.status !== "ok";
      return {
        kind: input.kind,
        text: input.kind === "put" || input.kind === "append" ? input.value : "",
        observed: isUnknown ? undefined : readOutput(operation).observed,
        isUnknown,
      };
    })),
};

function readInput(operation: Operation): RegisterInput {
  switch (operation.f) {
    case "get":
    case "delete":
      return { kind: operation.f };
    case "put":
    case "append":
      return { kind: operation.f, value: text(operation, operation.value, "argument") };
    default:
      throw new ModelError("register", operation, "its functions are get, put, append and delete");
  }
}

function readOutput(operation: Operation): RegisterOutput {
  const { f, result } = operation;
  if (f === "get") return { observed: text(operation, result, "answer") };
  if (f === "append" && result !== null) return { observed: old(operation, result) };
  if (result === null || (f === "put" && result === operation.value)) return { observed: undefined };
  throw new ModelError("register", operation, `its answer must be null: found ${JSON.stringify(result)}`);
}

function text(operation: Operation, value: JsonValue, what: string): string {
  if (typeof value === "string") return value;
  throw new ModelError("register", operation, `its ${what} must be a string: found ${JSON.stringify(value)}`);
}

/** A bare string is refused: it could be the old value, or the argument repeated as Jepsen does, and the two check differently. */
function old(operation: Operation, result: JsonValue): string {
  if (typeof result === "object" && result !== null && "old" in result && typeof result.old === "string") {
    return result.old;
  }
  throw new ModelError(
    "register",
    operation,
    `its answer must be null or {"old": the value before}: found ${JSON.stringify(result)}`,
  );
}
