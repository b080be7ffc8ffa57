/**
 * Leader Lease (thesis section 6.4.1): when a leader is elected nobody holds a lease of an earlier term; whoever holds one
 * knows of all that anybody calls committed, and has applied it when it answers a read. True as long as clocks keep to their
 * bound.
 *
 * @module
 */
import type { CommittedLog } from "../committed_log.ts";
import type { NodeView } from "../node_view.ts";
import type { Invariant } from "./invariant.ts";

/** What the invariant looks at. */
export interface LeaseContext {
  /** What the cluster has agreed on. */
  readonly committed: CommittedLog;
  /** Whether a node holds a lease at this moment. */
  readonly holdsLease: (node: NodeView) => boolean;
  /** The nodes that do. */
  readonly leaseHolders: () => readonly NodeView[];
}

/** See the module. */
export function leaderLease({ committed, holdsLease, leaseHolders }: LeaseContext): Invariant {
  return {
    name: "leader-lease",
    stepped(node, before) {
      const { label, state } = node;
      if (state.role !== "leader") return null;
      if (before.role === "leader") {
        const { commitIndex } = state.log;
        if (commitIndex >= committed.lastIndex || !holdsLease(node)) return null;
        return `${label} holds a lease and knows of ${commitIndex}, while ${committed.lastIndex} is committed`;
      }
      const holder = leaseHolders().find((other) => other.state.currentTerm < state.currentTerm);
      if (holder === undefined) return null;
      return `${label} is elected in term ${state.currentTerm} while ${holder.label} holds the lease of term ` +
        `${holder.state.currentTerm}`;
    },
    readByLease({ label, state }) {
      const { lastApplied } = state.log;
      if (lastApplied >= committed.lastIndex) return null;
      return `${label} answers a read by lease at index ${lastApplied}, while ${committed.lastIndex} is committed`;
    },
  };
}
