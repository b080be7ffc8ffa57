/**
 * The matrix: which check found which mutant, and how soon.
 *
 * @module
 */
import { checkNames, exemptChecks } from "./checks.ts";
import type { Catch } from "./last_catches.ts";
import { type Mutant, trialName } from "./mutant.ts";
import { focusSeeds, type Trial } from "./trial.ts";

/** A mutant that was tried. */
export interface Tried {
  /** The mutant. */
  readonly mutant: Mutant;
  /** The check that was tried alone; null for all of them together. */
  readonly only: string | null;
  /** How it went. */
  readonly trial: Trial;
}

/** One line about a trial. */
export function lineOf({ mutant, only, trial: { verdict, tookMs } }: Tried): string {
  const name = trialName(mutant, only).padEnd(58);
  const took = `${(tookMs / 1000).toFixed(1)} s`.padStart(8);
  switch (verdict.kind) {
    case "caught": {
      const again = verdict.seeds === 1 ? "1 seed" : `${verdict.seeds} seeds`;
      const seeds = verdict.isAgain ? "as before" : again;
      const inVain = mutant.focus === undefined || verdict.isAgain
        ? ""
        : `  after ${focusSeeds} focused on ${mutant.focus} in vain`;
      const focus = verdict.focus === undefined ? inVain : `  focused on ${verdict.focus}`;
      return `${name} ${verdict.check.padEnd(26)} ${seeds.padStart(10)} ${took}${focus}`;
    }
    case "passed":
      return `${name} ${"SURVIVES".padEnd(26)} ${"all seeds".padStart(10)} ${took}`;
    case "outOfTime":
      return `${name} ${"SURVIVES".padEnd(26)} ${`${verdict.seeds}+ seeds`.padStart(10)} ${took}`;
    case "broken":
      return `${name} ${"DOES NOT RUN".padEnd(26)} ${"".padStart(10)} ${took}\n  ${firstLines(verdict.message)}`;
  }
}

function firstLines(text: string): string {
  return text.split("\n").slice(0, 6).join("\n  ");
}

/** Trials in which nothing was found, by name. */
export function survivors(tried: readonly Tried[]): string[] {
  return tried.filter(({ trial }) => trial.verdict.kind !== "caught").map(({ mutant, only }) =>
    trialName(mutant, only)
  );
}

/** The runs that have found something, by the name of the trial. */
export function catchesOf(tried: readonly Tried[]): Map<string, Catch> {
  const catches = new Map<string, Catch>();
  for (const { mutant, only, trial: { verdict } } of tried) {
    if (verdict.kind !== "caught") continue;
    const { seed, focus } = verdict;
    catches.set(trialName(mutant, only), focus === undefined ? { seed } : { seed, focus });
  }
  return catches;
}

/** Mutants by the check that found them. */
export function caughtBy(tried: readonly Tried[]): Map<string, string[]> {
  const found = new Map<string, string[]>(checkNames.map((name) => [name, []]));
  for (const { mutant, trial: { verdict } } of tried) {
    if (verdict.kind !== "caught") continue;
    const names = found.get(verdict.check) ?? [];
    if (!names.includes(mutant.name)) found.set(verdict.check, [...names, mutant.name]);
  }
  return found;
}

/** Checks that have found nothing and should have. */
export function idleChecks(tried: readonly Tried[]): string[] {
  return [...caughtBy(tried)].filter(([check, names]) => names.length === 0 && !exemptChecks.has(check)).map((
    [check],
  ) => check);
}

/** The whole matrix, as text. */
export function matrix(tried: readonly Tried[]): string {
  const lines = ["Mutants by the check that found them"];
  for (const [check, names] of caughtBy(tried)) {
    const remark = names.length === 0 && exemptChecks.has(check) ? "(not meant to)" : "";
    lines.push(`  ${check.padEnd(26)} ${String(names.length).padStart(3)}  ${names.join(", ")}${remark}`);
  }
  const all = tried.filter(({ only }) => only === null);
  const caught = all.flatMap(({ trial: { verdict } }) => verdict.kind === "caught" ? [verdict] : []);
  const counts = caught.flatMap(({ isAgain, seeds }) => isAgain ? [] : [seeds]).sort((one, other) => one - other);
  const median = counts[Math.floor((counts.length - 1) / 2)] ?? 0;
  const others = counts.length === 0 ? "" : `; seeds the others needed: median ${median}, most ${counts.at(-1) ?? 0}`;
  lines.push(
    `${caught.length} of ${all.length} mutants caught, ${caught.length - counts.length} of them by the run that did ` +
      `last time${others}`,
  );
  return lines.join("\n");
}
