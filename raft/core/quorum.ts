/**
 * "What has a quorum reached?" One answer for commitIndex, ReadIndex rounds, CheckQuorum and elections.
 *
 * @module
 */
import type { Configuration, NodeId } from "./types.ts";

/**
 * The largest value that a majority of `members` has reached: each of at least floor(n / 2) + 1 members has `valueOf` at
 * or above it. Without members nothing constrains the value: the result is Infinity.
 */
function majorityMin(members: readonly NodeId[], valueOf: (member: NodeId) => number): number {
  const count = members.length;
  if (count === 0) return Infinity;
  const sorted = new Array<number>(count);
  for (let filled = 0; filled < count; filled++) {
    // Insertion sort, ascending: clusters are small, and this runs at every acknowledgement.
    const value = valueOf(members[filled] ?? "");
    let slot = filled;
    for (; slot > 0 && (sorted[slot - 1] ?? 0) > value; slot--) sorted[slot] = sorted[slot - 1] ?? 0;
    sorted[slot] = value;
  }
  const majority = Math.floor(count / 2) + 1;
  return sorted[count - majority] ?? 0;
}

/**
 * The largest value that a quorum has reached: a majority of the voters and, while the configuration is joint, of the
 * outgoing voters too (thesis section 4.3).
 */
export function quorumMin(configuration: Configuration, valueOf: (member: NodeId) => number): number {
  return Math.min(majorityMin(configuration.voters, valueOf), majorityMin(configuration.outgoing, valueOf));
}

/** Whether the members for which `holds` is true make a quorum. */
export function hasQuorum(configuration: Configuration, holds: (member: NodeId) => boolean): boolean {
  return quorumMin(configuration, (member) => (holds(member) ? 1 : 0)) >= 1;
}
