/**
 * One life of a key/value server.
 *
 * @module
 */
import { KvServer } from "../../../kv/server.ts";
import type { ServerLife } from "./lab_cluster.ts";
import type { ServerHost } from "./world.ts";

/** A server, as the cluster sees it. */
export interface KvLife extends ServerLife {
  /** Bytes of the newest snapshot; see {@link ServerLife.refresh}. */
  readonly snapshotBytes: number;
  /** The term, and whether it leads. */
  state(): { readonly term: number; readonly isLeader: boolean };
}

/** What a {@link KvLocal} is made of. */
export interface KvLifeOptions {
  /** Where it lives. */
  readonly world: ServerHost;
  /** Its name. */
  readonly name: string;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** Names of the cluster's servers; all servers of the world unless given. */
  readonly members?: readonly string[];
  /** Is told when leadership has been won or lost. */
  readonly onState?: (state: { readonly term: number; readonly isLeader: boolean }) => void;
}

/** Where `name` dials these servers; all of the world unless given. */
export function addressesOf(world: ServerHost, name: string, servers?: readonly string[]): Record<string, string> {
  const all = Object.entries(world.addressesFor(name));
  return Object.fromEntries(all.filter(([server]) => servers === undefined || servers.includes(server)));
}

/** See the module. */
export class KvLocal implements KvLife {
  readonly #world: ServerHost;
  readonly #server: KvServer;
  #isAlive = true;

  private constructor(world: ServerHost, server: KvServer) {
    this.#world = world;
    this.#server = server;
  }

  /** Begins a life on what the disk holds. */
  static async boot({ world, name, maxRaftState, members, onState }: KvLifeOptions): Promise<KvLocal> {
    const server = await KvServer.start({
      ...{ id: name, listen: world.listenAddress(name), dataDir: world.dataDir(name) },
      peers: addressesOf(world, name, members),
      ...{ platform: world.boot(name), maxRaftState },
      onStatus: ({ currentTerm, role }) => onState?.({ term: currentTerm, isLeader: role === "leader" }),
      onStopped: (reason) => {
        if (reason !== null) world.fail(reason);
      },
    });
    return new KvLocal(world, server);
  }

  /** Whether the life goes on. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** See {@link KvLife.state}. */
  state(): { readonly term: number; readonly isLeader: boolean } {
    const { role, term } = this.#server.status();
    return { term, isLeader: role === "leader" };
  }

  /** See {@link ServerLife.refresh}. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@link ServerLife.raftStateBytes}. */
  get raftStateBytes(): number {
    return this.#server.replica.node.storageStatus().logBytes;
  }

  /** See {@link KvLife.snapshotBytes}. */
  get snapshotBytes(): number {
    return this.#server.replica.node.storageStatus().snapshotBytes;
  }

  /** See {@link ServerLife.crash}. */
  async crash(): Promise<void> {
    this.#isAlive = false;
    await this.#world.crash(this.#server.id, async () => await this.#server[Symbol.asyncDispose]());
  }
}
