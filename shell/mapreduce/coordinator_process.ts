/**
 * The process of one coordinator of `balsa mapreduce run`. It needs no third-party package, and it ends when its standard
 * input does: no coordinator outlives the shell that started it.
 *
 * @module
 */
import { describeFailure } from "../failure.ts";
import { fromArguments } from "../node_settings.ts";
import { runCoordinator } from "./run_coordinator.ts";
import { untilInputEnds } from "./input_end.ts";

if (import.meta.main) {
  const stop = new AbortController();
  void untilInputEnds().then(() => stop.abort());
  // Ctrl-C goes to every process of the terminal; the shell decides what it means and ends its coordinators itself.
  Deno.addSignalListener("SIGINT", () => {});
  try {
    Deno.exit(await runCoordinator(fromArguments(Deno.args), stop.signal));
  } catch (error) {
    const failure = describeFailure(error);
    console.error(failure.message);
    Deno.exit(failure.exitCode);
  }
}
