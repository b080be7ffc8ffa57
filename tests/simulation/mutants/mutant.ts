/**
 * What a mutant is: the sources with one mistake in them, as an exact-text patch. Planting it in a copy of the sources shows
 * whether the simulation would notice if somebody made that mistake.
 *
 * @module
 */

import type { FocusName } from "../focused_plans.ts";

/** One replacement in one file. */
export interface Edit {
  /** The file, from the root of the repository. */
  readonly file: string;
  /** The text to be replaced; occurs exactly once in the file. */
  readonly find: string;
  /** What takes its place. */
  readonly replace: string;
}

/** A mistake. */
export interface Mutant extends Edit {
  /** Its name, in words joined by hyphens. */
  readonly name: string;
  /** Where the mistake is known from: a section of the paper or the thesis, a bug of another system, or a rule broken. */
  readonly origin: string;
  /** Number in the list of bugs that Raft systems had; see `known_bugs.ts`. */
  readonly knownBug?: number;
  /** What goes wrong with it. */
  readonly whyItMatters: string;
  /** Further edits without which the mistake would not show, or would not be one. */
  readonly also?: readonly Edit[];
  /** A focus of runs in which it shows soon; those are tried first, then all sorts of runs. */
  readonly focus?: FocusName;
  /** Which swarm is to find it; that of a single cluster unless given. */
  readonly swarm?: "shards";
  /** Checks that must find it also when all others are off: so that each check is known to find something. */
  readonly provokes?: readonly string[];
}

/** All edits of a mutant. */
export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...mutant.also ?? []];
}

/** What a trial is called: of the mutant with all checks, or with one of them alone. */
export function trialName({ name }: Mutant, only: string | null): string {
  return only === null ? name : `${name} / ${only} alone`;
}

/** Where the edit's text stands; throws when it does not stand there exactly once. */
export function locate(source: string, { file, find }: Edit): number {
  const at = source.indexOf(find);
  if (at < 0) throw new Error(`Cannot patch ${file}: it does not contain ${JSON.stringify(find)}; adapt the mutant`);
  if (source.indexOf(find, at + 1) >= 0) {
    throw new Error(
      `Cannot patch ${file}: it contains ${JSON.stringify(find)} more than once; say more of what surrounds it`,
    );
  }
  return at;
}

/** The source with the edit made; throws when its text does not stand there exactly once. */
export function patched(source: string, edit: Edit): string {
  const at = locate(source, edit);
  return source.slice(0, at) + edit.replace + source.slice(at + edit.find.length);
}
