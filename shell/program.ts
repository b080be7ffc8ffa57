/**
 * The command line of `balsa`: one tree of commands.
 *
 * @module
 */
import { Command } from "jsr:@cliffy/command@^1.2.0";
import { CompletionsCommand } from "jsr:@cliffy/command@^1.2.0/completions";
import manifest from "../deno.json" with { type: "json" };
import { KvServer } from "../kv/mod.ts";
import { readServers } from "./addresses.ts";
import { consistencyOption, readConsistency } from "./commands/calls.ts";
import { runDemo } from "./commands/demo.ts";
import { addMapReduceCommands } from "./commands/mapreduce_tree.ts";
import { addShardCommands } from "./commands/shards_tree.ts";
import { runDiskInspect, runDiskVerify } from "./commands/disk.ts";
import { oneShotAppend, oneShotGet, oneShotPut, oneShotStatus } from "./commands/one_shot.ts";
import { runShell } from "./commands/shell.ts";
import { runStart } from "./commands/start.ts";
import { hideDashedValues, revealWord } from "./dashes.ts";
import { explain } from "./explain.ts";
import { exitOk, exitUsage, UsageError } from "./failure.ts";
import { withShell } from "./session.ts";
import { defaultClusterId, readNodeSettings } from "./node_settings.ts";
import type { Flags } from "./flags.ts";
import { defineKeyCommand, keyCommands } from "./key_commands.ts";
import type { Output } from "./output.ts";
import { runInForeground } from "./run_server.ts";

const serversText = "Addresses of the nodes: HOST:PORT,HOST:PORT,… (must be given)";
const timeoutText = "Give a call up after so many milliseconds; without it, wait for as long as it takes";

/** Where an action leaves the exit code of the process. */
interface Outcome {
  exitCode: number;
}

/** Runs a command line and returns the exit code of the process; never rejects. */
export async function runProgram(words: readonly string[], output: Output): Promise<number> {
  if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
    output.result(`balsa ${manifest.version}`);
    return exitOk;
  }
  const outcome: Outcome = { exitCode: exitOk };
  try {
    await buildTree(outcome, output).parse(hideDashedValues(words));
    return outcome.exitCode;
  } catch (error) {
    const failure = explain(error);
    const command = words.find((word) => /^[a-z]+$/.test(word));
    const hint = failure.exitCode === exitUsage ? `\nSee: balsa ${isKnown(command) ? `${command} ` : ""}--help` : "";
    output.note(`balsa: ${failure.message}${hint}`);
    return failure.exitCode;
  }
}

const names = [
  "start",
  "demo",
  "node",
  "shell",
  "get",
  "put",
  "append",
  "status",
  "mapreduce",
  "shards",
  "disk",
  "completions",
]
  .concat(
    keyCommands.map(({ name }) => name),
  );

function isKnown(name: string | undefined): boolean {
  return name !== undefined && names.includes(name);
}

function buildTree(outcome: Outcome, output: Output): Command {
  const root = new Command()
    .name("balsa")
    .version(manifest.version)
    .description("A light Raft: a replicated, linearizable key/value store.")
    .example("A cluster on this machine", "balsa start")
    .example("One node of a cluster", "balsa node --id n1 --listen HOST:PORT --peers n1=…,n2=…,n3=… --data DIR")
    .example("A value that begins with a dash", "balsa put --servers HOST:PORT -- temperature -17")
    .throwErrors()
    .noExit();
  addLocalCommands(root, outcome, output);
  addNodeCommand(root, outcome);
  addClerkCommands(root, outcome, output);
  addMapReduceCommands(root, outcome, output);
  addShardCommands(root, outcome, output);
  root.command("disk", diskCommand(outcome, output));
  root.command("completions", new CompletionsCommand());
  return root;
}

function addLocalCommands(root: Command, outcome: Outcome, output: Output): void {
  root.command(
    "start",
    new Command()
      .description(
        "Run three nodes on this machine and a shell; without a terminal, commands come from standard input.",
      )
      .option("--data <directory:string>", "Where the nodes keep their data and logs", { default: "./balsa-data" })
      .option("--port <port:integer>", "Port of the first node; ports that are taken are replaced", { default: 7001 })
      .option("--timeout <milliseconds:integer>", timeoutText)
      .action(async (options) => {
        outcome.exitCode = await runStart({
          dataDir: options.data,
          firstPort: readPort(options.port),
          timeoutMs: readTimeout(options.timeout),
          output,
        });
      }),
  );
  root.command(
    "demo",
    new Command()
      .description("A guided tour: a cluster of five nodes that loses its leader and its network, and no data.")
      .action(async () => {
        outcome.exitCode = await runDemo(output);
      }),
  );
}

