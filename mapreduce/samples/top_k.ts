/**
 * The most frequent words: as many as `--parameter k=…` says, 10 without it. All results are one key's.
 *
 * @module
 */
import type { JobContext, KeyValue } from "../job.ts";

/** Each word of the file with its count, all under the same key. */
export function* map(_filename: string, contents: string): Iterable<KeyValue> {
  const counts = new Map<string, number>();
  for (const [word] of contents.matchAll(/\p{Letter}+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const [word, count] of counts) yield { key: "top", value: `${word} ${count}` };
}

/** Adds up, and keeps the highest; of equally frequent words those that come first in the alphabet. */
export function reduce(_key: string, values: Iterable<string>, { parameters }: JobContext): string {
  const counts = new Map<string, number>();
  for (const value of values) {
    const [word = "", count = "0"] = value.split(" ");
    counts.set(word, (counts.get(word) ?? 0) + Number(count));
  }
  const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return ranked.slice(0, Number(parameters["k"] ?? 10)).map(([word, count]) => `${word} ${count}`).join(", ");
}
