/**
 * What is known for certain of a log in which something is missing.
 *
 * Two rules of Raft make much of little. *Log Matching* (paper, section 5.3): two logs that hold an entry of the same index
 * and term are the same up to there. And a leader only ever appends to its own log, so that all entries of one term come
 * from one sequence: *two logs that each hold an entry of the same term, one at i and the other at j, are the same up to
 * the smaller of i and j*. {@link agreement} is that rule. It holds for any two logs that ever existed, such as those of two
 * nodes, or one node's now and an hour ago; so nothing is ever taken over from a log that went another way.
 *
 * An index with its term names one entry in the whole cluster, for good. So once the term at an index is known, the entry
 * may come from anybody.
 *
 * @module
 */
import { invariant } from "../core/invariant.ts";
import type { Entry, EntryId, LogIndex, Term } from "../core/types.ts";

/** Indexes and terms of some entries of one log. */
export type LogTerms = ReadonlyMap<LogIndex, Term>;

/** Consecutive entries of one term. */
export interface TermRun {
  /** Their term. */
  readonly term: Term;
  /** Index of the first. */
  readonly first: LogIndex;
  /** Index of the last, >= first. */
  readonly last: LogIndex;
}

/** Indexes and terms as runs, ascending. */
export function runsOf(terms: LogTerms): TermRun[] {
  const runs: TermRun[] = [];
  for (const [index, term] of [...terms].sort(([one], [other]) => one - other)) {
    const run = runs.at(-1);
    if (run !== undefined && run.term === term && run.last === index - 1) {
      runs[runs.length - 1] = { ...run, last: index };
    } else runs.push({ term, first: index, last: index });
  }
  return runs;
}

/** The highest index up to which two logs are certainly the same; 0 when nothing says that they are. */
export function agreement(one: readonly TermRun[], other: readonly TermRun[]): LogIndex {
  const lastOf = new Map<Term, LogIndex>();
  for (const { term, last } of one) lastOf.set(term, Math.max(last, lastOf.get(term) ?? 0));
  let agreed = 0;
  for (const { term, last } of other) agreed = Math.max(agreed, Math.min(last, lastOf.get(term) ?? 0));
  return agreed;
}

/** What is certain of one log: which terms stand where. */
export class KnownLog {
  readonly #terms = new Map<LogIndex, Term>();
  /** Runs that are of interest only for where this log agrees with others. */
  #beyond: readonly TermRun[] = [];
  #runs: readonly TermRun[] | null = null;

  /** What somebody says of a log; entries behind `limit` are not noted one by one. */
  static of(runs: readonly TermRun[], limit: LogIndex): KnownLog {
    const log = new KnownLog();
    log.#beyond = runs.filter(({ last }) => last > limit);
    for (const { term, first, last } of runs) {
      for (let index = first; index <= Math.min(last, limit); index++) log.#terms.set(index, term);
    }
    return log;
  }

  /** Which term stands where. */
  get terms(): LogTerms {
    return this.#terms;
  }

  /** The same as runs, ascending. */
  get runs(): readonly TermRun[] {
    this.#runs ??= runsOf(this.#terms);
    return this.#runs;
  }

  /** Notes which entry stands where. */
  know({ index, term }: EntryId): void {
    if (index === 0) return;
    const known = this.#terms.get(index);
    invariant(
      known === undefined || known === term,
      () => `entry ${index} is of term ${known}, and of term ${term} too`,
    );
    this.#terms.set(index, term);
    this.#runs = null;
  }

  /** The log was cut, or replaced, from `index` on. */
  truncateFrom(index: LogIndex): void {
    for (const known of [...this.#terms.keys()]) if (known >= index) this.#terms.delete(known);
    this.#runs = null;
  }

  /**
   * Learns what another log says as far as the two agree; returns whether that was news. A log that contradicts what is
   * known here breaks the rules, whatever else it says, and teaches nothing.
   */
  learn(other: KnownLog): boolean {
    const agreed = agreement([...this.runs, ...this.#beyond], [...other.runs, ...other.#beyond]);
    const news: EntryId[] = [];
    for (const { term, first, last } of other.runs) {
      for (let index = first; index <= Math.min(last, agreed); index++) {
        const known = this.#terms.get(index);
        if (known !== undefined && known !== term) return false;
        if (known === undefined) news.push({ index, term });
      }
    }
    for (const id of news) this.know(id);
    return this.#fill() || news.length > 0;
  }

  /** Terms never descend: what stands between two entries of one term is of that term too. */
  #fill(): boolean {
    const before = this.#terms.size;
    const { runs } = this;
    for (const [slot, { term, last }] of runs.entries()) {
      const next = runs[slot + 1];
      if (next === undefined || next.term !== term) continue;
      for (let index = last + 1; index < next.first; index++) this.know({ index, term });
    }
    return this.#terms.size > before;
  }
}

/** Lets several logs learn from each other until none has anything new to say. */
export function learnFromEachOther(logs: readonly KnownLog[]): void {
  let isNews: boolean;
  do {
    isNews = false;
    for (const one of logs) {
      for (const other of logs) if (one !== other && one.learn(other)) isNews = true;
    }
  } while (isNews);
}

/** Intact entries, of whatever log: index and term name an entry for good. */
export class EntryPool {
  readonly #entries = new Map<LogIndex, readonly Entry[]>();

  /** Takes an entry. */
  take(entry: Entry): void {
    if (this.find(entry) === undefined) {
      this.#entries.set(entry.index, [...this.#entries.get(entry.index) ?? [], entry]);
    }
  }

  /** The entry of this index and term, if it is here. */
  find({ index, term }: EntryId): Entry | undefined {
    return this.#entries.get(index)?.find((entry) => entry.term === term);
  }

  /** What is here, by term. */
  get runs(): TermRun[] {
    const byTerm = new Map<Term, Map<LogIndex, Term>>();
    for (const { index, term } of [...this.#entries.values()].flat()) {
      const terms = byTerm.get(term) ?? new Map<LogIndex, Term>();
      terms.set(index, term);
      byTerm.set(term, terms);
    }
    return [...byTerm.values()].flatMap(runsOf);
  }
}
