/**
 * A map from strings to values in key order, of which a consistent view can be taken at any time in O(1).
 *
 * It is a B-tree with copy-on-write. Each node carries the owner token of the map that made it. Taking a view hands the
 * current root to the view and gives the map a new token: from then on no node is the map's own, so a later write copies
 * each node on its path before it changes it, once, and shares all others with the view. A view costs nothing to take,
 * nothing to give up (the garbage collector takes the nodes that only it had), and never changes.
 *
 * Keys are ordered by UTF-16 code units, as `<` compares strings: the same on every machine, without any locale. For keys
 * outside the Basic Multilingual Plane this differs from the order of their UTF-8 bytes.
 *
 * @module
 */

/** Keys in a leaf and children of a branch at the most; half of it after a split in the middle. */
const maxWidth = 64;

/** Identity of the map that may change a node in place. */
type Owner = Record<never, never>;

/** A node that holds entries: `keys[i]` maps to `values[i]`, keys ascending. */
interface Leaf<Item> {
  readonly isLeaf: true;
  readonly owner: Owner;
  readonly keys: string[];
  readonly values: Item[];
}

/** A node that leads to others: keys < `separators[i]` are below `children[i]` or before, the others behind. */
interface Branch<Item> {
  readonly isLeaf: false;
  readonly owner: Owner;
  /** One less than there are children. */
  readonly separators: string[];
  readonly children: Node<Item>[];
}

type Node<Item> = Leaf<Item> | Branch<Item>;

/** A view of an {@link OrderedMap} that never changes. */
export interface OrderedMapView<Item> {
  /** Number of keys. */
  readonly size: number;
  /** The value of a key, or undefined. */
  get(key: string): Item | undefined;
  /** Entries with `from <= key < until`, in order; all from `from` on without `until`. Not valid across writes. */
  range(from?: string, until?: string): IterableIterator<readonly [key: string, value: Item]>;
}

/** Index of the first element that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first element that is above `key`: in a branch, the child where the key belongs. */
function upperBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Inserts in place. */
function insertAt<T>(array: T[], position: number, item: T): void {
  // A plain loop over at most 65 slots: splice and copyWithin take several times as long here.
  let moved = item;
  for (let slot = position; slot < array.length; slot++) {
    const pushedOut = array[slot] ?? item;
    array[slot] = moved;
    moved = pushedOut;
  }
  array.push(moved);
}

function find<Item>(root: Node<Item>, key: string): Item | undefined {
  let node = root;
  while (!node.isLeaf) {
    const child = node.children[upperBound(node.separators, key)];
    if (child === undefined) return undefined;
    node = child;
  }
  const position = lowerBound(node.keys, key);
  return node.keys[position] === key ? node.values[position] : undefined;
}

function* walk<Item>(
  node: Node<Item>,
  from: string,
  until: string | undefined,
): IterableIterator<readonly [string, Item]> {
  // An explicit stack: nested generators would pass every entry through each level of the tree.
  const stack: { readonly branch: Branch<Item>; next: number }[] = [];
  let current: Node<Item> | undefined = node;
  let start = from;
  while (current !== undefined) {
    while (!current.isLeaf) {
      const first: number = upperBound(current.separators, start);
      const child: Node<Item> | undefined = current.children[first];
      if (child === undefined) return;
      stack.push({ branch: current, next: first + 1 });
      current = child;
    }
    const { keys, values } = current;
    for (let position = lowerBound(keys, start); position < keys.length; position++) {
      const key = keys[position];
      const value = values[position];
      if (key === undefined || value === undefined || (until !== undefined && key >= until)) return;
      yield [key, value];
    }
    start = ""; // The leaves to the right are wanted from their beginning.
    current = undefined;
    for (let top = stack.at(-1); top !== undefined && current === undefined; top = stack.at(-1)) {
      current = top.branch.children[top.next];
      top.next++;
      if (current === undefined) stack.pop();
    }
  }
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

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key, or undefined. */
  get(key: string): Item | undefined {
    return find(this.#root, key);
  }

  /** Entries with `from <= key < until`, in order. Do not write while iterating; take a view for that. */
  range(from = "", until?: string): IterableIterator<readonly [string, Item]> {
    return walk(this.#root, from, until);
  }

  /** The map as it is now, for ever. O(1); later writes copy what they change. */
  snapshotView(): OrderedMapView<Item> {
    this.#owner = {};
    return new View(this.#root, this.#size);
  }

  /** Sets the value of a key; returns the one it had, or undefined. */
  set(key: string, value: Item): Item | undefined {
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
