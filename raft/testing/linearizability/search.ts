/**
 * The search for a linearization of one partition: Wing & Gong 1993 with the memory of Lowe 2017, as in Porcupine.
 *
 * A configuration is the set of operations taken so far and the state they left. From it, the operations that may come next
 * are those called before the first return of an operation not taken. Two things differ from Porcupine:
 *
 * - A read that agrees with the state is taken at once, without a branch: if some linearization goes on from here, then so does
 *   the same one with the read moved to the front, for a read changes nothing and nothing that must precede it is left.
 * - An operation of unknown fate has no return. It may be taken at any time or never, so the search is over when those that
 *   returned are taken, and one that would not change the state is left alone.
 *
 * @module
 */
import { OpenOperations, type Timing } from "./open_operations.ts";
import type { SearchSpace } from "./search_space.ts";
import { VisitedConfigurations } from "./visited.ts";

/** Counts the steps of searches, and says when to give up. */
export interface StepCounter {
  /** One more configuration is tried; false to give up. */
  step(): boolean;
}

/** How a search ended. */
export type SearchResult =
  | {
    readonly kind: "found";
    /** The linearization: operations in the order in which they took effect. */
    readonly order: readonly number[];
  }
  | { readonly kind: "none" }
  | { readonly kind: "gaveUp" };

/** Looks for a linearization of the operations that `timing` and `space` describe. */
export function searchLinearization(timing: Timing, space: SearchSpace, counter: StepCounter): SearchResult {
  return new Search(timing, space).run(counter);
}

/** A configuration on the current path: what it was reached with, and which candidates are left to try from it. */
interface Frame {
  readonly state: number;
  /** Length of the linearization before the operation that led here. */
  readonly mark: number;
  /** Where this frame's candidates begin, and the next to try. */
  readonly firstCandidate: number;
  nextCandidate: number;
}

class Search {
  readonly #space: SearchSpace;
  readonly #open: OpenOperations;
  readonly #visited = new VisitedConfigurations();
  /** The linearization so far. */
  readonly #taken: number[] = [];
  readonly #frames: Frame[] = [];
  /** The candidates of all frames on the path, as pairs; each frame's are tried from the last to the first. */
  readonly #candidateOperations: number[] = [];
  readonly #candidateStates: number[] = [];

  constructor(timing: Timing, space: SearchSpace) {
    this.#space = space;
    this.#open = new OpenOperations(timing);
  }

  run(counter: StepCounter): SearchResult {
    if (this.#enter(this.#space.initial, 0)) return this.#found();
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (frame.nextCandidate < frame.firstCandidate) {
        this.#leave(frame);
        continue;
      }
      if (!counter.step()) return { kind: "gaveUp" };
      if (this.#tryCandidate(frame, frame.nextCandidate--)) return this.#found();
    }
    return { kind: "none" };
  }

  #found(): SearchResult {
    return { kind: "found", order: [...this.#taken] };
  }

  /** Takes one candidate; true if that ended the search. */
  #tryCandidate(frame: Frame, candidate: number): boolean {
    const operation = this.#candidateOperations[candidate] ?? 0;
    const mark = this.#taken.length;
    this.#take(operation);
    return this.#enter(this.#candidateStates[candidate] ?? 0, mark, frame, operation);
  }

  /**
   * Enters the configuration reached: takes the reads that agree, and makes a frame unless it was visited before. True if
   * nothing is left to take.
   */
  #enter(reached: number, mark: number, parent?: Frame, operation = -1): boolean {
    this.#takeReads(reached);
    if (this.#open.frontier === this.#open.requiredCount) return true;
    const state = this.#space.settle(reached);
    if (parent !== undefined && this.#space.isSureMove(parent.state, operation, state)) {
      parent.nextCandidate = parent.firstCandidate - 1;
    }
    if (!this.#visited.add(this.#open, state)) {
      this.#undoTo(mark);
      return false;
    }
    const firstCandidate = this.#candidatesEnd(parent);
    this.#collectCandidates(state);
    this.#frames.push({ state, mark, firstCandidate, nextCandidate: this.#candidateOperations.length - 1 });
    return false;
  }

  /** Where the candidates of a new frame begin: after those that its parent has left. */
  #candidatesEnd(parent: Frame | undefined): number {
    const end = parent === undefined ? 0 : parent.nextCandidate + 1;
    this.#candidateOperations.length = end;
    this.#candidateStates.length = end;
    return end;
  }

  #leave(frame: Frame): void {
    this.#frames.pop();
    this.#undoTo(frame.mark);
  }

  #take(operation: number): void {
    this.#open.take(operation);
    this.#space.take(operation);
    this.#taken.push(operation);
  }

  #undoTo(mark: number): void {
    while (this.#taken.length > mark) {
      const operation = this.#taken.pop() ?? 0;
      this.#space.untake(operation);
      this.#open.untake(operation);
    }
  }

  /** One pass is enough: each read taken only lets later calls in, and these are met further on in the pass. */
  #takeReads(state: number): void {
    const open = this.#open;
    for (let operation = open.firstRequired(); operation >= 0;) {
      const taken = this.#space.isReadOnly(operation) && this.#space.next(state, operation).length > 0;
      if (taken) this.#take(operation);
      // A taken operation keeps its links, so the pass goes on from it.
      operation = open.after(operation);
    }
  }

  /**
   * Last comes what is tried first: what makes the read agree that must be next to return, if it is a read; then what returns
   * first. Operations of unknown fate come when all else failed.
   *
   * Of twins that may come next, the one that returns first stands for all: where another comes next and this one later, the
   * two can change places.
   */
  #collectCandidates(state: number): void {
    const groups = new Set<number>();
    const required = this.#untaken(this.#open.firstRequired()).sort((left, right) => left - right);
    const optional = this.#untaken(this.#open.firstOptional()).filter((operation) => this.#space.canMatter(operation));
    const candidates = [...required, ...optional].filter((operation) => this.#isFirstOfGroup(operation, groups))
      .reverse();
    const { frontier, requiredCount } = this.#open;
    const wantsRead = this.#space.isReadOnly(frontier);
    for (const isLastPass of wantsRead ? [false, true] : [false]) {
      for (const operation of candidates) {
        for (const after of this.#space.next(state, operation)) {
          const satisfies = wantsRead && operation < requiredCount && this.#space.next(after, frontier).length > 0;
          if (satisfies === isLastPass) this.#candidate(state, operation, after);
        }
      }
    }
  }

  /** The operations that may come next, from `first` on, except reads: those that agree were taken. */
  #untaken(first: number): number[] {
    const operations: number[] = [];
    for (let operation = first; operation >= 0; operation = this.#open.after(operation)) {
      if (!this.#space.isReadOnly(operation)) operations.push(operation);
    }
    return operations;
  }

  #isFirstOfGroup(operation: number, groups: Set<number>): boolean {
    const group = this.#space.twinGroup(operation);
    if (groups.has(group)) return false;
    groups.add(group);
    return true;
  }

  #candidate(before: number, operation: number, after: number): void {
    // What may be left out is worth taking only for what it changes.
    if (operation >= this.#open.requiredCount && this.#space.settle(after) === before) return;
    if (this.#space.isHopeless(before, operation, after)) return;
    this.#candidateOperations.push(operation);
    this.#candidateStates.push(after);
  }
}
