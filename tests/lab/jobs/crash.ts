/**
 * Tasks of which a third ends the process and a third takes up to ten seconds: in which file or key that happens is left to
 * chance, so that it happens to each task at most once. With the parameter calm=yes nothing of it happens.
 */
import type { JobContext, KeyValue } from "../../../mapreduce/mod.ts";

async function mishap({ parameters }: JobContext): Promise<void> {
  if (parameters["calm"] === "yes") return;
  const chance = Math.random();
  if (chance < 0.33) Deno.exit(1);
  if (chance < 0.66) await new Promise((resolve) => setTimeout(resolve, 10_000 * Math.random()));
}

export async function map(filename: string, contents: string, context: JobContext): Promise<KeyValue[]> {
  await mishap(context);
  return [
    { key: "a", value: filename },
    { key: "b", value: String(filename.length) },
    { key: "c", value: String(contents.length) },
    { key: "d", value: "xyzzy" },
  ];
}

export async function reduce(_key: string, values: Iterable<string>, context: JobContext): Promise<string> {
  const sorted = [...values].sort();
  await mishap(context);
  return sorted.join(" ");
}
