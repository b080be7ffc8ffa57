/**
 * The configurations that a search has been in: Lowe 2017, section 4 ("Testing for linearizability") adds this memory to the
 * algorithm of Wing & Gong, and it is what makes the search feasible.
 *
 * @module
 */
/** A set of operations, with all before the frontier in it ({@linkcode OpenOperations}). */
export interface TakenSet {
  /** Equal for equal sets. */
  readonly hash: number;
  /** All operations before this are in the set, this is not. */
  readonly frontier: number;
  /** The bits of the set. */
  readonly words: Int32Array;
  /** First word of the optional operations' bits. */
  readonly optionalWord: number;
  /** The last word before the optional ones that can have a bit set; the same for equal frontiers. */
  lastRequiredWord(): number;
}

/** A set of pairs (operations taken, state). Equal hashes are compared word by word, so it never takes one for another. */
export class VisitedConfigurations {
  /** Configurations one after another: state, frontier, and the words of the set that the frontier leaves open. */
  #arena = new Int32Array(1024);
  #arenaLength = 0;
  /** Open addressing: place in #arena plus 1, or 0 for a free slot. */
  #slots = new Int32Array(256);
  /** The hash of each slot's configuration. */
  #hashes = new Int32Array(256);
  #count = 0;

  /** Adds the configuration; false if it was there. */
  add(open: TakenSet, state: number): boolean {
    const hash = mix(open.hash ^ Math.imul(state + 1, 0x9e3779b1));
    const start = this.#append(open, state);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const held = (this.#slots[slot] ?? 0) - 1;
      if (held < 0) {
        this.#slots[slot] = start + 1;
        this.#hashes[slot] = hash;
        break;
      }
      if (this.#hashes[slot] === hash && this.#equal(held, start)) {
        this.#arenaLength = start;
        return false;
      }
    }
    if (++this.#count * 2 > this.#slots.length) this.#grow();
    return true;
  }

  /** Writes the configuration to the end of the arena; returns where it begins. */
  #append(open: TakenSet, state: number): number {
    const firstWord = open.frontier >>> 5;
    const lastWord = open.lastRequiredWord();
    const start = this.#arenaLength;
    const most = start + 2 + open.words.length;
    if (most > this.#arena.length) {
      const larger = new Int32Array(Math.max(most, this.#arena.length * 2));
      larger.set(this.#arena);
      this.#arena = larger;
    }
    let end = start;
    this.#arena[end++] = state;
    this.#arena[end++] = open.frontier;
    for (let word = firstWord; word <= lastWord; word++) this.#arena[end++] = open.words[word] ?? 0;
    for (let word = open.optionalWord; word < open.words.length; word++) this.#arena[end++] = open.words[word] ?? 0;
    this.#arenaLength = end;
    return start;
  }

  /** Compares the configuration at `held` with the one at the end of the arena; equal frontiers make equal lengths. */
  #equal(held: number, start: number): boolean {
    for (let offset = 0; start + offset < this.#arenaLength; offset++) {
      if (this.#arena[held + offset] !== this.#arena[start + offset]) return false;
    }
    return true;
  }

  #grow(): void {
    const { length } = this.#slots;
    const slots = new Int32Array(length * 2);
    const hashes = new Int32Array(length * 2);
    const mask = slots.length - 1;
    for (let old = 0; old < length; old++) {
      const held = this.#slots[old] ?? 0;
      if (held === 0) continue;
      const hash = this.#hashes[old] ?? 0;
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = held;
      hashes[slot] = hash;
    }
    this.#slots = slots;
    this.#hashes = hashes;
  }
}

/** Spreads a hash over its low bits (the finalizer of MurmurHash3). */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
