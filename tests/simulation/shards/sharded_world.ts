/**
 * A sharded store in a simulation: a controller's servers, groups, and clients.
 *
 * @module
 */
import { KvServer } from "../../../kv/server.ts";
import { ShardClerk } from "../../../kv/shards/shard_clerk.ts";
import { ShardController } from "../../../kv/shards/controller.ts";
import { ShardServer } from "../../../kv/shards/shard_server.ts";
import type { GroupId, Groups } from "../../../kv/shards/shard_config.ts";
import type { KillOptions, Simulation } from "../../../raft/testing/mod.ts";

/** What the world has. */
export interface ShardedWorldOptions {
  /** Groups by number; none has joined. */
  readonly groups: readonly GroupId[];
  /** Servers of each group, and of the controller; 3 unless given. */
  readonly servers?: number;
  /** Shards; 12 unless given. */
  readonly shardCount?: number;
  /** Bytes of log beyond which a snapshot is taken. */
  readonly maxRaftState?: number;
  /** Bytes of the pieces in which a shard moves. */
  readonly pieceBytes?: number;
  /** Told when a server stops although nobody asked it to. */
  readonly onStopped?: (name: string, reason: Error) => void;
}

/** See the module. */
export class ShardedWorld {
  /** Names of the controller's servers. */
  readonly controllerNames: readonly string[];
  /** Where the controller's servers are. */
  readonly controllers: readonly string[];
  readonly #simulation: Simulation;
  readonly #options: ShardedWorldOptions;
  readonly #servers = new Map<string, ShardServer>();
  readonly #controllerServers = new Map<string, KvServer>();
  #clients = 0;

  /** Nothing runs yet. */
  constructor(simulation: Simulation, options: ShardedWorldOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.controllerNames = Array.from({ length: this.#size }, (_, at) => `c${at + 1}`);
    this.controllers = Object.values(this.#controllerPeers);
  }

  /** Names of a group's servers. */
  namesOf(group: GroupId): readonly string[] {
    return Array.from({ length: this.#size }, (_, at) => `g${group}-${at + 1}`);
  }

  /** Names of all servers of all groups. */
  get groupNames(): readonly string[] {
    return this.#options.groups.flatMap((group) => this.namesOf(group));
  }

  /** A group as it joins. */
  groups(...ids: readonly GroupId[]): Groups {
    return Object.fromEntries(ids.map((group) => [group, Object.values(this.#peersOf(group))]));
  }

  /** Starts everything. */
  startAll(): void {
    for (const name of [...this.controllerNames, ...this.groupNames]) this.start(name);
  }

  /** Starts a server that is dead. */
  start(name: string): void {
    const process = this.#simulation.process(name);
    if (process.isAlive) return;
    const platform = process.start();
    const life = process.lives;
    const isThisLife = (): boolean => process.isAlive && process.lives === life;
    const failed = (reason: unknown): void => {
      if (!isThisLife() || reason === null) return;
      const error = reason instanceof Error ? reason : new Error(String(reason));
      if (this.#options.onStopped === undefined) this.#simulation.scheduler.fail(error);
      else this.#options.onStopped(name, error);
    };
    const { maxRaftState = 4_000 } = this.#options;
    const common = { id: name, dataDir: "data", platform, maxRaftState, onStopped: failed };
    const group = this.#options.groups.find((id) => this.namesOf(id).includes(name));
    if (group === undefined) {
      const peers = this.#controllerPeers;
      KvServer.start({ ...common, listen: peers[name] ?? "", peers }).then((server) => {
        if (isThisLife()) this.#controllerServers.set(name, server);
      }, failed);
      return;
    }
    const peers = this.#peersOf(group);
    const { pieceBytes } = this.#options;
    ShardServer.start({
      ...common,
      ...{ listen: peers[name] ?? "", peers, group, controllers: this.controllers, askTimeoutMs: 500 },
      ...(pieceBytes === undefined ? {} : { pieceBytes }),
    }).then(
      (server) => {
        if (isThisLife()) this.#servers.set(name, server);
      },
      failed,
    );
  }

  /** Kills a server. */
  kill(name: string, options?: KillOptions): void {
    this.#simulation.process(name).kill(options);
    this.#servers.delete(name);
    this.#controllerServers.delete(name);
  }

  /** The running server of that name. */
  server(name: string): ShardServer | undefined {
    return this.#servers.get(name);
  }

  /** Servers of groups that run. */
  get servers(): readonly ShardServer[] {
    return [...this.#servers.values()];
  }

  /** The name of a group's leader, if one is known. */
  leaderOf(group: GroupId): string | undefined {
    return this.namesOf(group).find((name) => this.#servers.get(name)?.status().role === "leader");
  }

  /** A client of the controller. */
  controller(): ShardController {
    const { network, clock, random } = this.#simulation.process(`client ${++this.#clients}`).start();
    const { shardCount = 12 } = this.#options;
    return new ShardController(this.controllers, { network, clock, random, shardCount, attemptTimeoutMs: 500 });
  }

  /** A client of the store. */
  clerk(timeoutMs = Infinity): ShardClerk {
    const { network, clock, random } = this.#simulation.process(`client ${++this.#clients}`).start();
    return new ShardClerk(this.controllers, { network, clock, random, timeoutMs, attemptTimeoutMs: 500 });
  }

  /** Whether a server is at configuration `number`, or beyond, and nothing is under way there. */
  isAtRest(name: string, number: number): boolean {
    const status = this.#servers.get(name)?.groupStatus();
    return status !== undefined && status.number >= number && status.obligations === 0 &&
      status.shards.every(({ state, peer }) => state === "serving" || (state === "lost" && peer === 0));
  }

  /** Waits until all servers of these groups are at configuration `number`, and nothing is under way there. */
  async settled(number: number, groups: readonly GroupId[], timeoutMs = 60_000): Promise<void> {
    const endMs = this.#simulation.nowMs + timeoutMs;
    for (const name of groups.flatMap((group) => this.namesOf(group))) {
      while (!this.isAtRest(name, number)) {
        if (this.#simulation.nowMs > endMs) {
          throw new Error(`${name} has not settled: ${JSON.stringify(this.#servers.get(name)?.groupStatus())}`);
        }
        await this.#simulation.sleep(50);
      }
    }
  }

  get #size(): number {
    return this.#options.servers ?? 3;
  }

  get #controllerPeers(): Record<string, string> {
    return Object.fromEntries(this.controllerNames.map((name, at) => [name, `127.0.0.1:${7001 + at}`]));
  }

  #peersOf(group: GroupId): Record<string, string> {
    const place = this.#options.groups.indexOf(group);
    return Object.fromEntries(this.namesOf(group).map((name, at) => [name, `127.0.0.1:${7101 + 10 * place + at}`]));
  }
}
