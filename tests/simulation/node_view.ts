/**
 * What the simulation remembers of a node: of the life it leads now, and of what it has promised in all of them.
 *
 * @module
 */
import type { StateCapture } from "../../raft/core/invariants.ts";
import { capture } from "../../raft/core/invariants.ts";
import type { RaftState } from "../../raft/core/state.ts";
import { type Entry, type EntryId, nameOf, type NodeId, type Term } from "../../raft/core/types.ts";
import type { Storage } from "../../raft/storage/storage.ts";
import { DurableRecord } from "./durable_record.ts";

/** What a node has promised to others, which must outlive every crash. */
export class NodePromises {
  /** Votes by term, as they were told to others: the candidate's name. */
  readonly votes: Map<Term, NodeId> = new Map();
  /** The latest term in which a vote was told. */
  votedTerm: Term = 0;
  /** The log is durable up to here, as it was told to others or counted by the node itself; lowered by truncation. */
  durable: EntryId = { index: 0, term: 0 };
}

/** A change of a node's log since the last look. */
export interface LogChange {
  /** Cut off. */
  readonly removed: readonly EntryId[];
  /** Appended after that. */
  readonly added: readonly Entry[];
}

/** One life of a node, as an observer sees it. */
export class NodeView {
  /** The node's identity, which is another one after it was given up and taken in again. */
  readonly id: NodeId;
  /** The node's name, which stays, as do its machine and its address. */
  readonly name: string;
  /** The node's identity and the number of this life, `n1#2`. */
  readonly label: string;
  /** The core's state. */
  readonly state: RaftState;
  /** What the node has promised in this life and all before it. */
  readonly promises: NodePromises;
  /** What its disk holds for certain. */
  readonly disk: DurableRecord;
  /** Where the node writes; null before it has written anything in this life. */
  storage: Pick<Storage, "status"> | null = null;
  /** The state before the step that is being taken. */
  before: StateCapture;
  /** Whether the last change of the log has cut off entries that are in conflict with nothing. */
  wasShortened = false;
  /** Whether reads waited for confirmation before the step. */
  hadReads = false;
  /** Terms of all entries seen in this life, by index; entries that were compacted away stay. */
  readonly #terms = new Map<number, Term>();
  #last: EntryId;

  constructor(id: NodeId, label: string, state: RaftState, promises: NodePromises) {
    this.id = id;
    this.name = nameOf(id);
    this.label = label;
    this.state = state;
    this.promises = promises;
    this.before = capture(state);
    const { log } = state;
    this.disk = new DurableRecord(log.snapshot.last.index, log.slice(log.firstIndex, Infinity, Infinity));
    this.#last = log.snapshot.last;
    this.#terms.set(this.#last.index, this.#last.term);
  }

  /** The log's changes since the last call; null when there are none. At the first call everything is new. */
  takeLogChange(): LogChange | null {
    const { log } = this.state;
    const { last } = log;
    const seen = this.#last;
    if (last.index === seen.index && last.term === seen.term) return null;
    let common = Math.min(seen.index, last.index);
    while (common >= log.firstIndex && this.#terms.get(common) !== log.termAt(common)) common--;
    const removed: EntryId[] = [];
    for (let index = common + 1; index <= seen.index; index++) {
      const term = this.#terms.get(index);
      if (term !== undefined) removed.push({ index, term });
      this.#terms.delete(index);
    }
    this.wasShortened = removed.length > 0 && common === last.index && this.#terms.get(common) === last.term;
    const added = log.slice(Math.max(common + 1, log.firstIndex), Infinity, Infinity);
    for (const { index, term } of added) this.#terms.set(index, term);
    this.#terms.set(last.index, last.term);
    this.#last = { index: last.index, term: last.term };
    return { removed, added };
  }

  /** Whether the node holds this entry, durably. */
  holdsDurably(id: EntryId): boolean {
    const { log } = this.state;
    if (!log.contains(id) || log.persistedIndex < id.index) return false;
    return id.index <= log.snapshot.last.index || this.disk.holds(id);
  }
}
