/**
 * `balsa shell`: the REPL on a running cluster, or the commands on standard input.
 *
 * @module
 */
import { runBatch } from "../batch.ts";
import { History, historyFile } from "../history.ts";
import { palette } from "../render.ts";
import { type ReplEvents, runRepl } from "../repl.ts";
import { type ClusterTarget, withShell } from "../session.ts";

/** Runs the shell until the user leaves or the input ends; returns the exit code. */
export async function runShell(target: ClusterTarget, events: ReplEvents | null = null): Promise<number> {
  return await withShell(target, async (context) => {
    if (!Deno.stdin.isTerminal() || !target.output.isTerminal) return await runBatch(context, Deno.stdin.readable);
    target.output.note(palette(target.output.colors).faint("Type help for the commands, Ctrl-D to leave."));
    return await runRepl(context, History.open(historyFile((name) => Deno.env.get(name))), events);
  });
}
