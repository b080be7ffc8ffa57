/**
 * Runs the course's MapReduce suite for `deno task lab`: always as processes and in real time, each scenario once.
 *
 * @module
 */
import { type MapReduceCase, mapReduceCases } from "./scenarios/mapreduce.ts";

const nameWidth = 70;

/** The scenarios that the filters of the command line mean; all without filters. */
export function chosenMapReduceCases(filters: readonly string[]): readonly MapReduceCase[] {
  return mapReduceCases.filter(({ name }) =>
    filters.length === 0 ||
    filters.some((filter) =>
      filter.includes("/") ? `mapreduce/${name}`.startsWith(filter) : `mapreduce/${name}`.includes(filter)
    )
  );
}

/** Runs scenarios one after another and prints a line for each; returns how many have failed. */
export async function runMapReduceCases(cases: readonly MapReduceCase[]): Promise<number> {
  let failed = 0;
  if (cases.length > 0) console.log(`${"mapreduce".padEnd(nameWidth)} seconds   limit  attempts`);
  for (const { name, limitMs, run } of cases) {
    const startedAtMs = performance.now();
    let result: string;
    try {
      result = String((await run()).operations);
      if (performance.now() - startedAtMs > limitMs) throw new Error("it took longer than its limit");
    } catch (error) {
      failed++;
      result = `FAILED: ${error instanceof Error ? error.stack ?? error.message : String(error)}`;
    }
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    const limit = (limitMs / 1000).toFixed(0);
    console.log(
      `${`mapreduce/${name}`.padEnd(nameWidth)}${seconds.padStart(8)}${limit.padStart(8)}${result.padStart(10)}`,
    );
  }
  return failed;
}
