/**
 * Cluster membership: which configuration holds at which index, and the steps of joint consensus (thesis section 4.3).
 *
 * A configuration is active as soon as its entry is in the log, committed or not, and inactive again when that entry is
 * truncated (thesis section 4.1). Acting on *applied* configurations instead is what wedged other systems.
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import { type Configuration, incarnationOf, type LogIndex, nameOf, type NodeId } from "./types.ts";

function sortedUnique(members: readonly NodeId[]): NodeId[] {
  return [...new Set(members)].sort();
}

/** A configuration that is not joint. Learners that are voters too are voters. */
export function simpleConfiguration(voters: readonly NodeId[], learners: readonly NodeId[] = []): Configuration {
  invariant(voters.length > 0, "a configuration needs at least one voter");
  return {
    voters: sortedUnique(voters),
    outgoing: [],
    learners: sortedUnique(learners).filter((member) => !voters.includes(member)),
  };
}

/** C_old,new: decisions need both the voters of `current` and the new ones. */
export function jointConfiguration(
  current: Configuration,
  voters: readonly NodeId[],
  learners: readonly NodeId[],
): Configuration {
  invariant(!isJoint(current), "a joint configuration must be left before the next change");
  return { ...simpleConfiguration(voters, learners), outgoing: current.voters };
}

/** C_new, out of C_old,new. */
export function leaveJoint(current: Configuration): Configuration {
  invariant(isJoint(current), "only a joint configuration can be left");
  return { ...current, outgoing: [] };
}

/** Whether two majorities are needed. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** Whether `member` takes part in decisions. */
export function isVoter(configuration: Configuration, member: NodeId): boolean {
  return configuration.voters.includes(member) || configuration.outgoing.includes(member);
}

/** Everyone who receives the log, sorted. */
export function membersOf(configuration: Configuration): NodeId[] {
  return sortedUnique([...configuration.voters, ...configuration.outgoing, ...configuration.learners]);
}

/** The latest incarnation of a name among the members; null when the name has no member. */
export function latestOf(configuration: Configuration, name: string): NodeId | null {
  let latest: NodeId | null = null;
  for (const member of membersOf(configuration)) {
    if (nameOf(member) !== name) continue;
    if (latest === null || incarnationOf(member) > incarnationOf(latest)) latest = member;
  }
  return latest;
}

interface ActiveFrom {
  /** Index of the entry that brought the configuration; the snapshot's index for the first one. */
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** The configurations of the snapshot and of the log behind it, ascending by index; the last one is active. */
export class ConfigurationHistory {
  /** Never empty; indexes strictly ascending. */
  #steps: ActiveFrom[];

  /** Starts from the snapshot's configuration. */
  constructor(index: LogIndex, configuration: Configuration) {
    this.#steps = [{ index, configuration }];
  }

  /** The active configuration. */
  get active(): Configuration {
    return this.#lastStep.configuration;
  }

  /** Index of the entry that brought the active configuration. */
  get activeIndex(): LogIndex {
    return this.#lastStep.index;
  }

  get #lastStep(): ActiveFrom {
    const step = this.#steps.at(-1);
    invariant(step !== undefined, "the configuration history is empty");
    return step;
  }

  /** The configuration that held at `index`. */
  at(index: LogIndex): Configuration {
    const step = this.#steps.findLast((candidate) => candidate.index <= index) ?? this.#steps[0];
    invariant(step !== undefined, "the configuration history is empty");
    return step.configuration;
  }

  /** Notes that `configuration` is active from `index` on. */
  append(index: LogIndex, configuration: Configuration): void {
    invariant(index > this.activeIndex, `configuration at ${index} after one at ${this.activeIndex}`);
    this.#steps.push({ index, configuration });
  }

  /** Forgets what the entries from `index` on brought. */
  truncateFrom(index: LogIndex): void {
    this.#steps = this.#steps.filter((step, position) => position === 0 || step.index < index);
  }

  /** Forgets what held only before `index`. */
  compactTo(index: LogIndex): void {
    const first = this.#steps.findLastIndex((step) => step.index <= index);
    if (first > 0) this.#steps.splice(0, first);
  }
}
