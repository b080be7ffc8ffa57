/** Word count, except that some reduce tasks take long: a worker that has nothing more to do must not leave before them. */
import { map as mapWords, reduce as sum } from "../../../mapreduce/samples/word_count.ts";

export const map: typeof mapWords = mapWords;

let hasWaited = false;

export async function reduce(key: string, values: Iterable<string>): Promise<string> {
  if (!hasWaited && /^[aeiou]/.test(key)) {
    hasWaited = true;
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
  return sum(key, values);
}
