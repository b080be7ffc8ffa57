/**
 * A store of many keys, for calls that see or change several of them at once: ranges, counts and transactions. Where every
 * call is on one key the versioned register says as much, and is checked much faster.
 *
 * All calls with the same `key` in the history are on one store; the keys within it stand in the arguments.
 *
 * | function | argument | answer |
 * |---|---|---|
 * | `get` | the key | `[value, version]`; `["", 0]` if there is none |
 * | `range` | `{"from"?, "to"?, "limit"?, "reverse"?}` | `[[key, value, version], …]` |
 * | `count` | `{"from"?, "to"?}` | how many |
 * | `write` | a {@linkcode StoreWrite} | null, or the number that the write tells |
 * | `transaction` | `{"compare", "then", "else"}` | whether the comparisons held; all of it is refused if a write of it is |
 *
 * @module
 */
import type { JsonValue, Operation } from "./history.ts";
import { keyOf, type Model, ModelError } from "./model.ts";
import { type Specification, specificationOf } from "./specification.ts";

/** A change of one key, or of those in a range. */
export type StoreWrite =
  | { readonly kind: "put" | "append"; readonly key: string; readonly value: string }
  /** Tells 1 if the key was there, otherwise 0. */
  | { readonly kind: "delete"; readonly key: string }
  /** Tells the sum; refused if the key holds no whole number. A missing key counts as 0. */
  | { readonly kind: "increment"; readonly key: string; readonly by: number }
  /** Tells how many keys are gone. */
  | { readonly kind: "deletePrefix"; readonly prefix: string };

/** What a transaction compares: the version of a key (0 if it is missing), or its value. */
export type StoreComparison =
  | { readonly key: string; readonly version: number }
  | { readonly key: string; readonly value: string };

/** A call on a store. */
export type StoreInput =
  | { readonly kind: "get"; readonly key: string }
  | {
    readonly kind: "range";
    readonly from: string;
    readonly to: string;
    readonly limit: number;
    readonly reverse: boolean;
  }
  | { readonly kind: "count"; readonly from: string; readonly to: string }
  | { readonly kind: "write"; readonly write: StoreWrite }
  | {
    readonly kind: "transaction";
    readonly compare: readonly StoreComparison[];
    readonly then: readonly StoreWrite[];
    readonly else: readonly StoreWrite[];
  };

/** A key with what it holds. */
export type StoreEntry = readonly [key: string, value: string, version: number];

/** All entries, keys ascending. */
export type StoreState = readonly StoreEntry[];

/** The answer as JSON: the model compares it with what it would have said. */
export interface StoreOutput {
  /** See the table. */
  readonly answer: JsonValue;
}

/** A store, empty at first. */
export const storeModel: Model<StoreState, StoreInput, StoreOutput> = {
  name: "store",
  partitionKey: keyOf,
  input: readInput,
  output: ({ result }) => ({ answer: result }),
  initial: () => [],
  step(state, input, output) {
    const executed = execute(state, input);
    // Refused: it changes nothing, and is not answered so.
    if (executed === null) return output === undefined ? [state] : [];
    const { after, answer } = executed;
    const agrees = output === undefined || isSilent(input) || JSON.stringify(answer) === JSON.stringify(output.answer);
    return agrees ? [after] : [];
  },
  stateKey: (state) => JSON.stringify(state),
  isReadOnly: ({ kind }) => kind === "get" || kind === "range" || kind === "count",
  describe(input, output) {
    const answer = output === undefined ? "" : ` -> ${JSON.stringify(output.answer)}`;
    return `${JSON.stringify(input)}${answer}`;
  },
  describeState: (state) => JSON.stringify(state),
};

/** {@linkcode storeModel} for the checker. */
export const storeSpecification: Specification = specificationOf(storeModel);

/** Puts and appends tell nothing. */
function isSilent(input: StoreInput): boolean {
  return input.kind === "write" && (input.write.kind === "put" || input.write.kind === "append");
}

/** What a call has done. */
interface Executed {
  readonly after: StoreState;
  readonly answer: JsonValue;
}

/** What a store does; null when it refuses, as no number can be made of a text. */
function execute(state: StoreState, input: StoreInput): Executed | null {
  switch (input.kind) {
    case "get": {
      const [, value, version] = entryOf(state, input.key);
      return { after: state, answer: [value, version] };
    }
    case "range": {
      const within = between(state, input.from, input.to);
      const ordered = input.reverse ? [...within].reverse() : within;
      return { after: state, answer: ordered.slice(0, input.limit).map((entry) => [...entry]) };
    }
    case "count":
      return { after: state, answer: between(state, input.from, input.to).length };
    case "write":
      return write(state, input.write);
    case "transaction": {
      const holds = input.compare.every((comparison) => isTrue(state, comparison));
      let after = state;
      for (const part of holds ? input.then : input.else) {
        const executed = write(after, part);
        if (executed === null) return null;
        after = executed.after;
      }
      return { after, answer: holds };
    }
  }
}

