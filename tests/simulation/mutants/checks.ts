/**
 * The checks that mutants are to be found by.
 *
 * @module
 */
import { CommittedLog } from "../committed_log.ts";
import { allInvariants } from "../invariants/all.ts";
import type { EndCheckName } from "../violation.ts";

/** Why a check may go without a mutant of its own; null when it may not. */
const endChecks: Readonly<Record<EndCheckName, string | null>> = {
  "node-failure": null,
  "node-start": null,
  "damage": null,
  "linearizability": null,
  "acknowledged-writes": null,
  "mutual-exclusion": null,
  "watch": null,
  "lease": null,
  "liveness": null,
  "convergence": null,
  "divergence": null,
  "determinism": null,
  "harness": "says that the simulation itself is broken",
};

/** Names of all checks. */
export const checkNames: readonly string[] = [
  ...allInvariants({
    ...{ committed: new CommittedLog(), viewOf: () => undefined, onRepeat: () => {}, maxRaftState: -1 },
    ...{ holdsLease: () => false, leaseHolders: () => [] },
  }).map(({ name }) => name),
  ...Object.keys(endChecks),
];

/** Checks that are not there to find mistakes of the system. */
export const exemptChecks: ReadonlySet<string> = new Set(
  Object.entries(endChecks).filter(([, reason]) => reason !== null).map(([name]) => name),
);
