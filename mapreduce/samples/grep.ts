/**
 * Lines that match a regular expression, which `--parameter pattern=…` gives.
 *
 * @module
 */
import type { JobContext, KeyValue } from "../job.ts";

/** Each matching line, by file and number; numbers have a fixed width, so that they sort. */
export function* map(filename: string, contents: string, { parameters }: JobContext): Iterable<KeyValue> {
  const { pattern } = parameters;
  if (pattern === undefined) throw new Error("Cannot search: add --parameter pattern=…");
  const expression = new RegExp(pattern, "u");
  for (const [index, line] of contents.split(/\r?\n/).entries()) {
    if (expression.test(line)) yield { key: `${filename}:${String(index + 1).padStart(8, "0")}`, value: line };
  }
}

/** The line as it is. */
export function reduce(_key: string, values: Iterable<string>): string {
  return [...values].join("\n");
}
