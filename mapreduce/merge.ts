/**
 * Merges sorted runs into one sequence. Equal keys come in the order of the runs, so that a key's values have the same
 * order however the work was divided.
 *
 * @module
 */
import { maxMergeFiles } from "./limits.ts";
import type { Progress } from "./progress.ts";
import { type Group, RunReader, RunWriter } from "./run_file.ts";

/** A run being read and its place among the others. */
interface Source {
  readonly reader: RunReader;
  readonly order: number;
}

/** The groups of all runs, keys ascending; groups of the same key follow one another. Closes the files at the end. */
export function* mergeRuns(paths: readonly string[]): Generator<Group> {
  using files = new DisposableStack();
  const heap: Source[] = [];
  for (const [order, path] of paths.entries()) {
    const reader = files.use(new RunReader(path));
    if (!reader.advance()) continue;
    heap.push({ reader, order });
    siftUp(heap);
  }
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const { reader } = top;
    yield { key: reader.key, values: reader.values };
    if (reader.advance()) {
      siftDown(heap);
      continue;
    }
    reader[Symbol.dispose]();
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) {
      heap[0] = last;
      siftDown(heap);
    }
  }
}

/**
 * At most `maxMergeFiles` runs with the same groups in the same order: neighbours are merged into files below `directory`
 * until so few are left. What a merge needs of memory does not grow with the number of map tasks.
 */
export async function fewerRuns(
  paths: readonly string[],
  directory: string,
  progress: Progress,
): Promise<readonly string[]> {
  let current = paths;
  for (let round = 0; current.length > maxMergeFiles; round++) {
    const next: string[] = [];
    for (let start = 0; start < current.length; start += maxMergeFiles) {
      const path = `${directory}/merged-${round}-${next.length}`;
      using writer = new RunWriter(path);
      for (const { key, values } of mergeRuns(current.slice(start, start + maxMergeFiles))) {
        writer.add(key, values);
        if (progress.step()) await progress.pause();
      }
      writer.finish();
      next.push(path);
    }
    if (round > 0) { for (const path of current) Deno.removeSync(path); }
    current = next;
  }
  return current;
}

function isBefore(a: Source, b: Source): boolean {
  if (a.reader.key !== b.reader.key) return a.reader.key < b.reader.key;
  return a.order < b.order;
}

function siftUp(heap: Source[]): void {
  let child = heap.length - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapIfBefore(heap, child, parent)) return;
    child = parent;
  }
}

function siftDown(heap: Source[]): void {
  for (let parent = 0;;) {
    const left = 2 * parent + 1;
    const right = left + 1;
    const [a, b] = [heap[left], heap[right]];
    if (a === undefined) return;
    const child = b !== undefined && isBefore(b, a) ? right : left;
    if (!swapIfBefore(heap, child, parent)) return;
    parent = child;
  }
}

/** Swaps two sources if the first must come before the second. */
function swapIfBefore(heap: Source[], position: number, other: number): boolean {
  const [a, b] = [heap[position], heap[other]];
  if (a === undefined || b === undefined || !isBefore(a, b)) return false;
  heap[position] = b;
  heap[other] = a;
  return true;
}
