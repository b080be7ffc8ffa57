/**
 * Linearizability by its definition: every subset of the unknown calls, in every order, with nothing clever. It shares no code
 * with the checker, and its register is its own.
 *
 * @module
 */
import type { JsonValue, Operation } from "../../../raft/testing/linearizability/mod.ts";

/** The states after a call; none if it cannot be answered so. Written anew for each object under test. */
export type Replay<State> = (state: State, operation: Operation) => readonly State[];

/** Whether some order of the calls, with any of the unknown ones left out, respects real time and replays from `initial`. */
export function isLinearizableByDefinition<State>(
  operations: readonly Operation[],
  initial: State,
  replay: Replay<State>,
): boolean {
  const left = operations.filter((operation) => operation.status !== "fail");
  const go = (remaining: readonly Operation[], placed: readonly Operation[], state: State): boolean => {
    if (remaining.every((operation) => operation.status === "unknown")) return true;
    return remaining.some((operation) => {
      // The order must not put a call after one that was invoked when it had returned.
      if (placed.some((earlier) => operation.returnLine < earlier.invokeLine)) return false;
      const others = remaining.filter((other) => other !== operation);
      return replay(state, operation).some((after) => go(others, [...placed, operation], after));
    });
  };
  return go(left, [], initial);
}

/** A register with append. */
export function replayRegister(state: string, operation: Operation): readonly string[] {
  const { f, value, result, status } = operation;
  if (f === "get") return status === "unknown" || result === state ? [state] : [];
  if (f === "put") return [String(value)];
  if (f === "delete") return [""];
  if (status === "ok" && result !== null && field(result, "old") !== state) return [];
  return [state + String(value)];
}

/** A register with versions. */
export function replayVersioned(state: string, operation: Operation): readonly string[] {
  const [held, text] = [Number(state.split(":")[0]), state.slice(state.indexOf(":") + 1)];
  const { f, value, result, status } = operation;
  if (f === "getWithVersion") {
    return status === "unknown" || (field(result, "value") === text && field(result, "version") === held)
      ? [state]
      : [];
  }
  const version = Number(field(value, "version"));
  const changed = `${version + 1}:${field(value, "value")}`;
  const outcome = status === "unknown" ? "maybe" : field(result, "outcome");
  if (outcome === "maybe") return [version === held ? changed : state];
  if (outcome === "ok") return version === held ? [changed] : [];
  if (version === held || (outcome === "noKey") !== (held === 0)) return [];
  return [state];
}

/**
 * A lock whose tokens are small numbers. Where nobody was told which token was given it may be any of them: as many more as there
 * are calls leave room for all that matter.
 */
export function replayLock(state: string, { f, value, result, status }: Operation): readonly string[] {
  const [held, token] = [state.startsWith("held"), Number(state.split(":")[1])];
  if (f === "acquire") {
    if (held) return status === "unknown" || result === null ? [state] : [];
    if (status !== "unknown") return Number(result) > token ? [`held:${result}`] : [];
    return Array.from({ length: 24 }, (_, count) => `held:${token + 1 + count}`);
  }
  const isHolders = held && token === value;
  if (status !== "unknown" && (result !== false) !== isHolders) return [];
  return [isHolders && f === "release" ? `free:${token}` : state];
}

/** The same lock, whose lease may run out before any call. */
export function replayLease(state: string, operation: Operation): readonly string[] {
  const expired = state.replace("held", "free");
  return [...new Set([state, expired])].flatMap((before) => replayLock(before, operation));
}

function field(value: JsonValue, name: string): JsonValue | undefined {
  return Object.entries(value ?? {}).find(([key]) => key === name)?.[1];
}
