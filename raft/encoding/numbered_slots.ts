/**
 * Things under numbers that ascend, each of which is taken out once, mostly in about the order in which they came.
 *
 * Does what a Map would do, but without making garbage, and without what a Map does to the garbage collector when it is
 * filled at one end and emptied at the other: the tables that it gives up keep each other, and what they held, alive.
 *
 * @module
 */

/** Slots to begin with; a power of two. */
const minSlots = 16;

/** See the module. `Item` must not include undefined. Memory is as much as the numbers between first and last are. */
export class NumberedSlots<Item> {
  /** Number n is at n modulo the length, a power of two; undefined where nothing is. */
  #slots: (Item | undefined)[] = new Array(minSlots).fill(undefined);
  /** Everything is from #first on and before #end; nothing is at #first only when nothing is anywhere. */
  #first = 0;
  #end = 0;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The lowest number under which there is something; null when there is nothing. */
  get first(): number | null {
    return this.#size === 0 ? null : this.#first;
  }

  /** Adds something under a number above all before. */
  add(number: number, item: Item): void {
    if (this.#size === 0) this.#first = number;
    while (number - this.#first >= this.#slots.length) this.#grow();
    this.#slots[number % this.#slots.length] = item;
    this.#end = number + 1;
    this.#size++;
  }

  /** What is under a number, if anything is. */
  get(number: number): Item | undefined {
    if (this.#size === 0 || number < this.#first || number >= this.#end) return undefined;
    return this.#slots[number % this.#slots.length];
  }

  /** Everything, by ascending number; what is under the number just told may be taken out meanwhile. */
  *[Symbol.iterator](): IterableIterator<readonly [number: number, item: Item]> {
    if (this.#size === 0) return;
    for (let number = this.#first; number < this.#end; number++) {
      const item = this.get(number);
      if (item !== undefined) yield [number, item];
    }
  }

  /** What is under a number, if anything is, and takes it out. */
  take(number: number): Item | undefined {
    const item = this.get(number);
    if (item === undefined) return undefined;
    const slots = this.#slots;
    slots[number % slots.length] = undefined;
    this.#size--;
    if (this.#size > 0) { while (slots[this.#first % slots.length] === undefined) this.#first++; }
    return item;
  }

  #grow(): void {
    const { length } = this.#slots;
    const larger = new Array<Item | undefined>(2 * length).fill(undefined);
    for (let number = this.#first; number < this.#end; number++) {
      larger[number % larger.length] = this.#slots[number % length];
    }
    this.#slots = larger;
  }
}
