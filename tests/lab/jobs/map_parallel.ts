/** Map tasks that tell how many of them run at the same time. */
import type { JobContext, KeyValue } from "../../../mapreduce/mod.ts";
import { countPresent, scratchOf } from "./presence.ts";

export async function map(_filename: string, _contents: string, context: JobContext): Promise<KeyValue[]> {
  const startedAt = Date.now();
  const count = await countPresent(scratchOf(context), "map");
  return [
    { key: `times-${Deno.pid}`, value: String(startedAt) },
    { key: `parallel-${Deno.pid}`, value: String(count) },
  ];
}

export function reduce(_key: string, values: Iterable<string>): string {
  return [...values].sort().join(" ");
}
