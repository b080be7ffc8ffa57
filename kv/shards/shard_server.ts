/**
 * A server of a shard group: one member of the group's cluster, which serves the group's shards to clients and moves shards
 * between groups when the configuration changes.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { nameOf, NodeOptionsError, type RaftNode } from "../../raft/mod.ts";
import { type NodeOptions, type OpenedRaft, openRaft, realPlatform } from "../../raft/open.ts";
import type { MachineOptions } from "../../raft/rsm/options.ts";
import { ReplicatedStateMachine } from "../../raft/rsm/rsm.ts";
import type { RpcHandler } from "../../raft/wire/rpc.ts";
import { ClientCount } from "../client_count.ts";
import { replyToCbor } from "../protocol.ts";
import { type KvStatus, kvStatusOf } from "../status.ts";
import { defaultPieceBytes } from "./copy_reader.ts";
import { Connections } from "./connections.ts";
import { ConfigurationReader } from "./controller.ts";
import { type GroupReplica, GroupService } from "./group_service.ts";
import { groupStatusOf, sumOfFigures } from "./group_status.ts";
import { Mover } from "./mover.ts";
import { clusterIdOf, type GroupId, maxGroupId } from "./shard_config.ts";
import { ShardGroupMachine } from "./shard_group.ts";
import { type GroupRequest, type GroupStatus, readGroupRequest } from "./shard_protocol.ts";

/** One server of a group; see `NodeOptions` and `MachineOptions` for the rest. */
export type ShardServerOptions =
  & Omit<NodeOptions, "clusterId">
  & Pick<
    MachineOptions<never, unknown>,
    "maxRaftState" | "timeoutMs" | "onStatus" | "onStopped"
  >
  & {
    /** The number of the group, as it joins: 1 to 2^31. */
    readonly group: GroupId;
    /** Servers of the controller, `HOST:PORT`. */
    readonly controllers: readonly string[];
    /** The name of the controller's cluster, where it shares its port with others; whichever is there unless given. */
    readonly controllerClusterId?: string;
    /** How often the group's leader looks for a new configuration, in milliseconds; 100 unless given. */
    readonly pollMs?: number;
    /** How long another server may take to answer before the next one is asked, in milliseconds; 1000 unless given. */
    readonly askTimeoutMs?: number;
    /** Bytes of the pieces in which a shard moves: 1 to 1 MiB; 512 KiB unless given. */
    readonly pieceBytes?: number;
  };

const defaultPollMs = 100;

const defaultAskTimeoutMs = 1_000;

/** Until the node runs. */
const notYet: CborValue = replyToCbor({ kind: "unavailable", message: "this server is starting" });

/**
 * A running server of a shard group. The group's members are named by `peers`, as for a `KvServer`. It serves nothing until
 * the group has joined, by `ShardController.join` with the addresses of its servers.
 *
 * @example A controller, two groups of one server each, and a client
 * ```ts
 * import { KvServer, ShardClerk, ShardController, ShardServer } from "@balsa/balsa";
 *
 * const dir = await Deno.makeTempDir();
 * const start = { listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, id: "n1" };
 * await using server = await KvServer.start({ ...start, dataDir: `${dir}/controller` });
 * const controllers = [server.address];
 * await using one = await ShardServer.start({ ...start, group: 1, controllers, dataDir: `${dir}/1` });
 * await using two = await ShardServer.start({ ...start, group: 2, controllers, dataDir: `${dir}/2` });
 *
 * await using controller = new ShardController(controllers, { shardCount: 8 });
 * await controller.join({ 1: [one.address] });
 * await using clerk = new ShardClerk(controllers);
 * await clerk.put("color", "blue");
 *
 * await controller.join({ 2: [two.address] });
 * await controller.leave([1]);
 * await clerk.append("color", "-green");
 * console.log(await clerk.get("color")); // blue-green
 * ```
 */
export class ShardServer implements AsyncDisposable {
  /** The node's name. */
  readonly id: string;
  /** The group. */
  readonly group: GroupId;
  /** Where the server listens, `HOST:PORT`, with the port the system chose if 0 was asked for. */
  readonly address: string;
  /** The node underneath. */
  readonly node: RaftNode;
  readonly #replica: GroupReplica;
  readonly #machine: ShardGroupMachine;
  readonly #opened: OpenedRaft;
  readonly #clients: ClientCount;
  readonly #configurations: ConfigurationReader;
  readonly #connections: Connections;
  readonly #mover: Mover;

