/**
 * A server of the key/value store: one member of a cluster, which clients can talk to.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { MemoryPlatform, nameOf } from "../raft/mod.ts";
import { type NodeOptions, type OpenedRaft, openRaft, realPlatform } from "../raft/open.ts";
import type { MachineOptions } from "../raft/rsm/options.ts";
import { ReplicatedStateMachine } from "../raft/rsm/rsm.ts";
import type { RpcHandler } from "../raft/wire/rpc.ts";
import { Clerk } from "./clerk.ts";
import type { ClerkOptions } from "./clerk_options.ts";
import { ClientCount } from "./client_count.ts";
import type { KvCommand } from "./commands.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { replyToCbor } from "./protocol.ts";
import { KvService, type ReadRequest, readRequest } from "./service.ts";
import { type KvAnswer, type KvQuery, type KvResult, KvStateMachine } from "./state_machine.ts";
import { type KvStatus, kvStatusOf } from "./status.ts";

/** One server of a cluster; see `NodeOptions` and `MachineOptions` for each. */
export type KvServerOptions =
  & NodeOptions
  & Pick<
    MachineOptions<KvCommand, KvResult, KvQuery, KvAnswer>,
    "maxRaftState" | "timeoutMs" | "onStatus" | "onStopped"
  >;

/** A server in memory; see {@link KvServer.inMemory}. */
export type MemoryServerOptions =
  & Pick<KvServerOptions, "maxRaftState" | "timeoutMs" | "onStatus" | "onStopped">
  & ConstructorParameters<typeof MemoryPlatform>[0];

/** The only member of a cluster in memory. */
const memoryServer = { id: "n1", listen: "127.0.0.1:1", peers: { n1: "127.0.0.1:1" }, dataDir: "n1" };

/** Until the node runs. */
const notYet: CborValue = replyToCbor({ kind: "unavailable", message: "this server is starting" });

/**
 * A running server. It belongs to a cluster whose members are named by `peers`; a majority of them must be running for
 * writes and linearizable reads to be answered.
 *
 * @example Three servers in one program, which is good for trying things out
 * ```ts
 * import { Clerk, KvServer } from "@balsa/balsa";
 *
 * const peers = { n1: "127.0.0.1:17331", n2: "127.0.0.1:17332", n3: "127.0.0.1:17333" };
 * const dir = await Deno.makeTempDir();
 * await using n1 = await KvServer.start({ id: "n1", listen: peers.n1, peers, dataDir: `${dir}/n1` });
 * await using n2 = await KvServer.start({ id: "n2", listen: peers.n2, peers, dataDir: `${dir}/n2` });
 * await using n3 = await KvServer.start({ id: "n3", listen: peers.n3, peers, dataDir: `${dir}/n3` });
 *
 * await using clerk = new Clerk(Object.values(peers));
 * await clerk.put("color", "blue");
 * console.log(await clerk.get("color")); // blue
 * console.log([n1, n2, n3].filter((server) => server.status().role === "leader").length); // 1
 * ```
 */
export class KvServer implements AsyncDisposable {
  /** The node's name. */
  readonly id: string;
  /** Where the server listens, `HOST:PORT`, with the port the system chose if 0 was asked for. */
  readonly address: string;
  /** The replicated machine underneath: leadership transfer and configuration changes go through its `node`. */
  readonly replica: ReplicatedStateMachine<KvCommand, KvResult, KvQuery, KvAnswer>;
  readonly #machine: KvStateMachine;
  readonly #opened: OpenedRaft;
  readonly #clients: ClientCount;
  readonly #options: KvServerOptions;

  private constructor(
    options: KvServerOptions,
    opened: OpenedRaft,
    machine: KvStateMachine,
    replica: ReplicatedStateMachine<KvCommand, KvResult, KvQuery, KvAnswer>,
    clients: ClientCount,
  ) {
    this.id = options.id;
    this.address = opened.address;
    this.replica = replica;
    this.#machine = machine;
    this.#opened = opened;
    this.#clients = clients;
    this.#options = options;
  }

  /**
   * Opens the data directory and the port, restores what is stored and takes part. Resolves when the server runs, which may
   * be before the cluster has a leader. Rejects with a message that says what to change when the options are wrong, the
   * directory belongs to another node or process, or the port is taken.
   */
  static async start(options: KvServerOptions): Promise<KvServer> {
    const clients = new ClientCount();
    let service: KvService | null = null;
    let keeper: LeaseKeeper | null = null;
    const onRequest: RpcHandler<ReadRequest> = (request, respond, connection) => {
      clients.seen(connection);
      if (service === null) respond(notYet);
      else service.handle(request, respond, connection);
    };
    const opened = await openRaft(options, { readRequest, onRequest });
    try {
      const machine = new KvStateMachine();
      const { maxRaftState, timeoutMs, onStatus, onStopped } = options;
      const replica = await ReplicatedStateMachine.attach<KvCommand, KvResult, KvQuery, KvAnswer>(opened, {
        machine,
        ...(maxRaftState === undefined ? {} : { maxRaftState }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(onStatus === undefined ? {} : { onStatus }),
        onStopped: (reason) => {
          service?.close();
          keeper?.close();
          onStopped?.(reason);
        },
      });
      const server = new KvServer(options, opened, machine, replica, clients);
      const addressOf = (nodeId: string): string | null =>
        nameOf(nodeId) === options.id ? opened.address : options.peers[nameOf(nodeId)] ?? null;
      const { history } = machine;
      keeper = new LeaseKeeper({ machine, replica, clock: opened.clock });
      service = new KvService({ replica, addressOf, status: () => server.status(), history, clock: opened.clock });
      return server;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Starts a cluster of one that lives in this program's memory, for tests: it needs no permission, opens no directory and
   * no port, and is gone when it is disposed of. Apart from that it is the whole server. Its {@link clerk} is the way to it.
   * For clusters of several see {@link MemoryPlatform}.
   *
   * @example In a unit test
   * ```ts
   * import { KvServer } from "@balsa/balsa";
   *
   * await using server = await KvServer.inMemory();
   * await using clerk = server.clerk();
   * await clerk.put("color", "blue");
   * console.log(await clerk.get("color")); // blue
   * ```
   */
  static inMemory(options: MemoryServerOptions = {}): Promise<KvServer> {
    const platform = new MemoryPlatform(options);
    return KvServer.start({ ...options, ...memoryServer, platform });
  }

  /** A Clerk for this server's cluster: it knows all members' addresses, and lives where the server does. */
  clerk(options: ClerkOptions = {}): Clerk {
    const { id, peers, clusterId = "balsa", platform = realPlatform } = this.#options;
    const { network, clock, random } = platform;
    const addresses = Object.values({ ...peers, [id]: this.address });
    return new Clerk(addresses, { clusterId, network, clock, random, ...options });
  }

  /** How this server is. */
  status(): KvStatus {
    return kvStatusOf(this.replica.status(), this.#machine.figures(), {
      id: this.id,
      clusterId: this.#options.clusterId ?? "balsa",
      connections: this.#clients.count(),
      peers: this.#opened.transport.peerStatus().map(({ id, isConnected }) => ({ id, connected: isConnected })),
    });
  }

  /** Stops taking part, answers everyone who waits, and closes port and directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.replica[Symbol.asyncDispose]();
    await this.#opened[Symbol.asyncDispose]();
  }
}
