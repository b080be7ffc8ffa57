/**
 * A sharded store on this machine, one process a server: a controller's servers, and those of some groups.
 *
 * @module
 */
import { type ShardConfiguration, ShardController } from "../kv/mod.ts";
import { makeDirectory } from "./local_cluster.ts";
import { NodeChild } from "./node_child.ts";
import type { ShardSettings } from "./node_settings.ts";
import { choosePorts } from "./ports.ts";

/** How {@link LocalShards.start} is told what to start. */
export interface LocalShardsOptions {
  /** Holds a directory and a log file for each server; created if missing. */
  readonly dataDir: string;
  /** The first server's port; the others follow. A port that is taken is replaced by any free one. */
  readonly firstPort: number;
  /** Groups. */
  readonly groups: number;
  /** Servers of each group and of the controller. */
  readonly nodes: number;
  /** Shards, if the data directory holds none yet. */
  readonly shardCount: number;
  /** Called when a server has ended without being asked to. */
  readonly onLost: (child: NodeChild) => void;
}

/** Where the ports of an earlier start are kept: groups are known by their addresses. */
const portsFile = "ports.json";

/** Servers that run until they are stopped. */
export class LocalShards implements AsyncDisposable {
  /** Servers of the controller. */
  readonly controllers: readonly NodeChild[];
  /** Servers of each group. */
  readonly groups: ReadonlyMap<number, readonly NodeChild[]>;
  readonly #shardCount: number;

  private constructor(
    controllers: readonly NodeChild[],
    groups: ReadonlyMap<number, readonly NodeChild[]>,
    shardCount: number,
  ) {
    this.controllers = controllers;
    this.groups = groups;
    this.#shardCount = shardCount;
  }

  /** Where the controller's servers listen. */
  get servers(): string[] {
    return this.controllers.map((child) => child.settings.listen);
  }

  /** All servers. */
  get children(): NodeChild[] {
    return [...this.controllers, ...[...this.groups.values()].flat()];
  }

  /** Starts the servers and waits until each one listens; stops them all again if one cannot. */
  static async start(options: LocalShardsOptions): Promise<LocalShards> {
    const { dataDir, nodes, onLost } = options;
    await makeDirectory(dataDir);
    const ports = await portsOf(options);
    const take = (prefix: string, shards?: ShardSettings): NodeChild[] => {
      const ids = Array.from({ length: nodes }, (_, at) => `${prefix}${at + 1}`);
      const peers = Object.fromEntries(ids.map((id) => [id, `127.0.0.1:${ports.shift()}`]));
      return ids.map((id) =>
        NodeChild.spawn({
          settings: {
            ...{ id, listen: peers[id] ?? "", peers, dataDir: `${dataDir}/${id}`, isInsecure: false },
            clusterId: "shard-controller",
            ...(shards === undefined ? {} : { shards }),
          },
          logFile: `${dataDir}/${id}.log`,
          onLost,
        })
      );
    };
    const controllers = take("c");
    const servers = controllers.map((child) => child.settings.listen);
    const groups = new Map(Array.from({ length: options.groups }, (_, at) => {
      return [at + 1, take(`g${at + 1}-`, { group: at + 1, controllers: servers })];
    }));
    const shards = new LocalShards(controllers, groups, options.shardCount);
    try {
      await Promise.all(shards.children.map((child) => child.listening));
    } catch (error) {
      await shards.stop();
      throw error;
    }
    return shards;
  }

  /** Has the groups join that have not yet, and waits until all shards are where they belong. */
  async join(): Promise<ShardConfiguration> {
    await using controller = new ShardController(this.servers, { shardCount: this.#shardCount });
    const configuration = await controller.query();
    const isThere = (group: number): boolean => Object.hasOwn(configuration?.groups ?? {}, group);
    const joining = [...this.groups].filter(([group]) => !isThere(group))
      .map(([group, children]) => [group, children.map((child) => child.settings.listen)]);
    if (joining.length > 0) await controller.join(Object.fromEntries(joining));
    return await controller.settled();
  }

  /** Stops the servers, each cleanly if it can. */
  async stop(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
  }

  /** The same as {@link stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The ports of an earlier start in this directory, or free ones, which are kept for the next. */
async function portsOf({ dataDir, firstPort, groups, nodes }: LocalShardsOptions): Promise<number[]> {
  const count = (groups + 1) * nodes;
  const path = `${dataDir}/${portsFile}`;
  try {
    const kept: unknown = JSON.parse(await Deno.readTextFile(path));
    if (Array.isArray(kept) && kept.length === count && kept.every(Number.isInteger)) return kept;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
  }
  const ports = choosePorts(firstPort, count);
  await Deno.writeTextFile(path, JSON.stringify(ports));
  return ports;
}
