/**
 * A job whose map tasks make 16 MiB each of values that cannot be combined, of a thousand keys.
 *
 * @module
 */
import type { KeyValue } from "../../mapreduce/mod.ts";

/** What a map task makes. */
export const mebibytesPerMap = 16;

/** Values of 1 KiB. */
export function* map(filename: string): Iterable<KeyValue> {
  for (let index = 0; index < mebibytesPerMap * 1024; index++) {
    yield { key: `key-${index % 1000}`, value: `${filename} ${index} `.padEnd(1024, "x") };
  }
}

/** How many characters there were. */
export function reduce(_key: string, values: Iterable<string>): string {
  let characters = 0;
  for (const value of values) characters += value.length;
  return String(characters);
}