function addNodeCommand(root: Command, outcome: Outcome): void {
  root.command(
    "node",
    new Command()
      .description("Run one node until it is stopped (Ctrl-C).")
      .option("--id <id:string>", "This node's name, one of those in --peers", { required: true })
      .option("--listen <address:string>", "HOST:PORT where it listens", { required: true })
      .option("--peers <list:string>", "Where it dials each member: n1=HOST:PORT,n2=HOST:PORT,…", { required: true })
      .option("--data <directory:string>", "Its data directory; created if missing", { required: true })
      .option("--cluster <name:string>", "The cluster's name", { default: defaultClusterId })
      .option("--insecure", "Allow --listen beyond this machine although there is no authentication")
      .action(async (options) => {
        outcome.exitCode = await runInForeground(
          readNodeSettings({ ...options, insecure: options.insecure === true }),
          (nodeOptions) => KvServer.start(nodeOptions),
        );
      }),
  );
}

function diskCommand(outcome: Outcome, output: Output): Command {
  const command = (description: string) =>
    new Command().description(description).option("--json", "Print JSON").arguments("<directory:string>");
  const disk = new Command().description(
    "Look into the data directory of a node that does not run; nothing is changed.",
  );
  disk.command(
    "verify",
    command("Check every byte; exit with 1, and name file, offset and remedy, unless all is sound.")
      .action(async (options, directory) => {
        outcome.exitCode = await runDiskVerify({ directory, asJson: options.json === true, output });
      }),
  );
  disk.command(
    "inspect",
    command("Print whose directory it is, the records of its log, its snapshots and its witness.")
      .action(async (options, directory) => {
        outcome.exitCode = await runDiskInspect({ directory, asJson: options.json === true, output });
      }),
  );
  return disk;
}

function addClerkCommands(root: Command, outcome: Outcome, output: Output): void {
  const targetOf = (options: { readonly servers?: string | undefined; readonly timeout?: number | undefined }) => ({
    servers: readServers(options.servers ?? missingServers()),
    timeoutMs: readTimeout(options.timeout),
    output,
  });
  const clerkCommand = (description: string) =>
    new Command()
      .description(description)
      .option("--servers <addresses:string>", serversText)
      .option("--timeout <milliseconds:integer>", timeoutText);
  root.command(
    "shell",
    clerkCommand("A shell on a running cluster.").action(async (options) => {
      outcome.exitCode = await runShell(targetOf(options));
    }),
  );
  root.command(
    "get",
    clerkCommand("Print the value of a key; a missing key has the empty value.")
      .option("--json", "Print JSON")
      .option(...consistencyOption)
      .arguments("<key:string>")
      .action((options, key) =>
        oneShotGet(targetOf(options), options.json === true, revealWord(key), readConsistency(options.consistency))
      ),
  );
  root.command(
    "put",
    clerkCommand("Replace the value of a key.")
      .option("--json", "Print JSON").arguments("<key:string> <value:string>")
      .action((options, key, value) =>
        oneShotPut(targetOf(options), options.json === true, revealWord(key), revealWord(value))
      ),
  );
  root.command(
    "append",
    clerkCommand("Add to the end of the value of a key.")
      .option("--json", "Print JSON").arguments("<key:string> <value:string>")
      .action((options, key, value) =>
        oneShotAppend(targetOf(options), options.json === true, revealWord(key), revealWord(value))
      ),
  );
  const clerkOptions = [["--servers <addresses:string>", serversText], [
    "--timeout <milliseconds:integer>",
    timeoutText,
  ]] as const;
  for (const definition of keyCommands) {
    const run = async (flags: Flags, words: readonly string[]): Promise<void> => {
      const servers = flags.text("servers") ?? undefined;
      const target = targetOf({ servers, timeout: flags.integer("timeout", 1) ?? undefined });
      await withShell({ ...target, stdinIsFree: true }, (context) => definition.run(context, flags, words));
    };
    root.command(definition.name, defineKeyCommand(definition, clerkOptions, run));
  }
  root.command(
    "status",
    clerkCommand("Show role, term, leader and log of each node.")
      .option("--json", "Print JSON")
      .action((options) => oneShotStatus(targetOf(options), options.json === true)),
  );
}

function missingServers(): never {
  throw new UsageError("Cannot find the cluster: --servers is missing; add --servers HOST:PORT,HOST:PORT,…");
}

function readTimeout(timeoutMs: number | undefined): number | null {
  if (timeoutMs === undefined) return null;
  if (timeoutMs >= 1 && timeoutMs <= 2 ** 31 - 1) return timeoutMs;
  throw new UsageError(`Cannot wait for ${timeoutMs} ms: --timeout takes whole milliseconds from 1 to 2147483647`);
}

function readPort(port: number): number {
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`Cannot use port ${port}: --port takes 1 to 65535`);
}
