/**
 * `deno task repair-patterns`: all 4,096 ways in which the twelve copies of four entries on three nodes may be damaged, and a
 * sample of them on 50 clusters with other terms, other entries and nodes that lag. What has one intact copy must be
 * recovered by the nodes themselves; where a committed entry has none, nobody may start. Exits with 1 at any violation.
 *
 * @module
 */
import { printTable } from "../storage/print_table.ts";
import { addPatterns, type PatternTally } from "./patterns.ts";
import type { PatternAnswer, PatternShare } from "./patterns_worker.ts";

const seeds = 50;
const perSeed = 60;

function judgeShare(share: PatternShare): Promise<PatternAnswer> {
  const worker = new Worker(new URL("./patterns_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<PatternAnswer>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(share);
  return promise.finally(() => worker.terminate());
}

if (import.meta.main) {
  const started = performance.now();
  const count = Math.max(1, Math.min(8, navigator.hardwareConcurrency));
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => judgeShare({ index, count, seeds, perSeed })),
  );
  const plain = addPatterns(answers.map(([tally]) => tally));
  const varied = addPatterns(answers.map(([, tally]) => tally));
  const row = (name: string, { patterns, repaired, replaced, refused, violations }: PatternTally) =>
    [name, patterns, repaired, replaced, refused, violations.length] as const;
  printTable(
    ["cluster", "patterns", "repaired in place", "repaired, one anew", "refused, no copy left", "violations"],
    [row("the last four entries", plain), row(`${seeds} seeds, any four entries`, varied)],
  );
  const violations = [...plain.violations, ...varied.violations];
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  console.log(`${plain.patterns + varied.patterns} patterns in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (violations.length > 0) Deno.exit(1);
}
