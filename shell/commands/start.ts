/**
 * `balsa start`: a cluster on this machine and a shell on it.
 *
 * @module
 */
import { Announcer } from "../announcer.ts";
import { endings } from "../endings.ts";
import { LocalCluster } from "../local_cluster.ts";
import type { Output } from "../output.ts";
import { palette } from "../render.ts";
import { runShell } from "./shell.ts";

/** What {@link runStart} is told. */
export interface StartOptions {
  /** Holds the nodes' data and logs. */
  readonly dataDir: string;
  /** Port of the first node, if it is free. */
  readonly firstPort: number;
  /** The limit of one call in milliseconds, or null. */
  readonly timeoutMs: number | null;
  /** Where results and remarks go. */
  readonly output: Output;
}

/** Runs the nodes and the shell until the user leaves; returns the exit code. */
export async function runStart(options: StartOptions): Promise<number> {
  const { output } = options;
  const announcer = new Announcer((text) => output.note(text));
  await using cluster = await LocalCluster.start({
    dataDir: options.dataDir,
    firstPort: options.firstPort,
    onLost: (child) => announcer.announce(`Node ${child.settings.id} has ended unexpectedly; see ${child.logFile}`),
  });
  const leave = new AbortController();
  for (const [signal, number] of endings) {
    Deno.addSignalListener(signal, () => {
      // Closes the prompt, so that the terminal gets back its usual mode.
      leave.abort();
      void cluster.stop().finally(() => Deno.exit(128 + number));
    });
  }
  if (output.isTerminal) greet(output, cluster, options.dataDir);
  return await runShell({ servers: cluster.servers, timeoutMs: options.timeoutMs, output }, {
    leave: leave.signal,
    announcer,
  });
}

function greet(output: Output, cluster: LocalCluster, dataDir: string): void {
  const colors = palette(output.colors);
  const nodes = cluster.children.map((child) => `${child.settings.id} ${child.settings.listen}`).join(", ");
  output.note(`${colors.strong("Balsa")} runs on this machine: ${nodes}`);
  output.note(
    colors.faint(`Data and logs: ${dataDir}. Another shell: balsa shell --servers ${cluster.servers.join(",")}`),
  );
}
