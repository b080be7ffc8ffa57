/**
 * How often each word occurs. A word is a sequence of letters.
 *
 * @module
 */
import type { KeyValue } from "../job.ts";

/** Each word, with a one. */
export function* map(_filename: string, contents: string): Iterable<KeyValue> {
  for (const [word] of contents.matchAll(/\p{Letter}+/gu)) yield { key: word, value: "1" };
}

/** The sum. */
export function reduce(_key: string, values: Iterable<string>): string {
  let count = 0;
  for (const value of values) count += Number(value);
  return String(count);
}

/** Sums may be summed. */
export const combine: typeof reduce = reduce;
