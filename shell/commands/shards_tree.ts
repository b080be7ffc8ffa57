/**
 * The options of `balsa shards …`.
 *
 * @module
 */
import { Command } from "jsr:@cliffy/command@^1.2.0";
import { ShardServer } from "../../kv/mod.ts";
import { readServers } from "../addresses.ts";
import { UsageError } from "../failure.ts";
import { readNodeSettings } from "../node_settings.ts";
import type { Output } from "../output.ts";
import { runInForeground } from "../run_server.ts";
import { changeShards, type ControllerTarget, runShardsStart, showShards } from "./shards.ts";
import { runShardsDemo } from "./shards_demo.ts";
import { runShell } from "./shell.ts";

const serversText = "Addresses of the controller's servers: HOST:PORT,HOST:PORT,…";

/** Adds the commands to the tree; their exit codes go to `outcome`. */
export function addShardCommands(root: Command, outcome: { exitCode: number }, output: Output): void {
  const tree = new Command()
    .description("A sharded store: groups of servers, each with a share of the keys.")
    .example("All of it on this machine", "balsa shards start --groups 3 --nodes 3")
    .example("One more group", "balsa shards join --servers C1,C2,C3 4 HOST:PORT,HOST:PORT,HOST:PORT")
    .action(() => {
      throw new UsageError(
        "Cannot run shards alone: say start, demo, node, shell, status, join, leave, move or rebalance",
      );
    });
  addStart(tree, outcome, output);
  addNode(tree, outcome);
  addChanges(tree, output);
  tree.command(
    "shell",
    new Command().description("A shell on a sharded store.")
      .option("--servers <addresses:string>", serversText, { required: true })
      .action(async (options) => {
        const servers = readServers(options.servers);
        outcome.exitCode = await runShell({ servers, timeoutMs: null, output, isSharded: true });
      }),
  );
  root.command("shards", tree);
}

function addStart(tree: Command, outcome: { exitCode: number }, output: Output): void {
  tree.command(
    "start",
    new Command()
      .description("Run a controller and some groups on this machine, and a shell on them.")
      .option("--groups <count:integer>", "Groups", { default: 3 })
      .option("--nodes <count:integer>", "Servers of each group and of the controller", { default: 3 })
      .option("--shards <count:integer>", "Shards; fixed when the data directory is new", { default: 256 })
      .option("--data <directory:string>", "Where the servers keep their data and logs", { default: "./balsa-shards" })
      .option("--port <port:integer>", "Port of the first server; ports that are taken are replaced", { default: 7101 })
      .option("--timeout <milliseconds:integer>", "Give a call up after so many milliseconds")
      .action(async (options) => {
        outcome.exitCode = await runShardsStart({
          ...{ dataDir: options.data, firstPort: options.port, groups: options.groups, nodes: options.nodes },
          ...{ shardCount: options.shards, timeoutMs: options.timeout ?? null, output },
        });
      }),
  );
  tree.command(
    "demo",
    new Command()
      .description("Groups that join and leave while clients write: nothing fails, nothing is lost.")
      .action(async () => {
        outcome.exitCode = await runShardsDemo(output);
      }),
  );
}

function addNode(tree: Command, outcome: { exitCode: number }): void {
  tree.command(
    "node",
    new Command()
      .description("Run one server of a group until it is stopped (Ctrl-C). The controller is made of ordinary nodes.")
      .option("--group <number:integer>", "The group's number, 1 or more", { required: true })
      .option("--controllers <addresses:string>", serversText, { required: true })
      .option("--id <id:string>", "This server's name, one of those in --peers", { required: true })
      .option("--listen <address:string>", "HOST:PORT where it listens", { required: true })
      .option("--peers <list:string>", "Where it dials each server of its group: a=HOST:PORT,b=HOST:PORT,…", {
        required: true,
      })
      .option("--data <directory:string>", "Its data directory; created if missing", { required: true })
      .option("--insecure", "Allow --listen beyond this machine although there is no authentication")
      .action(async (options) => {
        const shards = { group: options.group, controllers: readServers(options.controllers) };
        const settings = readNodeSettings({ ...options, cluster: "", insecure: options.insecure === true });
        outcome.exitCode = await runInForeground(settings, (own) => ShardServer.start({ ...own, ...shards }));
      }),
  );
}

function addChanges(tree: Command, output: Output): void {
  const command = (description: string) =>
    new Command().description(description)
      .option("--servers <addresses:string>", serversText, { required: true })
      .option("--timeout <milliseconds:integer>", "Give up after so many milliseconds");
  const targetOf = (
    options: { readonly servers: string; readonly timeout?: number | undefined },
  ): ControllerTarget => ({
    servers: readServers(options.servers),
    timeoutMs: options.timeout ?? null,
    output,
  });
  tree.command(
    "status",
    command("Show who has which shards, how large they are, and what is moving.")
      .option("--json", "Print JSON").option("--each", "A line for each shard, too")
      .action((options) => showShards(targetOf(options), options.json === true, options.each === true)),
  );
  tree.command(
    "join",
    command("Take a group in, and wait until it has its share of the shards.")
      .arguments("<group:integer> <addresses:string>")
      .action((options, group, addresses) => {
        const groups = { [group]: readServers(addresses) };
        return changeShards(targetOf(options), (controller, limits) => controller.join(groups, limits));
      }),
  );
  tree.command(
    "leave",
    command("Let a group go, and wait until the others have what it had.")
      .arguments("<group:integer>")
      .action((options, group) =>
        changeShards(targetOf(options), (controller, limits) => controller.leave([group], limits))
      ),
  );
  tree.command(
    "move",
    command("Give one shard to a group, until the groups change.")
      .arguments("<shard:integer> <group:integer>")
      .action((options, shard, group) =>
        changeShards(targetOf(options), (controller, limits) => controller.move(shard, group, limits))
      ),
  );
  tree.command(
    "rebalance",
    command("Give each group its share again, after moves.")
      .action((options) => changeShards(targetOf(options), (controller, limits) => controller.rebalance(limits))),
  );
}
