/**
 * The nouns of the Raft paper that every other module speaks: terms, indexes, entries, configurations and the state that
 * must be on stable storage (Figure 2, "State").
 *
 * @module
 */

/**
 * Identity of a node: 1 to 64 characters, unique within its cluster, kept for the life of its data directory.
 *
 * It is the node's name, `n3`, for the first directory that ever served under the name. A node that has lost its
 * directory, or what was in it, has also lost the promises it made under that identity (votes, acknowledgements), and may
 * never speak under it again: it comes back as `n3#1700000000000`, an identity that has promised nothing. The number is
 * the *incarnation*; later ones of a name are larger, and 0, which is not written, is the first.
 */
export type NodeId = string;

/** Stands between name and incarnation in a {@link NodeId}; no name has it. */
export const incarnationMark = "#";

/** The name in an identity. */
export function nameOf(id: NodeId): string {
  const mark = id.indexOf(incarnationMark);
  return mark < 0 ? id : id.slice(0, mark);
}

/** The incarnation in an identity: 0 for a first one. */
export function incarnationOf(id: NodeId): number {
  const mark = id.indexOf(incarnationMark);
  const incarnation = mark < 0 ? 0 : Number(id.slice(mark + 1));
  return Number.isSafeInteger(incarnation) && incarnation > 0 ? incarnation : 0;
}

/** The identity of a name's incarnation. */
export function identityOf(name: string, incarnation: number): NodeId {
  return incarnation === 0 ? name : `${name}${incarnationMark}${incarnation}`;
}

/**
 * Which directory somebody speaks from, and in which of its openings: what tells a directory from another one under the
 * same identity, and from an older copy of itself.
 */
export interface DirectoryStamp {
  /** The directory, unlike any other. */
  readonly directoryId: string;
  /** How often it has been opened; grows by 1 each time, before anybody is told anything. */
  readonly generation: number;
  /** This opening, unlike any other: two copies of one directory reach the same generation, in different openings. */
  readonly opening: string;
}

/** A logical clock: 0 before the first election, then one more at each (paper, section 5.1). At most {@link maxTerm}. */
export type Term = number;

/** Position in the log. The first entry has index 1; 0 means "before the first entry". */
export type LogIndex = number;

/** Terms and indexes beyond this are refused from a peer: arithmetic on them would soon lose precision. */
export const maxTerm = 2 ** 52;

/**
 * Index and term travel together: by Log Matching (paper, section 5.3) two entries with equal index *and* term are the
 * same entry and have the same history, which an index alone never says.
 */
export interface EntryId {
  /** Position in the log. */
  readonly index: LogIndex;
  /** Term of the leader that created the entry. */
  readonly term: Term;
}

/** Whether two ids name the same entry. */
export function isSameEntry(one: EntryId, other: EntryId): boolean {
  return one.index === other.index && one.term === other.term;
}

/** The position before the first entry. */
export const zeroEntryId: EntryId = { index: 0, term: 0 };

/**
 * Who counts. While `outgoing` is not empty the configuration is the joint C_old,new of thesis section 4.3: every
 * decision then needs a majority of `voters` *and* a majority of `outgoing`.
 */
export interface Configuration {
  /** Members whose majority decides; sorted, without duplicates, never empty. */
  readonly voters: readonly NodeId[];
  /** Voters of C_old while a joint configuration is active; sorted, empty otherwise. */
  readonly outgoing: readonly NodeId[];
  /** Members that receive the log but never vote nor count; sorted, disjoint from the voters. */
  readonly learners: readonly NodeId[];
}

/** One slot of the log. */
export type Entry = CommandEntry | NoOpEntry | ConfigurationEntry;

/** What every {@link Entry} has, whatever it carries. */
export interface EntryHeader extends EntryId {
  /**
   * The leader's clock when it created the entry, in milliseconds since the Unix epoch. A hint: the state machine takes
   * the running maximum, so that cluster time never goes back.
   */
  readonly clusterTimeMs: number;
}

/** An entry that carries a command of the state machine. */
export interface CommandEntry extends EntryHeader {
  /** Discriminates the union. */
  readonly kind: "command";
  /** The command, encoded; opaque to Raft. */
  readonly data: Uint8Array;
}

/** The blank entry with which a new leader commits what earlier terms left (thesis section 6.4; paper section 8). */
export interface NoOpEntry extends EntryHeader {
  /** Discriminates the union. */
  readonly kind: "noop";
}

/** An entry that changes the configuration; active as soon as it is appended (thesis section 4.1). */
export interface ConfigurationEntry extends EntryHeader {
  /** Discriminates the union. */
  readonly kind: "configuration";
  /** The configuration that holds from this entry on. */
  readonly configuration: Configuration;
}

/** What Figure 2 calls persistent state, less the log: must be on stable storage before anyone is told of it. */
export interface HardState {
  /** Latest term this node has seen; only grows. */
  readonly currentTerm: Term;
  /** Candidate that received this node's vote in `currentTerm`, or null. */
  readonly votedFor: NodeId | null;
}

/** What a snapshot stands for: every entry up to and including `last`. */
export interface SnapshotMeta {
  /** The last entry the snapshot replaces (the paper's lastIncludedIndex and lastIncludedTerm). */
  readonly last: EntryId;
  /** The configuration active at `last`. */
  readonly configuration: Configuration;
}

/** The role of a node. A pre-candidate (thesis section 9.6) has not raised its term; a learner is always a follower. */
export type Role = "follower" | "preCandidate" | "candidate" | "leader";
