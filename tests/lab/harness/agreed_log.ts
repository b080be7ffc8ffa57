/**
 * What all lives of all servers have applied: no two may differ in any slot (State Machine Safety, paper section 5.4.3).
 *
 * @module
 */
import type { EntryId } from "../../../raft/core/types.ts";
import { LabFailure } from "./world.ts";

/** Text of a command, null for an entry without one. */
export type AppliedValue = string | null;

/** Is told what servers apply. */
export interface AppliedObserver {
  /** `server` applies an entry. */
  apply(server: string, entry: EntryId, value: AppliedValue): void;
  /** `server` restores a snapshot with these commands. */
  restore(server: string, last: EntryId, commands: readonly string[]): void;
}

/** The slots that somebody has applied. */
export class AgreedLog implements AppliedObserver {
  /** By index of the log; slot 0 is never used. */
  readonly #slots: ({ readonly term: number; readonly value: AppliedValue } | undefined)[] = [];

  /** Notes what `server` applies; throws when somebody has applied something else there. */
  apply(server: string, entry: EntryId, value: AppliedValue): void {
    const { index, term } = entry;
    const known = this.#slots[index];
    if (known === undefined) {
      this.#slots[index] = { term, value };
    } else if (known.term !== term || known.value !== value) {
      throw new LabFailure(
        `${server} applies ${describe(term, value)} at index ${index} of its log; another one has applied ` +
          describe(known.term, known.value),
      );
    }
  }

  /** Compares a snapshot's commands with what was applied up to its last entry. */
  restore(server: string, last: EntryId, commands: readonly string[]): void {
    const known = this.#slots.slice(0, last.index + 1).flatMap((slot) => slot?.value ?? []);
    const differing = commands.findIndex((command, at) => command !== known[at]);
    if (differing < 0 && commands.length === known.length && this.#slots[last.index]?.term === last.term) return;
    throw new LabFailure(
      `${server} restores a snapshot of index ${last.index}, term ${last.term}, with ${commands.length} commands; ` +
        `${known.length} were applied up to there` +
        (differing < 0 ? "" : `, and number ${differing + 1} is ${known[differing]}, not ${commands[differing]}`),
    );
  }
}

function describe(term: number, value: AppliedValue): string {
  return `${value === null ? "no command" : JSON.stringify(value)} of term ${term}`;
}
