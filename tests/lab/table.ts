/**
 * The table that `deno task lab` prints.
 *
 * @module
 */
import type { LabCase } from "./harness/lab_test_case.ts";
import { type Edition, type PublishedFigures, publishedFigures } from "./published.ts";
import type { LabRun } from "./run_case.ts";

const editions: readonly Edition[] = [2024, 2025, 2026];
/** Columns of a name. */
export const nameWidth = 70;

/** The first lines. */
export function heading(): string {
  const columns = ["passed".padStart(9), "seconds".padStart(8), "peers".padStart(6), "RPCs".padStart(7)];
  const more = ["bytes".padStart(9), "ops".padStart(6)];
  const published = editions.map((edition) => `${edition} s/RPCs/bytes/ops`.padEnd(26));
  return `${"test".padEnd(nameWidth)}${[...columns, ...more].join("")}   ${published.join("")}`.trimEnd();
}

/** The line of one test: the medians of its runs beside what is published. */
export function line(test: LabCase, runs: readonly LabRun[]): string {
  const passed = runs.filter(({ failure }) => failure === null).length;
  const median = (of: (run: LabRun) => number): number => {
    const sorted = runs.map(of).sort((left, right) => left - right);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  const ours = [
    `${passed}/${runs.length}`.padStart(9),
    median(({ seconds }) => seconds).toFixed(1).padStart(8),
    String(test.peers).padStart(6),
    String(median(({ rpcs }) => rpcs)).padStart(7),
    String(median(({ bytes }) => bytes)).padStart(9),
    String(median(({ operations }) => operations)).padStart(6),
  ];
  const published = publishedFigures[test.suite]?.[test.name] ?? {};
  const theirs = editions.map((edition) => describe(published[edition]).padEnd(26));
  return `${`${test.suite}/${test.name}`.padEnd(nameWidth)}${ours.join("")}   ${theirs.join("")}`.trimEnd();
}

/** What is published of a test, for the editions that have it. */
export function describeFigures({ suite, name }: Pick<LabCase, "suite" | "name">, of: readonly Edition[]): string {
  const published = publishedFigures[suite]?.[name] ?? {};
  return of.map((edition) => describe(published[edition])).join("   ");
}

function describe(figures: PublishedFigures | undefined): string {
  if (figures === undefined) return "-";
  const { seconds, rpcs, bytes, operations } = figures;
  return [seconds.toFixed(1), rpcs ?? "-", bytes ?? "-", operations ?? "-"].join("/");
}
