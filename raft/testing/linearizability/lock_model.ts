/**
 * The lock: at most one holder, each with a fencing token greater than all before (Kleppmann 2016, "How to do distributed
 * locking").
 *
 * | function | argument | answer |
 * |---|---|---|
 * | `acquire` | the holder's name | the fencing token, a whole number; null if the lock was held |
 * | `renew` | the fencing token | true if the lock was held under that token, false if not; nothing changes |
 * | `release` | the fencing token | null or true if it released the lock; false if the lock was not held under that token |
 *
 * @module
 */
import type { Operation } from "./history.ts";
import { keyOf, type Model, ModelError } from "./model.ts";
import { type Specification, specificationOf } from "./specification.ts";

/** Who holds the lock, and how far its tokens have come. */
export interface LockState {
  /** The holder's name; undefined if the lock is free. */
  readonly holder: string | undefined;
  /** No token up to this was given out later; the holder's own token if `isExact`. */
  readonly token: number;
  /** False while the holder's token was not told, because its `acquire` was never answered: it is then `token` or more. */
  readonly isExact: boolean;
  /** Tokens above `token` that were found not to be the holder's, ascending; none if `isExact`. */
  readonly refused: readonly number[];
}

/** A call on a lock. */
export type LockInput =
  | { readonly kind: "acquire"; readonly holder: string }
  | { readonly kind: "release" | "renew"; readonly token: number };

/** The answer of a call on a lock. */
export interface LockOutput {
  /** Whether the call did what was asked: changed who holds the lock, or found it held under the token. */
  readonly isDone: boolean;
  /** The token that `acquire` gave; undefined for the others. */
  readonly token?: number;
}

/** What a lock promises beyond its tokens. */
export interface LockModelOptions {
  /**
   * Whether a held lock may pass to another without a release, because leases run out. Then only the tokens keep holders
   * apart: each must be greater than all before. Default: false.
   */
  readonly leasesExpire?: boolean;
}

/** One lock, free at first, with no token given. */
export function lockModel(options: LockModelOptions = {}): Model<LockState, LockInput, LockOutput> {
  const { leasesExpire = false } = options;
  return {
    name: "lock",
    partitionKey: keyOf,
    input: readInput,
    output: readOutput,
    initial: () => ({ holder: undefined, token: 0, isExact: true, refused: [] }),
    step: (state, input, output) =>
      input.kind === "acquire"
        ? acquire(state, input.holder, output, leasesExpire)
        : ofToken(state, input, output, leasesExpire),
    stateKey: (state) => JSON.stringify([state.holder ?? null, state.token, state.isExact, state.refused]),
    // That a token was refused says something of one that was not told, or that the lease has run out.
    isReadOnly: (input, output) => output?.isDone === false && input.kind === "acquire",
    describe(input, output) {
      const argument = input.kind === "acquire" ? JSON.stringify(input.holder) : `token ${input.token}`;
      const answer = output === undefined ? "" : !output.isDone ? " -> refused" : ` -> ${output.token ?? "done"}`;
      return `${input.kind}(${argument})${answer}`;
    },
    describeState,
  };
}

function describeState({ holder, token, isExact, refused }: LockState): string {
  if (holder === undefined) return `free, last token ${token}`;
  const more = isExact ? "" : refused.length === 0 ? " or more" : ` or more, except ${refused.join(", ")}`;
  return `held by ${JSON.stringify(holder)} under token ${token}${more}`;
}

/** {@linkcode lockModel} for the checker. */
export function lockSpecification(options: LockModelOptions = {}): Specification {
  return specificationOf(lockModel(options));
}

function acquire(
  state: LockState,
  holder: string,
  output: LockOutput | undefined,
  leasesExpire: boolean,
): readonly LockState[] {
  const isFree = state.holder === undefined || leasesExpire;
  if (output?.isDone === false) return state.holder === undefined ? [] : [state];
  // An acquire whose answer is unknown may have found the lock held, and changed nothing.
  if (!isFree) return output === undefined ? [state] : [];
  const token = output?.token;
  if (token === undefined) return [{ holder, token: state.token + 1, isExact: false, refused: [] }];
  return token > state.token ? [{ holder, token, isExact: true, refused: [] }] : [];
}

/** A renewal, or a release. */
function ofToken(
  state: LockState,
  { kind, token }: Extract<LockInput, { readonly token: number }>,
  output: LockOutput | undefined,
  leasesExpire: boolean,
): readonly LockState[] {
  const mayBeHolders = state.isExact ? state.token === token : token >= state.token && !state.refused.includes(token);
  const isHeld = state.holder !== undefined && mayBeHolders;
  const holder = kind === "renew" ? state.holder : undefined;
  const after: LockState = { holder, token: Math.max(state.token, token), isExact: true, refused: [] };
  if (output === undefined) return isHeld && kind === "release" ? [after] : [state];
  if (output.isDone) return isHeld ? [after] : [];
  if (!isHeld) return [state];
  const others = state.isExact ? [] : [withRefused(state, token)];
  // Or it was the holder's, and the lease was over: it does not come back.
  return leasesExpire ? [...others, { ...after, holder: undefined }] : others;
}

/** The state in which the holder's token, which was not told, is not that one either. */
function withRefused(state: LockState, token: number): LockState {
  const refused = [...state.refused, token].sort((left, right) => left - right);
  let least = state.token;
  while (refused[0] === least) {
    refused.shift();
    least++;
  }
  return { ...state, token: least, refused };
}

function readInput(operation: Operation): LockInput {
  const { f, value } = operation;
  if (f === "acquire") {
    if (typeof value === "string") return { kind: "acquire", holder: value };
    throw refusal(operation, `its argument must be the holder's name: found ${JSON.stringify(value)}`);
  }
  if (f === "release" || f === "renew") {
    if (isToken(value)) return { kind: f, token: value };
    throw refusal(operation, `its argument must be a fencing token, a whole number: found ${JSON.stringify(value)}`);
  }
  throw refusal(operation, "its functions are acquire, renew and release");
}

function readOutput(operation: Operation): LockOutput {
  const { f, result } = operation;
  if (f !== "acquire" && (result === null || typeof result === "boolean")) return { isDone: result !== false };
  if (f === "acquire" && result === null) return { isDone: false };
  if (f === "acquire" && isToken(result)) return { isDone: true, token: result };
  throw refusal(
    operation,
    `its answer must be ${f === "acquire" ? "a fencing token or null" : "null, true or false"}: found ${
      JSON.stringify(result)
    }`,
  );
}

function isToken(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function refusal(operation: Operation, reason: string): ModelError {
  return new ModelError("lock", operation, reason);
}
