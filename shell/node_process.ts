/**
 * The process of one node of `balsa start`. It needs no third-party package and no permission but its ports and its
 * directory, and it ends when its standard input does: no node outlives the shell that started it.
 *
 * @module
 */
import { describeFailure } from "./failure.ts";
import { fromArguments } from "./node_settings.ts";
import { runNode } from "./run_node.ts";

/** Resolves when whoever holds the other end of our standard input has gone. */
async function untilInputEnds(): Promise<void> {
  try {
    for await (const _bytes of Deno.stdin.readable) { /* Nobody is expected to say anything. */ }
  } catch {
    // An input that cannot be read is as good as one that has ended.
  }
}

if (import.meta.main) {
  const stop = new AbortController();
  void untilInputEnds().then(() => stop.abort());
  // Ctrl-C goes to every process of the terminal; the shell decides what it means and ends its nodes itself.
  Deno.addSignalListener("SIGINT", () => {});
  try {
    Deno.exit(await runNode(fromArguments(Deno.args), stop.signal));
  } catch (error) {
    const failure = describeFailure(error);
    console.error(failure.message);
    Deno.exit(failure.exitCode);
  }
}
