/**
 * Which operations of a partition are on the linearization, and which could come next.
 *
 * @module
 */

/** When operations were called and when they returned. */
export interface Timing {
  /** Where in the history each operation was called. */
  readonly callPositions: readonly number[];
  /**
   * Where each returned: ascending, first those that did ("required": they must be on the linearization), then Infinity for
   * those of unknown fate ("optional"), in order of call.
   */
  readonly returnPositions: readonly number[];
}

/**
 * The set of taken operations, as a bitset with a Zobrist hash kept up to date, and the operations not yet taken as linked
 * lists in order of call: taking is unlinking, and is undone by relinking in reverse order ("dancing links"), as in the
 * algorithm of Wing & Gong 1993.
 */
export class OpenOperations {
  /** How many operations must be on the linearization; they are 0 to requiredCount - 1. */
  readonly requiredCount: number;
  /** Untaken required operation that returns first; requiredCount when there is none. Whatever is called after it returned must wait. */
  frontier = 0;
  /** Hash of the set; equal sets have equal hashes. */
  hash = 0;
  /** The set; the bits of optional operations begin at a word of their own, {@linkcode optionalWord}. */
  readonly words: Int32Array;
  /** First word of the optional operations' bits. */
  readonly optionalWord: number;
  readonly #callPositions: readonly number[];
  readonly #returnPositions: readonly number[];
  readonly #zobrist: Int32Array;
  /** Next and previous untaken operation in order of call; the heads are #requiredHead and #optionalHead. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #requiredHead: number;
  readonly #optionalHead: number;
  /** For each frontier, the last word that can hold the bit of a taken required operation. */
  readonly #reach: Int32Array;

  constructor(timing: Timing) {
    const { callPositions, returnPositions } = timing;
    const count = callPositions.length;
    const firstOptional = returnPositions.indexOf(Infinity);
    this.#callPositions = callPositions;
    this.#returnPositions = returnPositions;
    this.requiredCount = firstOptional < 0 ? count : firstOptional;
    this.optionalWord = (this.requiredCount + 31) >>> 5;
    this.words = new Int32Array(this.optionalWord + ((count - this.requiredCount + 31) >>> 5));
    this.#zobrist = randomWords(count);
    this.#next = new Int32Array(count + 2);
    this.#previous = new Int32Array(count + 2);
    this.#requiredHead = count;
    this.#optionalHead = count + 1;
    const order = Array.from({ length: count }, (_, operation) => operation);
    order.sort((left, right) => (callPositions[left] ?? 0) - (callPositions[right] ?? 0));
    this.#link(this.#requiredHead, order.filter((operation) => operation < this.requiredCount));
    this.#link(this.#optionalHead, order.filter((operation) => operation >= this.requiredCount));
    this.#reach = this.#computeReach(order);
  }

  /** Calls before this position may come next: the first return of an untaken operation bounds them. */
  get limit(): number {
    return this.#returnPositions[this.frontier] ?? Infinity;
  }

  /** The first untaken required operation in order of call, if it may come next; otherwise -1. */
  firstRequired(): number {
    return this.#within(this.#next[this.#requiredHead] ?? -1);
  }

  /** The first untaken optional operation in order of call, if it may come next; otherwise -1. */
  firstOptional(): number {
    return this.#within(this.#next[this.#optionalHead] ?? -1);
  }

  /** The untaken operation called next after `operation`, of the same list, if it may come next; otherwise -1. */
  after(operation: number): number {
    return this.#within(this.#next[operation] ?? -1);
  }

  /** Puts an untaken operation into the set. */
  take(operation: number): void {
    this.#flip(operation);
    const next = this.#next[operation] ?? 0;
    const previous = this.#previous[operation] ?? 0;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    while (this.frontier < this.requiredCount && this.#isTaken(this.frontier)) this.frontier++;
  }

  /** Undoes the last {@linkcode take} that was not undone. */
  untake(operation: number): void {
    this.#flip(operation);
    const next = this.#next[operation] ?? 0;
    const previous = this.#previous[operation] ?? 0;
    this.#next[previous] = operation;
    this.#previous[next] = operation;
    if (operation < this.frontier) this.frontier = operation;
  }

  /** The last word in which a taken required operation can be, given the frontier: the set is all ones before and zeros after. */
  lastRequiredWord(): number {
    return this.frontier < this.requiredCount ? this.#reach[this.frontier] ?? 0 : this.optionalWord - 1;
  }

  #within(operation: number): number {
    if (operation >= this.#requiredHead) return -1;
    return (this.#callPositions[operation] ?? Infinity) < this.limit ? operation : -1;
  }

  #link(head: number, operations: readonly number[]): void {
    let last = head;
    for (const operation of operations) {
      this.#next[last] = operation;
      this.#previous[operation] = last;
      last = operation;
    }
    this.#next[last] = head;
    this.#previous[head] = last;
  }

  #bit(operation: number): number {
    return operation < this.requiredCount ? operation : operation - this.requiredCount + (this.optionalWord << 5);
  }

  #isTaken(operation: number): boolean {
    const bit = this.#bit(operation);
    return ((this.words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  #flip(operation: number): void {
    const bit = this.#bit(operation);
    this.words[bit >>> 5] = (this.words[bit >>> 5] ?? 0) ^ (1 << (bit & 31));
    this.hash ^= this.#zobrist[operation] ?? 0;
  }

  /** An operation can be taken before the frontier has returned only if it was called before that. */
  #computeReach(orderOfCall: readonly number[]): Int32Array {
    const reach = new Int32Array(this.requiredCount);
    let called = 0;
    let highest = 0;
    for (let frontier = 0; frontier < this.requiredCount; frontier++) {
      const limit = this.#returnPositions[frontier] ?? Infinity;
      for (; called < orderOfCall.length; called++) {
        const operation = orderOfCall[called] ?? 0;
        if ((this.#callPositions[operation] ?? Infinity) >= limit) break;
        if (operation < this.requiredCount) highest = Math.max(highest, operation);
      }
      reach[frontier] = highest >>> 5;
    }
    return reach;
  }
}

/** Fixed pseudo-random words (xorshift32, Marsaglia 2003): the same history is searched in the same way each time. */
function randomWords(count: number): Int32Array {
  const words = new Int32Array(count);
  let word = 0x9e3779b9 | 0;
  for (let place = 0; place < count; place++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[place] = word;
  }
  return words;
}
