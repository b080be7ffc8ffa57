/**
 * The shell without a terminal: runs the commands it reads from a pipe or file, one a line, and prints results only.
 *
 * @module
 */
import type { ShellContext } from "./context.ts";
import { exitFailed, exitOk } from "./failure.ts";
import { LineRunner } from "./line_runner.ts";
import { readLines } from "./lines.ts";

export { readLines } from "./lines.ts";

/** Runs every line of `input`, also after one has failed; returns {@link exitFailed} if any did. */
export async function runBatch(context: ShellContext, input: ReadableStream<Uint8Array>): Promise<number> {
  const runner = new LineRunner(context);
  let exitCode = exitOk;
  let lineNumber = 0;
  for await (const line of readLines(input)) {
    lineNumber += 1;
    if (await runner.run(line, `line ${lineNumber}: `) !== exitOk) exitCode = exitFailed;
    if (context.isLeaving || context.signal.aborted) break;
  }
  return exitCode;
}
