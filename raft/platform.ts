/**
 * The four ports through which a node meets the world, as one value: the machine's own, or a simulator's.
 *
 * @module
 */
import type { Clock } from "./node/clock.ts";
import type { Random } from "./node/random.ts";
import type { FileSystem } from "./storage/file_system.ts";
import type { WalLimits } from "./storage/wal.ts";
import type { Network } from "./wire/network.ts";

/** Where a node lives. */
export interface Platform {
  /** Time. */
  readonly clock: Clock;
  /** Randomness. */
  readonly random: Random;
  /** Sockets. */
  readonly network: Network;
  /** The files below a data directory. */
  fileSystem(directory: string): FileSystem;
  /** When the log's segments end; the defaults suit all but simulations, whose logs are too short to fill one of those. */
  readonly walLimits?: Partial<WalLimits>;
}
