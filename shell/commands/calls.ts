/**
 * get, put and append, as the REPL and the one-shot commands share them.
 *
 * @module
 */
import { type Clerk, ClerkError, type Consistency } from "../../kv/mod.ts";
import type { CallOptions, ShellContext } from "../context.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import { palette, renderDuration, renderForTerminal } from "../render.ts";

/** The call was given up because the user pressed Ctrl-C. */
export class Interrupted extends CommandFailed {}

/** The Clerk of a cluster that is not sharded. */
export function wholeClerk({ wholeClerk }: ShellContext): Clerk {
  if (wholeClerk !== null) return wholeClerk;
  throw new CommandFailed("A sharded store has neither watches nor leases yet");
}

/** Reads a key and returns its value. */
export async function runGet(
  context: ShellContext,
  key: string,
  consistency: Consistency = "linearizable",
): Promise<string> {
  return await call(context, "get", key, (options) => context.store.get(key, { ...options, consistency }));
}

/** What `--consistency` says; linearizable when it was left out. */
export function readConsistency(text: string | undefined): Consistency {
  if (text === undefined) return "linearizable";
  if (text === "linearizable" || text === "lease" || text === "stale") return text;
  throw new UsageError(`Cannot read with --consistency ${text}: there are linearizable, lease and stale`);
}

/** As the help shows it. */
export const consistencyOption = [
  "--consistency <level:string>",
  "linearizable (the default), lease (trusts the servers' clocks) or stale",
] as const;

/** Replaces the value of a key. */
export async function runPut(context: ShellContext, key: string, value: string): Promise<void> {
  await call(context, "put", key, (options) => context.store.put(key, value, options));
}

/** Adds to the value of a key. */
export async function runAppend(context: ShellContext, key: string, value: string): Promise<void> {
  await call(context, "append", key, (options) => context.store.append(key, value, options));
}

/** Prints a value: as it is into a pipe or file, harmless on a terminal. */
export function printValue(context: ShellContext, value: string): void {
  context.output.result(context.output.isTerminal ? renderForTerminal(value) : value);
  printTime(context);
}

/** Confirms a write on a terminal; scripts learn it from the exit code and get results only. */
export function printDone(context: ShellContext): void {
  if (context.output.isTerminal) context.output.result("ok");
  printTime(context);
}

/** Says how long the last call took, if that was asked for; apart from the results. */
function printTime(context: ShellContext): void {
  if (context.showTime) context.output.note(palette(context.output.colors).faint(renderDuration(context.lastCallMs)));
}

/** What a call does, as its command is called. */
export type Verb =
  | "get"
  | "put"
  | "append"
  | "cas"
  | "del"
  | "incr"
  | "scan"
  | "txn"
  | "lock"
  | "export"
  | "import"
  | "lease"
  | "look";

/** Runs one call within the user's patience; `key` is what it is about, "" for nothing in particular. */
export async function call<T>(
  context: ShellContext,
  verb: Verb,
  key: string,
  run: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const timeout = context.timeoutMs === null ? null : AbortSignal.timeout(context.timeoutMs);
  const signal = timeout === null ? context.signal : AbortSignal.any([context.signal, timeout]);
  const start = performance.now();
  context.callsInFlight += 1;
  try {
    const result = await run({ signal });
    if (key !== "" && verb !== "lock") context.recentKeys.add(key);
    context.lastCallMs = performance.now() - start;
    return result;
  } catch (error) {
    // Whichever error the abort surfaced as, the reason is what the person wants to read.
    if (context.signal.aborted) throw new Interrupted(`Interrupted${fateOf(verb, error)}`);
    if (timeout?.aborted) {
      throw new CommandFailed(
        `Cannot ${verb}${key === "" ? "" : ` ${JSON.stringify(key)}`}: no answer within ${context.timeoutMs} ms${
          waitedFor(context)
        }` +
          `${fateOf(verb, error)}; see which nodes are up with: status`,
      );
    }
    throw error;
  } finally {
    context.callsInFlight -= 1;
    context.waiting.clear();
  }
}

function waitedFor(context: ShellContext): string {
  const { obstacle } = context.waiting;
  return obstacle === null ? "" : ` (${obstacle.text})`;
}

/** What has become of a write that was given up. */
function fateOf(verb: Verb, error: unknown): string {
  if (verb === "get" || verb === "scan" || verb === "export" || verb === "look") return "";
  const isNotDone = error instanceof ClerkError && error.code !== "unknown";
  return isNotDone ? `; the ${verb} was not carried out` : `; the ${verb} may still take effect`;
}
