/**
 * `deno task disk-damage`: damages a realistic small directory (log, two snapshots, witness, meta) at every byte, bit and
 * sector, and prints what opening made of it. Exits with 1 at any state that was accepted silently and at any error that
 * does not say what is damaged.
 *
 * @module
 */
import { addTallies, type DamageTally } from "./damage_run.ts";
import { printTable } from "./print_table.ts";

function judgeShare(index: number, count: number): Promise<DamageTally[]> {
  const worker = new Worker(new URL("./damage_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<DamageTally[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage({ index, count });
  return promise.finally(() => worker.terminate());
}

function sum(tallies: readonly DamageTally[]): DamageTally {
  const total = { name: "all", cases: 0, whole: 0, refused: 0, dropped: 0, silent: 0, crashes: 0 };
  for (const tally of tallies) {
    for (const count of ["cases", "whole", "refused", "dropped", "silent", "crashes"] as const) {
      total[count] += tally[count];
    }
  }
  return { ...total, violations: tallies.flatMap(({ violations }) => violations) };
}

if (import.meta.main) {
  const started = performance.now();
  const threads = Math.max(1, Math.min(8, navigator.hardwareConcurrency));
  const tallies = addTallies(await Promise.all(Array.from({ length: threads }, (_, at) => judgeShare(at, threads))));
  const total = sum(tallies);
  printTable(
    ["kind", "cases", "needs repair", "opened with everything", "torn tail dropped", "silent acceptance", "crashes"],
    [...tallies, total].map((tally) => [
      tally.name,
      ...[tally.cases, tally.refused, tally.whole, tally.dropped, tally.silent, tally.crashes],
    ]),
  );
  for (const violation of total.violations) console.log(`VIOLATION ${violation}`);
  console.log(`${total.cases} cases in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (total.silent + total.crashes > 0) Deno.exit(1);
}
