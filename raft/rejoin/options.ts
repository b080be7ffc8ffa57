/**
 * What a node needs to know to open its directory.
 *
 * @module
 */
import type { Configuration, NodeId } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import type { FileSystem } from "../storage/file_system.ts";
import type { WalLimits } from "../storage/wal.ts";
import type { Network } from "../wire/network.ts";

/** Whose directory it is, and whom to ask when something is wrong with it. */
export interface OpenStorageOptions {
  /** The node's name. */
  readonly name: NodeId;
  /** Its cluster. */
  readonly clusterId: string;
  /** The configuration of a new directory. */
  readonly initialConfiguration: Configuration;
  /** Where the other members are, by name. */
  readonly others: Readonly<Record<string, string>>;
  /** Where the node listens, `HOST:PORT`: also while its log is repaired. */
  readonly listen: string;
  /** The directory. */
  readonly fileSystem: FileSystem;
  /** Time. */
  readonly clock: Clock;
  /** Sockets. */
  readonly network: Network;
  /** The shortest election timeout, in milliseconds: the pace at which the cluster is to be back after a loss. */
  readonly electionTimeoutMs: number;
  /** See `Platform.walLimits`. */
  readonly walLimits?: Partial<WalLimits>;
  /** Told what is being done about damage; for logs. */
  readonly onProblem?: (problem: string) => void;
}
