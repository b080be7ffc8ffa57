/**
 * In how many files, and in which, each word occurs.
 *
 * @module
 */
import type { KeyValue } from "../job.ts";

/** Each word of the file once, with the file's name. */
export function* map(filename: string, contents: string): Iterable<KeyValue> {
  const words = new Set(contents.match(/\p{Letter}+/gu));
  for (const word of words) yield { key: word, value: filename };
}

/** The number of files and their names. */
export function reduce(_key: string, values: Iterable<string>): string {
  const filenames = [...values].sort();
  return `${filenames.length} ${filenames.join(",")}`;
}
