/**
 * The course's harness of a sharded store: a controller's servers, groups of servers, and clients whose calls are recorded.
 *
 * @module
 */
import { ShardController } from "../../../kv/shards/controller.ts";
import { ShardClerk } from "../../../kv/shards/shard_clerk.ts";
import { type GroupId, type ShardConfiguration, shardOf } from "../../../kv/shards/shard_config.ts";
import { ShardServer } from "../../../kv/shards/shard_server.ts";
import { checkLinearizability, HistoryRecorder, type MsRange } from "../../../raft/testing/mod.ts";
import { changed } from "../scenarios/shard_checks.ts";
import { type ClientMachine, KvClient } from "./kv_cluster.ts";
import { addressesOf, KvLocal } from "./kv_server.ts";
import { LabCluster, type ServerLife } from "./lab_cluster.ts";
import { demand, type LabWorld } from "./world.ts";

/** What differs between sharded stores. */
export interface ShardLabOptions {
  /** Groups by number; none has joined. */
  readonly groups: readonly GroupId[];
  /** Servers of the controller; 3 unless given. */
  readonly controllers?: number;
  /** Servers of a second controller, which the groups know nothing of; none unless given. */
  readonly falseControllers?: number;
  /** Shards. */
  readonly shardCount: number;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** False for the course's unreliable network. */
  readonly isReliable: boolean;
  /** One-way latency in virtual time; that of a quick local network unless given. */
  readonly latency?: MsRange;
}

/** Servers of each group. */
export const groupSize = 3;

/** Milliseconds in which a client expects an answer before it tries another server. */
const attemptTimeoutMs = 250;

/** The machine by whose addresses all others dial the groups: those that the configurations name. */
const commonMachine = "common";

/** One life of a group's server. */
class ShardLife implements ServerLife {
  readonly server: ShardServer;
  readonly #world: LabWorld;
  #isAlive = true;

