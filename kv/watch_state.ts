/**
 * Reads all keys that are watched, as they were at one moment, page by page.
 *
 * Pages may be of different moments: others write meanwhile. What has happened to the keys of the earlier pages until the
 * last one was read is then read from the history, and done once more: the last change of a key counts, whether its page
 * had seen it or not.
 *
 * @module
 */
import type { Page, RangeEntry, RangeOptions } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { clerkWatchBytes, maxPageKeys } from "./limits.ts";
import type { WatchFeed } from "./watch_feed.ts";
import type { KeyChange, WatchPosition, WatchSelection } from "./watch_history.ts";

/** How often it is begun anew because what happened meanwhile was forgotten. */
const maxAttempts = 5;

/** All keys of a selection, behind the entry `index`. */
export interface WatchedState {
  /** The keys with values and versions, in order. */
  readonly entries: readonly RangeEntry[];
  /** The moment. */
  readonly index: number;
}

/** See the module. `range` reads a page. */
export async function readWatched(
  feed: WatchFeed,
  range: (options: RangeOptions) => Promise<Page<RangeEntry>>,
  selection: WatchSelection,
  signal: AbortSignal,
): Promise<WatchedState> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const state = await readOnce(feed, range, selection, signal);
    if (state !== null) return state;
  }
  throw new ClerkError("timeout", "Cannot read what is watched: it changes faster than it can be read");
}

async function readOnce(
  feed: WatchFeed,
  range: (options: RangeOptions) => Promise<Page<RangeEntry>>,
  { isPrefix, key }: WatchSelection,
  signal: AbortSignal,
): Promise<WatchedState | null> {
  const keys = isPrefix ? { prefix: key } : { from: key, to: `${key}\0` };
  const pages: Page<RangeEntry>[] = [];
  for (let cursor: string | null = null;;) {
    const from: string | null = cursor;
    const page: Page<RangeEntry> = await range({ ...keys, cursor: from, limit: maxPageKeys, signal });
    pages.push(page);
    cursor = page.cursor;
    if (cursor === null) break;
  }
  const entries = pages.flatMap((page) => page.entries);
  const firstIndex = Math.min(...pages.map(({ index }) => index));
  const index = Math.max(...pages.map(({ index }) => index));
  if (firstIndex === index) return { entries, index };
  const changes = await changesUpTo(feed, { isPrefix, key }, { from: firstIndex + 1, to: index }, signal);
  if (changes === null) return null;
  const state = new Map(entries.map((entry) => [entry.key, entry]));
  for (const change of changes) {
    const { version, value } = change;
    if (version === 0) state.delete(change.key);
    else state.set(change.key, { key: change.key, version, value });
  }
  const sorted = [...state.values()].sort((a, b) => a.key < b.key ? -1 : 1);
  return { entries: sorted, index };
}

/** What has happened in the entries `from` to `to`; null if that is forgotten. */
async function changesUpTo(
  feed: WatchFeed,
  selection: WatchSelection,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<readonly KeyChange[] | null> {
  const changes: KeyChange[] = [];
  for (let position: WatchPosition = { index: from, offset: 0 };;) {
    const request = { kind: "watch", selection, from: position, waitMs: 0, maxBytes: clerkWatchBytes } as const;
    const reply = await feed.poll(request, signal);
    if (reply.kind === "compacted") return null;
    changes.push(...reply.changes.filter(({ index }) => index <= to));
    if (reply.isAll || reply.next.index > to) return changes;
    position = reply.next;
  }
}
