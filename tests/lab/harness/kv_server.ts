/**
 * One life of a key/value server.
 *
 * @module
 */
import { KvServer } from "../../../kv/server.ts";
import type { KvStatus } from "../../../kv/status.ts";
import type { ServerLife } from "./lab_cluster.ts";
import type { LabWorld } from "./world.ts";

/** See the module. */
export class KvLife implements ServerLife {
  readonly #world: LabWorld;
  readonly #server: KvServer;
  #isAlive = true;

  private constructor(world: LabWorld, server: KvServer) {
    this.#world = world;
    this.#server = server;
  }

  /** Begins a life on what the disk holds. */
  static async boot(world: LabWorld, name: string, maxRaftState: number): Promise<KvLife> {
    const server = await KvServer.start({
      ...{ id: name, listen: world.listenAddress(name), peers: world.addressesFor(name), dataDir: world.dataDir(name) },
      ...{ platform: world.boot(name), maxRaftState },
      onStopped: (reason) => {
        if (reason !== null) world.fail(reason);
      },
    });
    return new KvLife(world, server);
  }

  /** Whether the life goes on. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** How the server is. */
  get status(): KvStatus {
    return this.#server.status();
  }

  /** See {@link ServerLife.raftStateBytes}. */
  get raftStateBytes(): number {
    return this.#server.replica.node.storageStatus().logBytes;
  }

  /** Bytes of the newest snapshot. */
  get snapshotBytes(): number {
    return this.#server.replica.node.storageStatus().snapshotBytes;
  }

  /** See {@link ServerLife.crash}. */
  async crash(): Promise<void> {
    this.#isAlive = false;
    await this.#world.crash(this.#server.id, async () => await this.#server[Symbol.asyncDispose]());
  }
}