function write(state: StoreState, change: StoreWrite): Executed | null {
  switch (change.kind) {
    case "put":
      return { after: set(state, change.key, change.value), answer: null };
    case "append":
      return { after: set(state, change.key, entryOf(state, change.key)[1] + change.value), answer: null };
    case "delete": {
      const after = state.filter(([key]) => key !== change.key);
      return { after, answer: state.length - after.length };
    }
    case "increment": {
      const [, value, version] = entryOf(state, change.key);
      if (version > 0 && !/^-?\d+$/.test(value)) return null;
      const sum = Number(value) + change.by;
      return { after: set(state, change.key, String(sum)), answer: sum };
    }
    case "deletePrefix": {
      const after = state.filter(([key]) => !key.startsWith(change.prefix));
      return { after, answer: state.length - after.length };
    }
  }
}

function isTrue(state: StoreState, comparison: StoreComparison): boolean {
  const [, value, version] = entryOf(state, comparison.key);
  return "version" in comparison ? version === comparison.version : version > 0 && value === comparison.value;
}

function entryOf(state: StoreState, key: string): StoreEntry {
  return state.find(([one]) => one === key) ?? [key, "", 0];
}

function set(state: StoreState, key: string, value: string): StoreState {
  const entry: StoreEntry = [key, value, entryOf(state, key)[2] + 1];
  const others = state.filter(([one]) => one !== key);
  const place = others.findIndex(([one]) => one > key);
  return place < 0 ? [...others, entry] : [...others.slice(0, place), entry, ...others.slice(place)];
}

/** Entries from `from` on and before `to`; "" for no bound. */
function between(state: StoreState, from: string, to: string): StoreState {
  return state.filter(([key]) => key >= from && (to === "" || key < to));
}

function readInput(operation: Operation): StoreInput {
  const { f, value } = operation;
  if (f === "get" && typeof value === "string") return { kind: "get", key: value };
  const fields = fieldsOf(value);
  const text = (name: string): string => {
    const found = fields.get(name) ?? "";
    if (typeof found === "string") return found;
    throw refusal(operation, `its "${name}" must be a string`);
  };
  const range = () => ({ from: text("from"), to: text("to") });
  switch (f) {
    case "range": {
      const limit = fields.get("limit");
      return {
        ...{ kind: "range", ...range(), reverse: fields.get("reverse") === true },
        limit: typeof limit === "number" ? limit : Infinity,
      };
    }
    case "count":
      return { kind: "count", ...range() };
    case "write":
      return { kind: "write", write: readWrite(operation, value) };
    case "transaction": {
      const part = (name: string): readonly JsonValue[] => {
        const found = fields.get(name) ?? [];
        if (Array.isArray(found)) return found;
        throw refusal(operation, `its "${name}" must be an array`);
      };
      return {
        kind: "transaction",
        compare: part("compare").map((one) => readComparison(operation, one)),
        then: part("then").map((one) => readWrite(operation, one)),
        else: part("else").map((one) => readWrite(operation, one)),
      };
    }
    default:
      throw refusal(operation, "its functions are get (of a key), range, count, write and transaction");
  }
}

function readWrite(operation: Operation, json: JsonValue): StoreWrite {
  const fields = fieldsOf(json);
  const [kind, key, value, by, prefix] = ["kind", "key", "value", "by", "prefix"].map((name) => fields.get(name));
  if (kind === "deletePrefix" && typeof prefix === "string") return { kind, prefix };
  if (typeof key === "string") {
    if ((kind === "put" || kind === "append") && typeof value === "string") return { kind, key, value };
    if (kind === "delete") return { kind, key };
    if (kind === "increment" && typeof by === "number") return { kind, key, by };
  }
  throw refusal(operation, `it has no such write: ${JSON.stringify(json)}`);
}

function readComparison(operation: Operation, json: JsonValue): StoreComparison {
  const fields = fieldsOf(json);
  const [key, version, value] = ["key", "version", "value"].map((name) => fields.get(name));
  if (typeof key === "string" && typeof version === "number") return { key, version };
  if (typeof key === "string" && typeof value === "string") return { key, value };
  throw refusal(operation, `it has no such comparison: ${JSON.stringify(json)}`);
}

function fieldsOf(json: JsonValue): ReadonlyMap<string, JsonValue> {
  return new Map(typeof json === "object" && json !== null ? Object.entries(json) : []);
}

function refusal(operation: Operation, reason: string): ModelError {
  return new ModelError("store", operation, reason);
}
