/**
 * A map from strings to values in key order, of which a consistent view can be taken at any time in O(1).
 *
 * It is a B-tree with copy-on-write. Each node carries the owner token of the map that made it. Taking a view hands the
 * current root to the view and gives the map a new token: from then on no node is the map's own, so a later write copies
 * each node on its path before it changes it, once, and shares all others with the view. A view costs nothing to take,
 * nothing to give up (the garbage collector takes the nodes that only it had), and never changes.
 *
 * Deleting goes down from the root and never into a thin node: that one is first joined with a neighbour, or gets half of
 * what both have. So no node below the root is ever left empty, and no way back up is needed.
 *
 * Keys are ordered by UTF-16 code units, as `<` compares strings: the same on every machine, without any locale. For keys
 * outside the Basic Multilingual Plane this differs from the order of their UTF-8 bytes.
 *
 * @module
 */

import {
  type Branch,
  countKeys,
  countNodes,
  find,
  insertAt,
  type Leaf,
  lowerBound,
  maxWidth,
  type Node,
  type Owner,
  upperBound,
  walk,
  walkBack,
  widthOf,
} from "./ordered_map_nodes.ts";

/** A node with fewer children or keys than this is joined with a neighbour before something is taken from it. */
const minWidth = 16;

/** Two neighbours that have no more than this together become one; otherwise they share alike. */
const joinedWidth = 48;

/** A view of an {@link OrderedMap} that never changes. */
export interface OrderedMapView<Item> {
  /** Number of keys. */
  readonly size: number;
  /** The value of a key, or undefined. */
  get(key: string): Item | undefined;
  /** Entries with `from <= key < until`, in order; all from `from` on without `until`. Not valid across writes. */
  range(from?: string, until?: string): IterableIterator<readonly [key: string, value: Item]>;
  /** The same entries in descending order. */
  rangeBack(from?: string, until?: string): IterableIterator<readonly [key: string, value: Item]>;
  /** How many entries {@link range} has; some microseconds for each thousand. */
  count(from?: string, until?: string): number;
}

class View<Item> implements OrderedMapView<Item> {
  readonly #root: Node<Item>;
  readonly size: number;

  constructor(root: Node<Item>, size: number) {
    this.#root = root;
    this.size = size;
  }