  constructor(world: LabWorld, server: ShardServer) {
    this.#world = world;
    this.server = server;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get raftStateBytes(): number {
    return this.server.node.storageStatus().logBytes;
  }

  get snapshotBytes(): number {
    return this.server.node.storageStatus().snapshotBytes;
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  async crash(): Promise<void> {
    this.#isAlive = false;
    await this.#world.crash(this.server.id, async () => await this.server[Symbol.asyncDispose]());
  }
}

/** The servers of one group. */
export class GroupCluster extends LabCluster<ShardLife> {
  readonly #group: GroupId;
  readonly #maxRaftState: number;
  readonly #controllers: readonly string[];

  constructor(world: LabWorld, group: GroupId, names: readonly string[], controllers: readonly string[], cap: number) {
    super(world, names.length, {}, names);
    this.#group = group;
    this.#maxRaftState = cap;
    this.#controllers = controllers;
  }

  /** The server that leads, if one is known. */
  get leader(): number | undefined {
    return this.everyone.find((server) => this.isUp(server) && this.life(server).server.status().role === "leader");
  }

  protected override async begin(name: string): Promise<ShardLife> {
    const { world } = this;
    const server = await ShardServer.start({
      ...{ id: name, listen: world.listenAddress(name), dataDir: world.dataDir(name), group: this.#group },
      peers: addressesOf(world, name, this.names),
      controllers: Object.values(addressesOf(world, name, this.#controllers)),
      ...{ platform: world.boot(name), maxRaftState: this.#maxRaftState, askTimeoutMs: attemptTimeoutMs },
      onStopped: (reason) => {
        if (reason !== null) world.fail(reason);
      },
    });
    return new ShardLife(world, server);
  }
}

/** The servers of a controller. */
class ControllerCluster extends LabCluster<KvLocal> {
  protected override begin(name: string): Promise<KvLocal> {
    return KvLocal.boot({ world: this.world, name, maxRaftState: -1, members: this.names });
  }
}

/** See the module. */
export class ShardLab {
  /** Where all live. */
  readonly world: LabWorld;
  /** Shards. */
  readonly shardCount: number;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** The controller's servers. */
  readonly controllers: ControllerCluster;
  /** Those of a second one. */
  readonly falseControllers: ControllerCluster;
  /** Groups by number. */
  readonly groups: ReadonlyMap<GroupId, GroupCluster>;
  /** Calls made. */
  operations = 0;
  readonly #recorder: HistoryRecorder;
  readonly #closing: (() => Promise<void>)[] = [];
  #clients = 0;

  private constructor(world: LabWorld, options: ShardLabOptions) {
    const { groups, controllers = 3, falseControllers = 0, shardCount, maxRaftState, latency } = options;
    this.world = world;
    this.shardCount = shardCount;
    this.maxRaftState = maxRaftState;
    const [controllerNames, falseNames] = [numbered("c", controllers), numbered("f", falseControllers)];
    const namesOf = (group: GroupId): string[] => numbered(`g${group}-`, groupSize);
    const profile = latency === undefined ? {} : { latency };
    world.begin([...controllerNames, ...falseNames, ...groups.flatMap(namesOf)], profile);
    world.boot(commonMachine);
    this.controllers = new ControllerCluster(world, controllers, {}, controllerNames);
    this.falseControllers = new ControllerCluster(world, falseControllers, {}, falseNames);
    this.groups = new Map(
      groups.map((group) => [group, new GroupCluster(world, group, namesOf(group), controllerNames, maxRaftState)]),
    );
    this.#recorder = new HistoryRecorder(() => world.clock.monotonicMs() * 1e6);
  }

  /** Starts all servers. */
  static async make(world: LabWorld, options: ShardLabOptions): Promise<ShardLab> {
    const lab = new ShardLab(world, options);
    world.setReliable(options.isReliable);
    await lab.controllers.bootAll();
    await lab.falseControllers.bootAll();
    await Promise.all([...lab.groups.values()].map((group) => group.bootAll()));
    return lab;
  }

  /** The servers of a group. */
  group(id: GroupId): GroupCluster {
    const group = this.groups.get(id);
    demand(group !== undefined, `there is no group ${id}`);
    return group;
  }

  /** A client of the controller, on a machine of its own. */
  controller(controllers: ControllerCluster = this.controllers): LabController {
    const { name, platform: { clock, network, random }, addresses } = this.#machine(controllers);
    const options = { clock, network, random, shardCount: this.shardCount, attemptTimeoutMs };
    const client = new ShardController(addresses, options);
    this.#onEnd(() => client[Symbol.asyncDispose]());
    return new LabController(this, name, client);
  }

  /** A client of the store, on a machine of its own. */
  client(controllers: ControllerCluster = this.controllers): KvClient {
    const { name, platform: { clock, network, random }, addresses } = this.#machine(controllers);
    const options = { clock, network, random, attemptTimeoutMs };
    const clerk = new ShardClerk(addresses, options);
    this.#onEnd(() => clerk.close());
    return new KvClient(this, name, clerk, this.#recorder);
  }

  /** Where groups are dialled. */
  serversOf(group: GroupId): readonly string[] {
    return Object.values(addressesOf(this.world, commonMachine, this.group(group).names));
  }

  /** Crashes all servers of these groups. */
  async shutdown(...groups: readonly GroupId[]): Promise<void> {
    for (const group of groups) await this.group(group).crashAll();
  }

  /** Starts them again. */
  async start(...groups: readonly GroupId[]): Promise<void> {
    await Promise.all(groups.map((group) => this.group(group).restartAll()));
  }

  /** The shard of a key. */
  shardOf(key: string): number {
    return shardOf(key, this.shardCount);
  }

  /** Keys of which number n belongs to shard n, modulo the number of shards. */
  keys(count: number): string[] {
    return Array.from({ length: count }, (_, number) => {
      for (let suffix = 0;; suffix++) {
        const key = suffix === 0 ? String(number) : `${number}-${suffix}`;
        if (this.shardOf(key) === number % this.shardCount) return key;
      }
    });
  }

  /** Fails when the Raft state of any server is larger than eight times its limit, or a snapshot must not be. */
  checkSizes(): void {
    for (const life of this.lives) {
      if (this.maxRaftState < 0) {
        demand(life.snapshotBytes === 0, `a snapshot of ${life.snapshotBytes} bytes was taken although none may be`);
      } else {
        const most = 8 * this.maxRaftState;
        demand(life.raftStateBytes <= most, `the Raft state was not trimmed: ${life.raftStateBytes} > ${most} bytes`);
      }
    }
  }

  /** The latest lives of all servers of all groups. */
  get lives(): readonly ShardLife[] {
    return [...this.groups.values()].flatMap((group) => group.lives);
  }

  /** Ends all clients, and fails unless their calls are linearizable; undecided is a failure. */
  async finish(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
    const verdict = checkLinearizability(this.#recorder.history());
    demand(verdict.kind === "linearizable", () => "explanation" in verdict ? verdict.explanation : verdict.kind);
  }

  /** A machine, and where it dials the controller's servers. */
  #machine(controllers: ControllerCluster): ClientMachine {
    const name = `client ${++this.#clients}`;
    const platform = this.world.boot(name);
    return { name, platform, addresses: Object.values(addressesOf(this.world, name, controllers.names)) };
  }

  #onEnd(close: () => Promise<void>): void {
    this.#closing.push(close);
    this.world.atEnd(close);
  }
}

/** A client of the controller whose changes must be made. */
export class LabController {
  /** Its machine. */
  readonly name: string;
  /** The client. */
  readonly client: ShardController;
  readonly #lab: ShardLab;

  constructor(lab: ShardLab, name: string, client: ShardController) {
    this.#lab = lab;
    this.name = name;
    this.client = client;
  }

  /** Takes groups in. */
  async join(...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    const joining = Object.fromEntries(groups.map((group) => [group, this.#lab.serversOf(group)]));
    return changed(await this.client.join(joining));
  }

  /** Lets groups go. */
  async leave(...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    return changed(await this.client.leave(groups));
  }

  /** Takes groups in, and waits until they have their shards. */
  async joinAndSettle(...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    return await this.client.settled((await this.join(...groups)).number);
  }

  /** Lets groups go, and waits until the others have their shards. */
  async leaveAndSettle(...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    return await this.client.settled((await this.leave(...groups)).number);
  }

  /** The newest configuration. */
  async query(): Promise<ShardConfiguration> {
    const configuration = await this.client.query();
    demand(configuration !== null, "there is no configuration");
    return configuration;
  }

  /** Cuts this client off from the controller's servers, or connects it again. */
  setConnected(isConnected: boolean): void {
    const { world, controllers } = this.#lab;
    world.confine(this.name, isConnected ? [...controllers.names, ...this.#groupNames()] : []);
  }

  #groupNames(): string[] {
    return [...this.#lab.groups.values()].flatMap((group) => group.names);
  }
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
}
