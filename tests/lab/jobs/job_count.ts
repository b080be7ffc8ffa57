/** Map tasks of 2 to 5 seconds, each call of which leaves a file. */
import type { JobContext, KeyValue } from "../../../mapreduce/mod.ts";
import { scratchOf } from "./presence.ts";

let calls = 0;

export async function map(_filename: string, _contents: string, context: JobContext): Promise<KeyValue[]> {
  const directory = scratchOf(context);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(`${directory}/call-${Deno.pid}-${calls++}`, "");
  await new Promise((resolve) => setTimeout(resolve, 2000 + 3000 * Math.random()));
  return [{ key: "a", value: "x" }];
}

export function reduce(_key: string, _values: Iterable<string>, context: JobContext): string {
  return String([...Deno.readDirSync(scratchOf(context))].length);
}