  get(key: string): Item | undefined {
    return find(this.#root, key);
  }

  range(from = "", until?: string): IterableIterator<readonly [string, Item]> {
    return walk(this.#root, from, until);
  }

  rangeBack(from = "", until?: string): IterableIterator<readonly [string, Item]> {
    return walkBack(this.#root, from, until);
  }

  count(from = "", until?: string): number {
    return countKeys(this.#root, from, until);
  }
}

/** The tree without branches of a single child at its top. */
function rootWithoutStem<Item>(root: Node<Item>): Node<Item> {
  let node = root;
  while (!node.isLeaf && node.children.length === 1) {
    const [only] = node.children;
    if (only === undefined) return node;
    node = only;
  }
  return node;
}

/** See the module. `Item` must include neither undefined, which stands for "no such key", nor null. */
export class OrderedMap<Item> implements OrderedMapView<Item> {
  #owner: Owner = {};
  #root: Node<Item> = { isLeaf: true, owner: this.#owner, keys: [], values: [] };
  #size = 0;
  /** The separator that belongs left of the node which the last split made. */
  #splitKey = "";
  /** What {@link set} replaced. */
  #previous: Item | undefined = undefined;
  /**
   * Where {@link get} last found something, in a leaf that may be changed in place: whoever then sets the same key need not
   * go down the tree again. Valid until the next change.
   */
  #foundLeaf: Leaf<Item> | null = null;
  #foundKey = "";
  #foundAt = 0;

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key, or undefined. */
  get(key: string): Item | undefined {
    const owner = this.#owner;
    let node = this.#root;
    let isOwned = node.owner === owner;
    while (!node.isLeaf) {
      const child: Node<Item> | undefined = node.children[upperBound(node.separators, key)];
      if (child === undefined) return undefined;
      isOwned &&= child.owner === owner;
      node = child;
    }
    const at = lowerBound(node.keys, key);
    if (node.keys[at] !== key) return undefined;
    this.#foundLeaf = isOwned ? node : null;
    this.#foundKey = key;
    this.#foundAt = at;
    return node.values[at];
  }

  /** Entries with `from <= key < until`, in order. Do not write while iterating; take a view for that. */
  range(from = "", until?: string): IterableIterator<readonly [string, Item]> {
    return walk(this.#root, from, until);
  }

  /** The same entries in descending order. */
  rangeBack(from = "", until?: string): IterableIterator<readonly [string, Item]> {
    return walkBack(this.#root, from, until);
  }

  /** How many keys there are with `from <= key < until`. */
  count(from = "", until?: string): number {
    return countKeys(this.#root, from, until);
  }

  /** The map as it is now, for ever. O(1); later writes copy what they change. */
  snapshotView(): OrderedMapView<Item> {
    this.#owner = {};
    this.#foundLeaf = null;
    return new View(this.#root, this.#size);
  }

  /** Sets the value of a key; returns the one it had, or undefined. */
  set(key: string, value: Item): Item | undefined {
    const found = this.#foundLeaf;
    this.#foundLeaf = null;
    if (found !== null && key === this.#foundKey) {
      const replaced = found.values[this.#foundAt];
      found.values[this.#foundAt] = value;
      return replaced;
    }
    this.#previous = undefined;
    const root = this.#own(this.#root);
    this.#root = root;
    const right = root.isLeaf ? this.#setInLeaf(root, key, value) : this.#setInBranch(root, key, value);
    if (right !== null) {
      this.#root = { isLeaf: false, owner: this.#owner, separators: [this.#splitKey], children: [root, right] };
    }
    const previous = this.#previous;
    this.#previous = undefined; // Or it would keep a large value alive.
    if (previous === undefined) this.#size++;
    return previous;
  }

  /** Number of nodes, which is what a walk over all keys costs beside them. Takes such a walk itself. */
  nodeCount(): number {
    return countNodes(this.#root);
  }

  /** Takes a key out; returns the value it had, or undefined. */
  delete(key: string): Item | undefined {
    const previous = find(this.#root, key);
    this.#foundLeaf = null;
    if (previous === undefined) return undefined;
    this.#root = this.#own(rootWithoutStem(this.#root));
    let node: Node<Item> = this.#root;
    while (!node.isLeaf) {
      const child: Node<Item> | null = this.#childToTakeFrom(node, key);
      if (child === null) return undefined; // Never: there is one child more than separators.
      node = child;
    }
    const position = lowerBound(node.keys, key);
    node.keys.splice(position, 1);
    node.values.splice(position, 1);
    this.#size--;
    return previous;
  }

  /** The owned child where `key` belongs, after which two keys or children are in it, below an owned branch of two. */
  #childToTakeFrom(branch: Branch<Item>, key: string): Node<Item> | null {
    const { separators, children } = branch;
    const thin = children[upperBound(separators, key)];
    if (thin !== undefined && widthOf(thin) < minWidth) this.#even(branch, upperBound(separators, key));
    const position = upperBound(separators, key);
    const shared = children[position];
    if (shared === undefined) return null;
    const child = this.#own(shared);
    children[position] = child;
    return child;
  }

  /** Makes one node of the child at `position` and a neighbour, or two that have about as much as each other. */
  #even(branch: Branch<Item>, position: number): void {
    const { separators, children } = branch;
    const at = Math.max(0, position - 1);
    const [left, right] = [children[at], children[at + 1]];
    const separator = separators[at];
    if (left === undefined || right === undefined || separator === undefined) return;
    const isOne = widthOf(left) + widthOf(right) <= joinedWidth;
    const owner = this.#owner;
    if (left.isLeaf && right.isLeaf) {
      const keys = left.keys.concat(right.keys);
      const values = left.values.concat(right.values);
      const cut = isOne ? keys.length : keys.length >>> 1;
      const nodes: Leaf<Item>[] = [{ isLeaf: true, owner, keys: keys.slice(0, cut), values: values.slice(0, cut) }];
      if (!isOne) nodes.push({ isLeaf: true, owner, keys: keys.slice(cut), values: values.slice(cut) });
      children.splice(at, 2, ...nodes);
      separators.splice(at, 1, ...keys.slice(cut, cut + 1));
    } else if (!left.isLeaf && !right.isLeaf) {
      const below = left.children.concat(right.children);
      const between = left.separators.concat(separator, right.separators);
      const cut = isOne ? below.length : below.length >>> 1;
      const first = {
        isLeaf: false as const,
        owner,
        separators: between.slice(0, cut - 1),
        children: below.slice(0, cut),
      };
      const second = { isLeaf: false as const, owner, separators: between.slice(cut), children: below.slice(cut) };
      children.splice(at, 2, ...(isOne ? [first] : [first, second]));
      separators.splice(at, 1, ...between.slice(cut - 1, cut));
    }
  }

  /** The node itself if it may be changed in place, otherwise a copy that may. */
  #own(node: Node<Item>): Node<Item> {
    if (node.owner === this.#owner) return node;
    return node.isLeaf
      ? { isLeaf: true, owner: this.#owner, keys: node.keys.slice(), values: node.values.slice() }
      : { isLeaf: false, owner: this.#owner, separators: node.separators.slice(), children: node.children.slice() };
  }

  /** Sets in an owned leaf; returns the new right neighbour if the leaf had to be split. */
  #setInLeaf(leaf: Leaf<Item>, key: string, value: Item): Leaf<Item> | null {
    const { keys, values } = leaf;
    const position = lowerBound(keys, key);
    if (keys[position] === key) {
      this.#previous = values[position];
      values[position] = value;
      return null;
    }
    insertAt(keys, position, key);
    insertAt(values, position, value);
    if (keys.length <= maxWidth) return null;
    // Ascending insertion, as when a snapshot is loaded, leaves full leaves behind rather than halves.
    const at = position === keys.length - 1 ? position : keys.length >>> 1;
    const rightKeys = keys.splice(at);
    this.#splitKey = rightKeys[0] ?? "";
    return { isLeaf: true, owner: this.#owner, keys: rightKeys, values: values.splice(at) };
  }

  /** Sets below an owned branch; returns the new right neighbour if the branch had to be split. */
  #setInBranch(branch: Branch<Item>, key: string, value: Item): Branch<Item> | null {
    const { separators, children } = branch;
    const position = upperBound(separators, key);
    const shared = children[position];
    if (shared === undefined) return null; // Never: there is one child more than separators.
    const child = this.#own(shared);
    children[position] = child;
    const right = child.isLeaf ? this.#setInLeaf(child, key, value) : this.#setInBranch(child, key, value);
    if (right === null) return null;
    insertAt(separators, position, this.#splitKey);
    insertAt<Node<Item>>(children, position + 1, right);
    if (children.length <= maxWidth) return null;
    const at = position + 2 === children.length ? children.length - 1 : children.length >>> 1;
    const rightChildren = children.splice(at);
    const rightSeparators = separators.splice(at);
    this.#splitKey = separators.pop() ?? "";
    return { isLeaf: false, owner: this.#owner, separators: rightSeparators, children: rightChildren };
  }
}
