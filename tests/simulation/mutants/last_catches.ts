/**
 * With which run each mutant was caught the last time. That is a hint and no more: the run is repeated before anything else is
 * tried, and mostly catches the mutant again, for seconds in place of minutes. When the sources change a seed comes to stand for
 * another run; if it finds nothing the mutant is looked for as if nothing were known of it.
 *
 * `deno task mutants --remember` writes the file.
 *
 * @module
 */
import { type FocusName, focusNames } from "../focused_plans.ts";

/** A run that has caught a mutant. */
export interface Catch {
  /** Its seed. */
  readonly seed: number;
  /** What it was focused on, if it was. */
  readonly focus?: FocusName;
}

/** Runs by the name of the trial, see `trialName`. */
export type Catches = ReadonlyMap<string, Catch>;

const file = new URL("./last_catches.json", import.meta.url);

/** What the file says. */
export async function readCatches(): Promise<Catches> {
  return parseCatches(await Deno.readTextFile(file));
}

/** Makes the file say that. */
export async function writeCatches(catches: Catches): Promise<void> {
  await Deno.writeTextFile(file, formatCatches(catches));
}

/** Reads the file's text; throws a RangeError that names the entry that is wrong. */
export function parseCatches(text: string): Catches {
  const entries: Record<string, { readonly seed?: unknown; readonly focus?: unknown }> = JSON.parse(text);
  return new Map(
    Object.entries(entries).map(([name, { seed, focus }]) => {
      const known = focusNames.find((one) => one === focus);
      if (typeof seed !== "number" || !Number.isSafeInteger(seed) || seed < 0 || known !== focus) {
        throw new RangeError(`Cannot use what is remembered of ${name}: ${JSON.stringify({ seed, focus })}`);
      }
      return [name, known === undefined ? { seed } : { seed, focus: known }];
    }),
  );
}

/** The file's text: a line each, names ascending. */
export function formatCatches(catches: Catches): string {
  const lines = [...catches].sort(([one], [other]) => one < other ? -1 : 1).map(([name, { seed, focus }]) => {
    const rest = focus === undefined ? "" : `, "focus": ${JSON.stringify(focus)}`;
    return `  ${JSON.stringify(name)}: { "seed": ${seed}${rest} }`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}
