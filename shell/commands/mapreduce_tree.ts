/**
 * The options of `balsa mapreduce …`.
 *
 * @module
 */
import { Command } from "jsr:@cliffy/command@^1.2.0";
import { CoordinatorServer } from "../../mapreduce/mod.ts";
import { readServers } from "../addresses.ts";
import { UsageError } from "../failure.ts";
import { readNodeSettings } from "../node_settings.ts";
import type { Output } from "../output.ts";
import { runInForeground } from "../run_server.ts";
import { defaultCluster, runMapReduce, runWorkerInForeground, showMapReduceStatus } from "./mapreduce.ts";

const serversText = "Addresses of the coordinators: HOST:PORT,HOST:PORT,…";
const clusterText = "The coordinators' cluster";

/** Adds the commands to the tree; their exit codes go to `outcome`. */
export function addMapReduceCommands(root: Command, outcome: { exitCode: number }, output: Output): void {
  const tree = new Command()
    .description("MapReduce: a coordinator on Raft hands out tasks to worker processes.")
    .example(
      "Word count",
      "balsa mapreduce run --job wc.ts --input 'books/*.txt' --reduces 10 --workers 4 --output out",
    )
    .action(() => {
      throw new UsageError("Cannot run mapreduce alone: say run, coordinator, worker or status");
    });
  addRun(tree, outcome, output);
  addCoordinator(tree, outcome);
  addWorker(tree, outcome);
  addStatus(tree, output);
  root.command("mapreduce", tree);
}

function addRun(tree: Command, outcome: { exitCode: number }, output: Output): void {
  tree.command(
    "run",
    new Command()
      .description("Run a job on this machine: coordinators, workers and all, from input files to output directory.")
      .option("--job <module:string>", "Module that exports map and reduce", { required: true })
      .option("--input <pattern:string>", "Input files, such as 'books/*.txt'; may be repeated", {
        required: true,
        collect: true,
      })
      .option("--output <directory:string>", "Output directory; must not exist, or be empty", { required: true })
      .option("--reduces <count:integer>", "Reduce tasks, hence output files", { default: 10 })
      .option("--workers <count:integer>", "Worker processes; 2 unless given, none with --servers")
      .option("--coordinators <count:integer>", "Coordinator processes; 3 survive the loss of one", { default: 3 })
      .option("--servers <addresses:string>", "Use these coordinators instead of own ones: HOST:PORT,HOST:PORT,…")
      .option("--parameter <assignment:string>", "NAME=VALUE for the job; may be repeated", { collect: true })
      .option("--lease <milliseconds:integer>", "Redo a task that shows no progress for so long", { default: 10_000 })
      .option("--buffer <mebibytes:integer>", "What a map task gathers in memory, in MiB; 32 unless given")
      .option(
        "--read <path:string>",
        "What the job may read beside its inputs and its own directory; may be repeated",
        {
          collect: true,
        },
      )
      .option("--import-host <host:string>", "Host that the job may load modules from; may be repeated", {
        collect: true,
      })
      .option("--keep", "Keep logs and intermediate files in OUTPUT.working")
      .action(async (options) => {
        outcome.exitCode = await runMapReduce({
          job: options.job,
          input: options.input,
          output: options.output,
          read: options.read ?? [],
          importHosts: options.importHost ?? [],
          reduces: options.reduces,
          workers: options.workers ?? null,
          coordinators: options.coordinators,
          servers: options.servers === undefined ? null : readServers(options.servers),
          parameter: options.parameter ?? [],
          leaseMs: options.lease,
          bufferMebibytes: options.buffer ?? null,
          keep: options.keep === true,
        }, output);
      }),
  );
}

function addCoordinator(tree: Command, outcome: { exitCode: number }): void {
  tree.command(
    "coordinator",
    new Command()
      .description("Run one coordinator until it is stopped (Ctrl-C).")
      .option("--id <id:string>", "This coordinator's name, one of those in --peers", { required: true })
      .option("--listen <address:string>", "HOST:PORT where it listens", { required: true })
      .option("--peers <list:string>", "Where it dials each member: c1=HOST:PORT,c2=HOST:PORT,…", { required: true })
      .option("--data <directory:string>", "Its data directory; created if missing", { required: true })
      .option("--cluster <name:string>", clusterText, { default: defaultCluster })
      .option("--insecure", "Allow --listen beyond this machine although there is no authentication")
      .action(async (options) => {
        outcome.exitCode = await runInForeground(
          readNodeSettings({ ...options, insecure: options.insecure === true }),
          (nodeOptions) => CoordinatorServer.start(nodeOptions),
        );
      }),
  );
}

function addWorker(tree: Command, outcome: { exitCode: number }): void {
  tree.command(
    "worker",
    new Command()
      .description("Run one worker until it is stopped (Ctrl-C). It may touch only what is named here.")
      .option("--servers <addresses:string>", serversText, { required: true })
      .option("--read <path:string>", "What it may read: inputs, the job's directory; may be repeated", {
        collect: true,
      })
      .option(
        "--write <path:string>",
        "Where it may write: OUTPUT and OUTPUT.working, or what they are in; may be repeated",
        {
          collect: true,
        },
      )
      .option("--import-host <host:string>", "Host that jobs may be loaded from; may be repeated", { collect: true })
      .option("--exit-when-idle", "End when no job is under way")
      .option("--give-up <seconds:integer>", "End when no coordinator answers for so long", { default: 30 })
      .option(
        "--heap <mebibytes:integer>",
        "Memory for the job's data, in MiB: 104 and four times the largest input file, or more",
        { default: 136 },
      )
      .option("--cluster <name:string>", clusterText, { default: defaultCluster })
      .action(async (options) => {
        outcome.exitCode = await runWorkerInForeground({
          servers: readServers(options.servers),
          clusterId: options.cluster,
          read: options.read ?? [],
          write: options.write ?? [],
          importHosts: options.importHost ?? [],
          exitWhenIdle: options.exitWhenIdle === true,
          giveUpSeconds: options.giveUp,
          heapMebibytes: options.heap,
        });
      }),
  );
}

function addStatus(tree: Command, output: Output): void {
  tree.command(
    "status",
    new Command()
      .description("Show jobs, tasks under way and workers.")
      .option("--servers <addresses:string>", serversText, { required: true })
      .option("--json", "Print JSON")
      .option("--timeout <milliseconds:integer>", "Give up after so many milliseconds; 10000 unless given")
      .option("--cluster <name:string>", clusterText, { default: defaultCluster })
      .action(async (options) => {
        const target = {
          servers: readServers(options.servers),
          clusterId: options.cluster,
          timeoutMs: options.timeout ?? null,
        };
        await showMapReduceStatus(target, options.json === true, output);
      }),
  );
}
