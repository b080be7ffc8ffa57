/** Reduce tasks that tell how many of them run at the same time. */
import type { JobContext, KeyValue } from "../../../mapreduce/mod.ts";
import { countPresent, scratchOf } from "./presence.ts";

export function map(): KeyValue[] {
  return [..."abcdefghij"].map((key) => ({ key, value: "1" }));
}

export async function reduce(_key: string, _values: Iterable<string>, context: JobContext): Promise<string> {
  return String(await countPresent(scratchOf(context), "reduce"));
}

/** A reduce task for each key, as there are ten of both. */
export function partition(key: string): number {
  return key.charCodeAt(0) - "a".charCodeAt(0);
}
