/**
 * The nodes of an ordered map (see `ordered_map.ts`), and all that can be done with them without changing them.
 *
 * @module
 */

/** Keys in a leaf and children of a branch at the most; half of it after a split in the middle. */
export const maxWidth = 64;

/** Identity of the map that may change a node in place. */
export type Owner = Record<never, never>;

/** A node that holds entries: `keys[i]` maps to `values[i]`, keys ascending. */
export interface Leaf<Item> {
  readonly isLeaf: true;
  readonly owner: Owner;
  readonly keys: string[];
  readonly values: Item[];
}

/** A node that leads to others: keys < `separators[i]` are below `children[i]` or before, the others behind. */
export interface Branch<Item> {
  readonly isLeaf: false;
  readonly owner: Owner;
  /** One less than there are children. */
  readonly separators: string[];
  readonly children: Node<Item>[];
}

/** Either. */
export type Node<Item> = Leaf<Item> | Branch<Item>;

/** Index of the first element that is not below `key`. */
export function lowerBound(keys: readonly string[], key: string): number {
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
export function upperBound(keys: readonly string[], key: string): number {
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
export function insertAt<T>(array: T[], position: number, item: T): void {
  // A plain loop over at most 65 slots: splice and copyWithin take several times as long here.
  let moved = item;
  for (let slot = position; slot < array.length; slot++) {
    const pushedOut = array[slot] ?? item;
    array[slot] = moved;
    moved = pushedOut;
  }
  array.push(moved);
}

/** The value of a key, or undefined. */
export function find<Item>(root: Node<Item>, key: string): Item | undefined {
  let node = root;
  while (!node.isLeaf) {
    const child = node.children[upperBound(node.separators, key)];
    if (child === undefined) return undefined;
    node = child;
  }
  const position = lowerBound(node.keys, key);
  return node.keys[position] === key ? node.values[position] : undefined;
}

/** Entries with `from <= key < until`, ascending. */
export function* walk<Item>(
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

/** Entries with `from <= key < until`, descending. */
export function* walkBack<Item>(
  node: Node<Item>,
  from: string,
  until: string | undefined,
): IterableIterator<readonly [string, Item]> {
  const stack: { readonly branch: Branch<Item>; next: number }[] = [];
  let current: Node<Item> | undefined = node;
  let end = until;
  while (current !== undefined) {
    while (!current.isLeaf) {
      const last: number = end === undefined ? current.children.length - 1 : lowerBound(current.separators, end);
      const child: Node<Item> | undefined = current.children[last];
      if (child === undefined) return;
      stack.push({ branch: current, next: last - 1 });
      current = child;
    }
    const { keys, values } = current;
    for (let position = (end === undefined ? keys.length : lowerBound(keys, end)) - 1; position >= 0; position--) {
      const key = keys[position];
      const value = values[position];
      if (key === undefined || value === undefined || key < from) return;
      yield [key, value];
    }
    end = undefined; // The leaves to the left are wanted from their end.
    current = undefined;
    for (let top = stack.at(-1); top !== undefined && current === undefined; top = stack.at(-1)) {
      current = top.branch.children[top.next];
      top.next--;
      if (current === undefined) stack.pop();
    }
  }
}

/** How many keys there are with `from <= key < until`, leaf by leaf. */
export function countKeys<Item>(node: Node<Item>, from: string, until: string | undefined): number {
  if (node.isLeaf) {
    const end = until === undefined ? node.keys.length : lowerBound(node.keys, until);
    return Math.max(0, end - lowerBound(node.keys, from));
  }
  const first = upperBound(node.separators, from);
  const last = until === undefined ? node.children.length - 1 : upperBound(node.separators, until);
  let count = 0;
  for (let at = first; at <= last; at++) {
    const child = node.children[at];
    // Only the outermost children can hold keys that do not count.
    if (child !== undefined) count += countKeys(child, at === first ? from : "", at === last ? until : undefined);
  }
  return count;
}

/** Children of a branch, or keys of a leaf. */
export function widthOf<Item>(node: Node<Item>): number {
  return node.isLeaf ? node.keys.length : node.children.length;
}

/** Nodes of a tree. */
export function countNodes<Item>(node: Node<Item>): number {
  if (node.isLeaf) return 1;
  return node.children.reduce((count, child) => count + countNodes(child), 1);
}
