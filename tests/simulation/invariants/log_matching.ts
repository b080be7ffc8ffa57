/**
 * Log Matching (paper, Figure 3): "if two logs contain an entry with the same index and term, then the logs are identical in
 * all entries up through the given index". By induction it is enough that two such entries are equal themselves, and have
 * predecessors of equal term.
 *
 * @module
 */
import type { Entry, Term } from "../../../raft/core/types.ts";
import type { Invariant } from "./invariant.ts";

interface Known {
  readonly digest: number;
  readonly previousTerm: Term | undefined;
}

/** Distinguishes entries of the same index and term; indexes of a simulation stay far below. */
const indexBound = 2 ** 24;

/** See the module. */
export function logMatching(): Invariant {
  const entries = new Map<number, Known>();
  return {
    name: "log-matching",
    logChanged({ label, state }, _removed, added) {
      for (const entry of added) {
        const key = entry.term * indexBound + entry.index;
        const digest = digestOf(entry);
        const previousTerm = state.log.termAt(entry.index - 1);
        const known = entries.get(key);
        if (known === undefined || (known.previousTerm === undefined && previousTerm !== undefined)) {
          entries.set(key, { digest, previousTerm });
        }
        if (known === undefined) continue;
        if (known.digest !== digest) return `${label} has another entry at ${entry.index} of term ${entry.term}`;
        if (previousTerm !== undefined && known.previousTerm !== undefined && known.previousTerm !== previousTerm) {
          return `${label} has term ${previousTerm} before ${entry.index} of term ${entry.term}: others have ` +
            `${known.previousTerm}`;
        }
      }
      return null;
    },
  };
}

/** FNV-1a over all that an entry holds. */
function digestOf(entry: Entry): number {
  let digest = 0x811c9dc5 ^ entry.kind.length;
  const mix = (value: number): void => {
    digest = Math.imul(digest ^ value, 0x01000193);
  };
  mix(entry.clusterTimeMs | 0);
  if (entry.kind === "command") {
    for (let offset = 0; offset < entry.data.length; offset++) mix(entry.data[offset] ?? 0);
  } else if (entry.kind === "configuration") {
    const text = JSON.stringify(entry.configuration);
    for (let position = 0; position < text.length; position++) mix(text.charCodeAt(position));
  }
  return digest;
}
