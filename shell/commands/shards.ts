/**
 * `balsa shards …`: a sharded store on this machine, and changes of who has which shards.
 *
 * @module
 */
import { type GroupReport, type ShardChange, type ShardConfiguration, ShardController } from "../../kv/mod.ts";
import { Announcer } from "../announcer.ts";
import { endings } from "../endings.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import { LocalShards } from "../local_shards.ts";
import type { Output } from "../output.ts";
import { palette } from "../render.ts";
import { renderShards } from "../shards_table.ts";
import { runShell } from "./shell.ts";

/** What `balsa shards start` is told. */
export interface ShardsStartOptions {
  /** See `--data`. */
  readonly dataDir: string;
  /** See `--port`. */
  readonly firstPort: number;
  /** See `--groups`. */
  readonly groups: number;
  /** See `--nodes`. */
  readonly nodes: number;
  /** See `--shards`. */
  readonly shardCount: number;
  /** The limit of one call in milliseconds, or null. */
  readonly timeoutMs: number | null;
  /** Where results and remarks go. */
  readonly output: Output;
}

/** How long a change may wait for the controller, in milliseconds, unless told otherwise. */
const defaultTimeoutMs = 10_000;

/** Runs controller, groups and a shell until the user leaves; returns the exit code. */
export async function runShardsStart(options: ShardsStartOptions): Promise<number> {
  const { output } = options;
  checkCount("--groups", options.groups, 64);
  checkCount("--nodes", options.nodes, 7);
  checkCount("--shards", options.shardCount, 4096);
  const announcer = new Announcer((text) => output.note(text));
  await using shards = await LocalShards.start({
    ...options,
    onLost: (child) => announcer.announce(`${child.settings.id} has ended unexpectedly; see ${child.logFile}`),
  });
  const leave = new AbortController();
  for (const [signal, number] of endings) {
    Deno.addSignalListener(signal, () => {
      leave.abort();
      void shards.stop().finally(() => Deno.exit(128 + number));
    });
  }
  const configuration = await shards.join();
  if (output.isTerminal) {
    const colors = palette(output.colors);
    const count = configuration.shards.length;
    output.note(`${colors.strong("Balsa")} runs on this machine: ${count} shards on ${options.groups} groups`);
    const servers = shards.servers.join(",");
    output.note(
      colors.faint(`Data and logs: ${options.dataDir}. Who has what: balsa shards status --servers ${servers}`),
    );
  }
  const target = { servers: shards.servers, timeoutMs: options.timeoutMs, output, isSharded: true };
  return await runShell(target, { leave: leave.signal, announcer });
}

/** Which controller a command is for. */
export interface ControllerTarget {
  /** Its servers. */
  readonly servers: readonly string[];
  /** The limit of the command in milliseconds, or null. */
  readonly timeoutMs: number | null;
  /** Where results and remarks go. */
  readonly output: Output;
}

/** Shows configuration, groups, sizes, and moves that are under way. */
export async function showShards(target: ControllerTarget, asJson: boolean, withEach: boolean): Promise<void> {
  await using controller = new ShardController(target.servers);
  const options = { timeoutMs: target.timeoutMs ?? defaultTimeoutMs };
  const configuration = await existing(controller, options);
  const reports = await controller.statuses(configuration, options);
  if (asJson) target.output.result(JSON.stringify({ configuration, reports }));
  else target.output.result(renderShards(configuration, reports, palette(target.output.colors), withEach));
  failUnlessAnswered(reports);
}

/** Makes a change, and waits until the shards have moved; says what has become of it. */
export async function changeShards(
  target: ControllerTarget,
  change: (controller: ShardController, options: { readonly timeoutMs: number }) => Promise<ShardChange>,
): Promise<void> {
  await using controller = new ShardController(target.servers);
  const options = { timeoutMs: target.timeoutMs ?? defaultTimeoutMs };
  const before = await existing(controller, options);
  const outcome = await change(controller, options);
  if (outcome.kind === "unchanged") return target.output.result("nothing to change");
  if (outcome.kind !== "changed") throw new CommandFailed(refusalText(outcome));
  const { number, shards } = outcome.configuration;
  const moving = shards.filter((group, shard) => group !== before.shards[shard]).length;
  target.output.note(`configuration ${number}: ${moving} of ${shards.length} shards move`);
  const timeoutMs = target.timeoutMs ?? Infinity;
  if (Object.keys(outcome.configuration.groups).length > 0) await controller.settled(number, { timeoutMs });
  target.output.result("ok");
}

/** Why a change was refused, and what to do. */
function refusalText(refusal: Exclude<ShardChange, { readonly kind: "changed" | "unchanged" }>): string {
  switch (refusal.kind) {
    case "noGroups":
      return "Cannot change the groups: none was named, or there is none";
    case "alreadyJoined":
      return `Cannot take group ${refusal.group} in: it is there already; see: balsa shards status`;
    case "unknownGroup":
      return `Cannot use group ${refusal.group}: it is not there; see: balsa shards status`;
    case "noServers":
      return `Cannot take group ${refusal.group} in: it has no servers; write HOST:PORT,HOST:PORT,…`;
    case "invalidGroup":
      return `Cannot take group ${refusal.group} in: ${refusal.problem}`;
    case "unknownShard":
      return `Cannot move shard ${refusal.shard}: there is none of that number; see: balsa shards status`;
  }
}

async function existing(
  controller: ShardController,
  options: { readonly timeoutMs: number },
): Promise<ShardConfiguration> {
  const configuration = await controller.query(undefined, options);
  if (configuration === null) throw new CommandFailed("Cannot find a configuration: is this the controller's cluster?");
  return configuration;
}

function failUnlessAnswered(reports: readonly GroupReport[]): void {
  const silent = reports.filter(({ latest }) => latest === null).map(({ group }) => group);
  if (silent.length > 0) throw new CommandFailed(`No server answers of group ${silent.join(", ")}`);
}

function checkCount(option: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new UsageError(`Cannot use ${option} ${value}: it takes a whole number from 1 to ${most}`);
}
