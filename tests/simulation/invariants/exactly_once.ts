/**
 * A write of a session changes the state at most once, however often its command stands in the log.
 *
 * @module
 */
import type { Invariant } from "./invariant.ts";

interface First {
  readonly index: number;
  readonly version: number;
}

/** `onRepeat` is told of each repeated write that was answered with the result of the first. */
export function exactlyOnce(onRepeat: () => void): Invariant {
  const firsts = new Map<string, First>();
  const repeats = new Set<number>();
  return {
    name: "exactly-once",
    executed({ replica, command, context, result, hashBefore, hashAfter }) {
      if (command.kind !== "write") return null;
      const { sessionId, serialNumber } = command;
      const key = `${sessionId}.${serialNumber}`;
      const first = firsts.get(key);
      if (first === undefined || first.index >= context.index) {
        if (result.kind === "written") firsts.set(key, { index: context.index, version: result.version });
        return null;
      }
      if (hashBefore !== null && hashBefore !== hashAfter) {
        return `${replica} executes write ${key} at ${context.index}, and has executed it at ${first.index}`;
      }
      if (result.kind !== "written") return null;
      if (result.version !== first.version) {
        return `${replica} answers write ${key} with version ${result.version}: the first answer was ${first.version}`;
      }
      if (!repeats.has(context.index)) onRepeat();
      repeats.add(context.index);
      return null;
    },
  };
}
