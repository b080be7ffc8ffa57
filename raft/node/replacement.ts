/**
 * How a leader takes a node back in that has lost its directory: the node comes as a stranger, under a later incarnation of
 * a name that the configuration has. First it becomes a learner, then, once it has caught up, a voter in place of the old
 * identity. Each step is a change through joint consensus (thesis section 4.3), so that at no moment a promise of the old
 * identity counts as one of the new.
 *
 * Incarnations of a name enter the configuration in ascending order only: an identity that has left never comes back.
 *
 * @module
 */
import { isJoint, membersOf } from "../core/configuration.ts";
import { type Configuration, incarnationOf, type LogIndex, nameOf, type NodeId } from "../core/types.ts";

/** What the next step depends on. */
export interface ReplacementView {
  /** The leader, who decides. */
  readonly self: NodeId;
  /** The active configuration. */
  readonly configuration: Configuration;
  /** Identities that have a connection to the leader. */
  readonly connected: readonly NodeId[];
  /** Highest index that a member is known to have durably; undefined for who is no member. */
  readonly matchIndexOf: (member: NodeId) => LogIndex | undefined;
  /** What a learner must have to be made a voter. */
  readonly caughtUpIndex: LogIndex;
}

/** The next step that a stranger asks for by being there. */
export interface Replacement {
  /** For the log. */
  readonly reason: string;
  /** The configuration to change to. */
  readonly voters: readonly NodeId[];
  /** See {@link Configuration.learners}. */
  readonly learners: readonly NodeId[];
}

/** Finds the next step, or null when there is nothing to do. */
export function nextReplacement(view: ReplacementView): Replacement | null {
  const { configuration, connected, self, matchIndexOf, caughtUpIndex } = view;
  if (isJoint(configuration)) return null;
  const members = membersOf(configuration);
  const { voters, learners } = configuration;
  for (const stranger of connected) {
    const incarnation = incarnationOf(stranger);
    if (incarnation === 0 || voters.includes(stranger)) continue;
    const former = members.filter((member) => nameOf(member) === nameOf(stranger) && member !== stranger);
    const isLate = former.some((member) => incarnationOf(member) >= incarnation || connected.includes(member));
    if (former.length === 0 || isLate || former.includes(self)) continue;
    const otherVoters = voters.filter((member) => !former.includes(member));
    const otherLearners = learners.filter((member) => !former.includes(member) && member !== stranger);
    if (!learners.includes(stranger)) {
      const reason = `${stranger} has come in place of ${former.join(" and ")}: it becomes a learner`;
      return { reason, voters, learners: [...otherLearners, stranger] };
    }
    if (otherVoters.length === voters.length || (matchIndexOf(stranger) ?? 0) < caughtUpIndex) continue;
    const reason = `${stranger} has caught up: it becomes a voter in place of ${former.join(" and ")}`;
    return { reason, voters: [...otherVoters, stranger], learners: otherLearners };
  }
  return null;
}