  private constructor(
    options: ShardServerOptions,
    opened: OpenedRaft,
    machine: ShardGroupMachine,
    replica: GroupReplica,
    clients: ClientCount,
  ) {
    this.id = options.id;
    this.group = options.group;
    this.address = opened.address;
    this.node = replica.node;
    this.#replica = replica;
    this.#machine = machine;
    this.#opened = opened;
    this.#clients = clients;
    const { platform = realPlatform, controllers, pollMs = defaultPollMs, askTimeoutMs = defaultAskTimeoutMs } =
      options;
    const { clock, network, random } = platform;
    const attemptTimeoutMs = askTimeoutMs;
    const clusterId = options.controllerClusterId ?? "";
    this.#configurations = new ConfigurationReader(controllers, {
      clock,
      network,
      random,
      attemptTimeoutMs,
      clusterId,
    });
    this.#connections = new Connections({ clock, network, connectTimeoutMs: askTimeoutMs });
    const [configurations, connections] = [this.#configurations, this.#connections];
    const onFailed = (error: unknown): void => replica.node.fail(error);
    this.#mover = new Mover({ machine, replica, configurations, connections, clock, pollMs, askTimeoutMs, onFailed });
  }

  /**
   * Opens the data directory and the port, restores what is stored and takes part. Rejects with a message that says what to
   * change when the options are wrong, the directory belongs to another node or process, or the port is taken.
   */
  static async start(options: ShardServerOptions): Promise<ShardServer> {
    validateShardOptions(options);
    const clients = new ClientCount();
    let service: GroupService | null = null;
    let server: ShardServer | null = null;
    const onRequest: RpcHandler<GroupRequest> = (request, respond, connection) => {
      clients.seen(connection);
      if (service === null) respond(notYet);
      else service.handle(request, respond);
    };
    const { group, maxRaftState, timeoutMs, onStatus, onStopped } = options;
    const nodeOptions = { ...options, clusterId: clusterIdOf(group) };
    const opened = await openRaft(nodeOptions, { readRequest: readGroupRequest, onRequest });
    try {
      const machine = new ShardGroupMachine(group, () => server?.wake());
      const replica: GroupReplica = await ReplicatedStateMachine.attach(opened, {
        machine,
        ...(maxRaftState === undefined ? {} : { maxRaftState }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        onStatus: (status) => {
          server?.wake();
          onStatus?.(status);
        },
        ...(onStopped === undefined ? {} : { onStopped }),
      });
      const started = new ShardServer(options, opened, machine, replica, clients);
      server = started;
      const addressOf = (nodeId: string): string | null =>
        nameOf(nodeId) === options.id ? opened.address : options.peers[nameOf(nodeId)] ?? null;
      const [status, groupStatus] = [() => started.status(), () => started.groupStatus()];
      const { pieceBytes = defaultPieceBytes } = options;
      service = new GroupService({ machine, replica, addressOf, status, groupStatus, pieceBytes });
      started.#mover.start();
      return started;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How this server is; its keys are those of the shards that are served. */
  status(): KvStatus {
    return kvStatusOf(this.#replica.status(), sumOfFigures(this.#machine.state), {
      id: this.id,
      clusterId: clusterIdOf(this.group),
      connections: this.#clients.count(),
      peers: this.#opened.transport.peerStatus().map(({ id, isConnected }) => ({ id, connected: isConnected })),
    });
  }

  /** How the group is, as this server knows it. */
  groupStatus(): GroupStatus {
    return groupStatusOf(this.id, this.#machine, this.#replica.status());
  }

  /** Has the group's leader look for something to do now. */
  wake(): void {
    this.#mover.wake();
  }

  /** Stops taking part, answers everyone who waits, and closes port and directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.#mover.stop();
    await this.#configurations[Symbol.asyncDispose]();
    await this.#connections.close();
    await this.#replica[Symbol.asyncDispose]();
    await stopped;
    await this.#opened[Symbol.asyncDispose]();
  }
}

/** Throws a NodeOptionsError on what `openRaft` does not know. */
function validateShardOptions(
  { id, group, controllers, pollMs = 1, askTimeoutMs = 1, pieceBytes = 1 }: ShardServerOptions,
): void {
  const fail = (text: string): never => {
    throw new NodeOptionsError(`Cannot start server ${id} of a shard group: ${text}`);
  };
  if (!Number.isInteger(group) || group < 1 || group > maxGroupId) {
    fail(`group ${group} is not from 1 to ${maxGroupId}`);
  }
  if (controllers.length === 0) fail("no server of the controller is given");
  if (!(pollMs > 0 && askTimeoutMs > 0)) fail("pollMs and askTimeoutMs must be positive");
  if (!(pieceBytes >= 1 && pieceBytes <= 1024 * 1024)) fail(`pieceBytes is ${pieceBytes}; use 1 to 1048576`);
}
