/**
 * The register with versions: what one key of the store is to `putIfVersion` (the model of MIT 6.5840, 2025).
 *
 * | function | argument | answer |
 * |---|---|---|
 * | `getWithVersion` | none | `{"value", "version"}`; "" and 0 if there is none |
 * | `putIfVersion` | `{"value", "version"}` | `{"outcome", "version"?}`, see {@linkcode VersionedOutcome} |
 * | `get`, `put`, `append`, `delete` | as of a register | as of a register; each `put` and `append` counts the version up by one |
 *
 * @module
 */
import type { JsonValue, Operation } from "./history.ts";
import { keyOf, type Model, ModelError } from "./model.ts";
import { type RegisterInput, registerModel } from "./register_model.ts";
import { type Specification, specificationOf } from "./specification.ts";

/**
 * How a `putIfVersion` ended. "ok": the versions agreed, and the new one is one more. "versionMismatch": there is a value of
 * another version. "noKey": there is no value, and the version asked for was not 0. "maybe": the truth cannot be known; the
 * call was served, but perhaps as the second delivery of one that had taken effect.
 */
export type VersionedOutcome = "ok" | "versionMismatch" | "noKey" | "maybe";

/** A value and its version. */
export interface VersionedState {
  /** The value; "" if there is none. */
  readonly value: string;
  /** How often it was written since it was last absent; 0 if there is none. */
  readonly version: number;
}

/** A call on a register with versions. */
export type VersionedInput =
  | RegisterInput
  | { readonly kind: "getWithVersion" }
  | { readonly kind: "putIfVersion"; readonly value: string; readonly version: number };

/** The answer of a call on a register with versions; what it did not tell is undefined. */
export interface VersionedOutput {
  /** The value that the call saw. */
  readonly observed?: string | undefined;
  /** The version that the call saw, or of an "ok" made. */
  readonly version?: number | undefined;
  /** How a `putIfVersion` ended. */
  readonly outcome?: VersionedOutcome | undefined;
}

const outcomes: readonly VersionedOutcome[] = ["ok", "versionMismatch", "noKey", "maybe"];

/** One register with versions: absent at first and after `delete`. */
export const versionedModel: Model<VersionedState, VersionedInput, VersionedOutput> = {
  name: "versioned register",
  partitionKey: keyOf,
  input: readInput,
  output: readOutput,
  initial: () => ({ value: "", version: 0 }),
  step(state, input, output = {}) {
    if (input.kind === "putIfVersion") return putIfVersion(state, input.value, input.version, output);
    if (output.observed !== undefined && output.observed !== state.value) return [];
    if (output.version !== undefined && output.version !== state.version) return [];
    switch (input.kind) {
      case "get":
      case "getWithVersion":
        return [state];
      case "put":
        return [{ value: input.value, version: state.version + 1 }];
      case "append":
        return [{ value: state.value + input.value, version: state.version + 1 }];
      case "delete":
        return [{ value: "", version: 0 }];
    }
  },
  stateKey: (state) => `${state.version}:${state.value}`,
  isReadOnly: (input, output) =>
    input.kind === "get" || input.kind === "getWithVersion" || output?.outcome === "versionMismatch" ||
    output?.outcome === "noKey",
  describe(input, output) {
    const answer: string[] = [];
    if (output?.outcome !== undefined) answer.push(output.outcome);
    if (output?.observed !== undefined) answer.push(JSON.stringify(output.observed));
    if (output?.version !== undefined) answer.push(`version ${output.version}`);
    return describeInput(input) + (answer.length === 0 ? "" : ` -> ${answer.join(", ")}`);
  },
  describeState: (state) =>
    state.version === 0 ? "no value" : `${JSON.stringify(state.value)} at version ${state.version}`,
};

/** {@linkcode versionedModel} for the checker. */
export const versionedSpecification: Specification = specificationOf(versionedModel);

function putIfVersion(
  state: VersionedState,
  value: string,
  version: number,
  output: VersionedOutput,
): readonly VersionedState[] {
  const agrees = state.version === version;
  const after = agrees ? { value, version: version + 1 } : state;
  if (output.version !== undefined && output.version !== after.version) return [];
  switch (output.outcome) {
    case "ok":
      return agrees ? [after] : [];
    case "versionMismatch":
      return agrees || state.version === 0 ? [] : [after];
    case "noKey":
      return agrees || state.version !== 0 ? [] : [after];
    case "maybe":
    case undefined:
      return [after];
  }
}

function describeInput(input: VersionedInput): string {
  switch (input.kind) {
    case "getWithVersion":
      return "getWithVersion()";
    case "putIfVersion":
      return `putIfVersion(${JSON.stringify(input.value)}, version ${input.version})`;
    default:
      return registerModel.describe(input, undefined);
  }
}

function readInput(operation: Operation): VersionedInput {
  switch (operation.f) {
    case "getWithVersion":
      return { kind: "getWithVersion" };
    case "putIfVersion":
      return { kind: "putIfVersion", ...valueAndVersion(operation, operation.value, "argument") };
    case "get":
    case "put":
    case "append":
    case "delete":
      return registerModel.input(operation);
    default:
      throw refusal(operation, "its functions are getWithVersion, putIfVersion, get, put, append and delete");
  }
}

function readOutput(operation: Operation): VersionedOutput {
  const { f, result } = operation;
  if (f === "getWithVersion") {
    const { value, version } = valueAndVersion(operation, result, "answer");
    return { observed: value, version };
  }
  if (f !== "putIfVersion") return { observed: registerModel.output(operation).observed };
  const found = field(result, "outcome");
  const outcome = outcomes.find((known) => known === found);
  if (outcome === undefined) {
    throw refusal(operation, `its answer's "outcome" must be one of ${outcomes.join(", ")}: found ${show(result)}`);
  }
  const version = field(result, "version");
  if (version === undefined || version === null) return { outcome };
  if (!isVersion(version)) {
    throw refusal(operation, `its answer's "version" must be a whole number: found ${show(result)}`);
  }
  return { outcome, version };
}

function valueAndVersion(operation: Operation, pair: JsonValue, what: string): { value: string; version: number } {
  const value = field(pair, "value");
  const version = field(pair, "version");
  if (typeof value === "string" && isVersion(version)) return { value, version };
  throw refusal(operation, `its ${what} must be {"value": a string, "version": a whole number}: found ${show(pair)}`);
}

function field(value: JsonValue, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return new Map<string, JsonValue>(Object.entries(value)).get(name);
}

function isVersion(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function show(value: JsonValue): string {
  return JSON.stringify(value);
}

function refusal(operation: Operation, reason: string): ModelError {
  return new ModelError("versioned register", operation, reason);
}
