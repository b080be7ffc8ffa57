/**
 * A write of a session changes the state at most once, however often its command stands in the log, alone or among others.
 *
 * @module
 */
import type { KvResult } from "../../../kv/state_machine.ts";
import type { Execution, Invariant } from "./invariant.ts";

interface First {
  readonly index: number;
  readonly answer: string;
}

/** What a client is told; null where the session has said it, not the write. */
function answerOf(result: KvResult | undefined): string | null {
  switch (result?.kind) {
    case undefined:
      return null;
    case "written":
      return `version ${result.version}`;
    case "sessionOpened":
    case "sessionExpired":
    case "staleSerial":
    case "tooManyOutstanding":
      return null;
    default:
      return JSON.stringify(result);
  }
}

/** One write of a command, and what came of it. */
interface Write {
  readonly key: string;
  readonly result: KvResult | undefined;
}

function writesOf({ command, result }: Execution): Write[] {
  if (command.kind === "write") return [{ key: `${command.sessionId}.${command.serialNumber}`, result }];
  if (command.kind !== "writes" || result.kind !== "writes") return [];
  const { sessionId, firstSerial } = command;
  return command.operations.map((_, at) => ({ key: `${sessionId}.${firstSerial + at}`, result: result.outcomes[at] }));
}

/** `onRepeat` is told of each repeated write that was answered with the result of the first. */
export function exactlyOnce(onRepeat: () => void): Invariant {
  const firsts = new Map<string, First>();
  const repeats = new Set<number>();
  return {
    name: "exactly-once",
    executed(execution) {
      const { replica, context, hashBefore, hashAfter } = execution;
      let isAllRepeated = true;
      for (const { key, result } of writesOf(execution)) {
        const first = firsts.get(key);
        const answer = answerOf(result);
        if (first === undefined || first.index >= context.index) {
          isAllRepeated = false;
          if (answer !== null) firsts.set(key, { index: context.index, answer });
        } else if (answer !== null) {
          if (answer !== first.answer) {
            return `${replica} answers write ${key} with ${answer}: it was ${first.answer} at first`;
          }
          if (!repeats.has(context.index)) onRepeat();
          repeats.add(context.index);
        }
      }
      const { kind } = execution.command;
      if (!isAllRepeated || (kind !== "write" && kind !== "writes")) return null;
      if (hashBefore === null || hashBefore === hashAfter) return null;
      return `${replica} executes a write at ${context.index} that it has executed before`;
    },
  };
}
