/**
 * A machine that exists only inside this program, for tests: files and network in memory, real time.
 *
 * @module
 */
import { type Clock, realClock } from "../node/clock.ts";
import { type Random, realRandom } from "../node/random.ts";
import type { Platform } from "../platform.ts";
import type { FileSystem } from "../storage/file_system.ts";
import type { Network } from "../wire/network.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemoryNetwork } from "./memory_network.ts";

/**
 * Files and network in memory: needs no permission, no directory and no port, and leaves nothing behind. Give the same one to
 * all nodes of a cluster, and its `network` to who talks to them; a data directory keeps its files for the next start on
 * the same platform. For faults and for virtual time there is `Simulation` in `@balsa/balsa/testing`.
 *
 * @example Three servers in memory; one is stopped, and finds its data again
 * ```ts
 * import { Clerk, KvServer, MemoryPlatform } from "@balsa/balsa";
 *
 * const platform = new MemoryPlatform();
 * const peers = { n1: "127.0.0.1:1", n2: "127.0.0.1:2", n3: "127.0.0.1:3" };
 * const start = (id: keyof typeof peers) =>
 *   KvServer.start({ id, listen: peers[id], peers, dataDir: id, platform });
 * const n1 = await start("n1");
 * await using _n2 = await start("n2");
 * await using _n3 = await start("n3");
 *
 * await using clerk = new Clerk(Object.values(peers), { network: platform.network });
 * await clerk.put("color", "blue");
 * await n1[Symbol.asyncDispose]();
 * await clerk.append("color", "-green");
 * await using _again = await start("n1");
 * console.log(await clerk.get("color")); // blue-green
 * ```
 */
export class MemoryPlatform implements Platform {
  /** Time: real unless given. */
  readonly clock: Clock;
  /** Randomness: real unless given. */
  readonly random: Random;
  /** Connections within this platform. */
  readonly network: Network = new MemoryNetwork();
  readonly #directories = new Map<string, MemoryFileSystem>();

  /** Empty directories, and nobody listens. */
  constructor(options: { readonly clock?: Clock; readonly random?: Random } = {}) {
    this.clock = options.clock ?? realClock;
    this.random = options.random ?? realRandom;
  }

  /** The files of a directory; the same ones each time. */
  fileSystem(directory: string): FileSystem {
    let fileSystem = this.#directories.get(directory);
    if (fileSystem === undefined) this.#directories.set(directory, fileSystem = new MemoryFileSystem(directory));
    return fileSystem;
  }
}
