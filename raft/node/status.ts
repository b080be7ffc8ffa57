/**
 * How a node is.
 *
 * @module
 */
import type { RaftStatus } from "../core/status.ts";
import type { StorageStatus } from "../storage/storage.ts";

/** Whether a node takes part. A failed one has broken a rule or lost its disk, and stays silent until it is started anew. */
export type NodeState = "running" | "stopped" | "failed";

/** A node's status: the core's, with the driver's and the disk's. */
export interface NodeStatus extends RaftStatus {
  /** Whether the node takes part. */
  readonly state: NodeState;
  /** What the disk holds. */
  readonly storage: StorageStatus;
}
