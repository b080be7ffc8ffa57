/**
 * Puts one page together from the pages that the shards have given for the same question.
 *
 * @module
 */
import type { KeyAndVersion, Page } from "../clerk_options.ts";
import { maxPageKeys } from "../limits.ts";

/**
 * How many entries each shard is to be asked for. Any of them may hold the first keys of the range, so all are asked, but the
 * keys are spread at random: what a shard has of a page is its share, and hardly ever more than four standard deviations
 * (of a Poisson distribution) beyond. Where it is more the page ends sooner, as it may.
 */
export function limitPerShard(limit: number, shardCount: number): number {
  // What cannot be used is refused where it is used.
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageKeys) return limit;
  const share = limit / shardCount;
  return Math.min(limit, Math.ceil(share + 4 * Math.sqrt(share)) + 8);
}

/** The first `limit` entries of all pages, as far as it is sure that no shard has one between them. */
export function mergedPage<Entry extends KeyAndVersion>(
  pages: readonly Page<Entry>[],
  limit: number,
  reverse: boolean,
): Page<Entry> {
  const isBefore = (left: string, right: string): boolean => reverse ? left > right : left < right;
  // Behind where a shard's page has ended there may be more of it.
  let end: string | null = null;
  for (const { cursor } of pages) {
    if (cursor !== null && (end === null || isBefore(cursor, end))) end = cursor;
  }
  const known = pages.flatMap(({ entries }) => entries)
    .filter(({ key }) => end === null || key === end || isBefore(key, end))
    .sort((left, right) => isBefore(left.key, right.key) ? -1 : 1);
  const entries = known.slice(0, limit);
  const isAll = end === null && entries.length === known.length;
  return {
    entries,
    cursor: isAll ? null : entries.at(-1)?.key ?? null,
    index: pages.reduce((sum, { index }) => sum + index, 0),
  };
}
