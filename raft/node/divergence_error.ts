/**
 * A replica's state is not that of the others, or may not be.
 *
 * @module
 */
import type { LogIndex } from "../core/types.ts";

/** Who is wrong. */
export type DivergenceVerdict =
  /** This replica: a majority has another state. */
  | "minority"
  /** Nobody can say: no state has a majority. */
  | "noMajority";

/**
 * Replicas that have applied the same commands have different states, and this one may be wrong: it has stopped, rather than
 * serve what was never written. See `rsm/replica_digest.ts` for how that is found out.
 */
export class DivergenceError extends Error {
  /** The class name, for logs. */
  override readonly name = "DivergenceError";
  /** Where it was noticed; the states went apart at this index or before. */
  readonly index: LogIndex;
  /** Who is wrong. */
  readonly verdict: DivergenceVerdict;

  /** `found` tells the digests: "n1 has 1a2b3c4d, n2 and n3 have 5e6f7a8b". */
  constructor(index: LogIndex, verdict: DivergenceVerdict, found: string) {
    super(
      `Cannot go on: the replicas' states differ at index ${index} (${found}). ` +
        (verdict === "minority"
          ? "A majority has another state than this node, which stops serving. Start it again: it restores its snapshot and " +
            "applies its log anew. If it stops again, its snapshot is wrong too: move its data directory away and start it " +
            "empty, and the others bring it up to date."
          : "No state has a majority, so nobody knows which one is right, and every node stops. Keep copies of all data " +
            "directories; find out which is right, and start the others empty."),
    );
    this.index = index;
    this.verdict = verdict;
  }
}
