/**
 * `lock NAME -- command`: runs a program while a lock is held.
 *
 * @module
 */
import { type HeldLock, Lock } from "../../kv/mod.ts";
import type { ShellContext } from "../context.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import type { Flags } from "../flags.ts";
import { call } from "./calls.ts";

/** The environment variable in which the program finds the lock's fencing token. */
export const tokenVariable = "BALSA_LOCK_TOKEN";

/**
 * Waits for the lock, runs the program, releases the lock. Fails with the program's own exit code, or with 1 when the lock
 * was lost meanwhile: then the program is asked to end (SIGTERM).
 */
export async function runLock(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const [name = "", program, ...args] = words;
  if (program === undefined) {
    throw new UsageError("Cannot tell what to run: type it behind --, as in: lock NAME -- command");
  }
  const leaseMs = flags.integer("lease", 100);
  const lock = new Lock(context.clerk, name, leaseMs === null ? {} : { leaseMs });
  await using held = await call(context, "lock", name, (options) => lock.acquire(options));
  const child = start(program, args, held, context.stdinIsFree);
  const end = (): void => endChild(child);
  held.signal.addEventListener("abort", end, { once: true });
  context.signal.addEventListener("abort", end, { once: true });
  const stopListening = passSignals(child);
  const { code } = await child.status.finally(() => {
    stopListening();
    context.signal.removeEventListener("abort", end);
  });
  if (held.signal.aborted) {
    const { reason } = held.signal;
    throw new CommandFailed(`${reason instanceof Error ? reason.message : "The lock is lost"}; ${program} was ended`);
  }
  if (code !== 0) throw new CommandFailed(`${program} has ended with exit code ${code}`, code);
}

function start(program: string, args: readonly string[], held: HeldLock, stdinIsFree: boolean): Deno.ChildProcess {
  const options: Deno.CommandOptions = {
    args: [...args],
    env: { [tokenVariable]: String(held.token) },
    stdin: stdinIsFree ? "inherit" : "null",
    stdout: "inherit",
    stderr: "inherit",
  };
  try {
    return new Deno.Command(program, options).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such program" : String(error);
    throw new CommandFailed(`Cannot run ${JSON.stringify(program)}: ${reason}`);
  }
}

function endChild(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

/** Ctrl-C reaches the program by itself, which decides what it means; a request to end is handed on. */
function passSignals(child: Deno.ChildProcess): () => void {
  const onInterrupt = (): void => {};
  const onTerminate = (): void => endChild(child);
  Deno.addSignalListener("SIGINT", onInterrupt);
  Deno.addSignalListener("SIGTERM", onTerminate);
  return () => {
    Deno.removeSignalListener("SIGINT", onInterrupt);
    Deno.removeSignalListener("SIGTERM", onTerminate);
  };
}
