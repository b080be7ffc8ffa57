/**
 * Things in the order in which they were added, any of which can be taken out at once.
 *
 * Not a Set, for the garbage collector's sake: a Set that is filled at one end and emptied at the other makes itself a new
 * table again and again, and each table that was given up points to the next one and to what it held. Once one of them has
 * grown old it keeps all that follow it alive, and with them everything that ever went through the Set, until a full
 * collection. With a thousand calls under way that took half of a client's time.
 *
 * @module
 */

/** What can be in a {@link LinkedList}: in one at a time. Only the list touches these. */
export interface Linked<Item> {
  /** The neighbour that was added before. */
  earlier: Item | null;
  /** The neighbour that was added after. */
  later: Item | null;
}

/** See the module. */
export class LinkedList<Item extends Linked<Item>> {
  #oldest: Item | null = null;
  #newest: Item | null = null;

  /** What was added first; null when the list is empty. */
  get oldest(): Item | null {
    return this.#oldest;
  }

  /** Adds what is in no list. */
  add(item: Item): void {
    item.earlier = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.later = item;
    this.#newest = item;
  }

  /** Takes something out; without effect if it is in no list. */
  remove(item: Item): void {
    const { earlier, later } = item;
    if (earlier !== null) earlier.later = later;
    else if (this.#oldest === item) this.#oldest = later;
    if (later !== null) later.earlier = earlier;
    else if (this.#newest === item) this.#newest = earlier;
    item.earlier = null;
    item.later = null;
  }

  /** All of them in order; the one at which the walk stands may be taken out meanwhile. */
  *[Symbol.iterator](): IterableIterator<Item> {
    for (let item = this.#oldest; item !== null;) {
      const { later } = item;
      yield item;
      item = later;
    }
  }
}
