/**
 * Why a node that runs must stop and begin anew.
 *
 * @module
 */
import type { NodeId } from "../core/types.ts";

/**
 * The node may not go on under its identity: its directory is an older copy, or somebody else has taken its place. Its
 * next start puts the files out of the way, takes another identity and catches up from the others.
 */
export class RetiredError extends Error {
  /** The class name, for logs. */
  override readonly name = "RetiredError";

  /** Of the node with this identity, for this reason. */
  constructor(identity: NodeId, reason: string) {
    super(
      `Cannot go on as ${identity}: ${reason}. Start the node again: it keeps the files it has as damaged-…, takes a new ` +
        `identity and catches up from the others.`,
    );
  }
}
