/**
 * How a node is.
 *
 * @module
 */
import type { LogIndex } from "../core/types.ts";
import type { RaftStatus } from "../core/status.ts";
import type { StorageStatus } from "../storage/storage.ts";

/**
 * Whether a node takes part. A failed one has broken a rule or lost its disk, a diverged one has, or may have, another state
 * than the other replicas; both stay silent until they are started anew.
 */
export type NodeState = "running" | "stopped" | "failed" | "diverged";

/**
 * How the node stands to its cluster. One that is founding has a new directory, and makes no promise until every member
 * has met it. One that is repairing has lost its former directory, and waits to be taken in again as a voter.
 */
export type Standing = "founding" | "repairing" | "member";

/** A node's status: the core's, with the driver's and the disk's. */
export interface NodeStatus extends RaftStatus {
  /** Whether the node takes part. */
  readonly state: NodeState;
  /** How the node stands to its cluster. */
  readonly standing: Standing;
  /**
   * The last index at which a majority of the replicas, this one among it, was seen to have the same state; 0 before the
   * first such index.
   */
  readonly agreedIndex: LogIndex;
  /** Whether the node waits for room on its disk, and meanwhile takes no commands. */
  readonly isDiskFull: boolean;
  /** What the disk holds. */
  readonly storage: StorageStatus;
}
