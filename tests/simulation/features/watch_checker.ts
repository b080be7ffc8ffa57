/**
 * Holds what one watcher is told against what really happened: each change once, in order, none left out, those of one log
 * entry together.
 *
 * @module
 */
import type { WatchEvent } from "../../../kv/watch.ts";
import type { TrueChange, WatchTruth } from "./watch_truth.ts";

/** See the module. */
export class WatchChecker {
  /** Everything up to here, this entry excluded, was told; null before the watch has begun. */
  position: number | null = null;
  readonly #truth: WatchTruth;
  readonly #isMeant: (key: string) => boolean;
  /** What was told of an entry that has not been told to its end. */
  #group: TrueChange[] = [];

  /** Nothing was told yet. */
  constructor(truth: WatchTruth, isMeant: (key: string) => boolean) {
    this.#truth = truth;
    this.#isMeant = isMeant;
  }

  /** A watch begins, or goes on, at this position. */
  begin(position: number): void {
    this.position = position;
    // What was told of an entry that was not told to its end is told again.
    this.#group = [];
  }

  /** Whether all that has happened was told. */
  get isUpToDate(): boolean {
    return this.position !== null && this.position > this.#truth.lastChange(this.#isMeant);
  }

  /** The watcher is told this; returns what is wrong with it, or null. */
  told(event: WatchEvent): string | null {
    if (event.kind === "snapshot") {
      const entries = event.entries.map(({ key, value, version }) => ({ key, value: String(value), version }));
      const missed = event.index + 1 < (this.position ?? 0);
      this.begin(event.index + 1);
      if (missed) return `a snapshot of index ${event.index} goes back`;
      return this.#compare(
        `the snapshot of index ${event.index}`,
        entries,
        this.#truth.stateAfter(event.index, this.#isMeant),
      );
    }
    const { index, isLast } = event;
    const position = this.position ?? index;
    if (index < position) return `a change of index ${index} comes behind ${position - 1}`;
    const expected = this.#truth.next(position, this.#isMeant);
    if (index !== expected) return `a change of index ${index} comes, and the next one was at ${expected}`;
    this.position = index;
    this.#group.push(
      event.kind === "delete"
        ? { key: event.key, value: "", version: 0 }
        : { key: event.key, value: String(event.value), version: event.version },
    );
    if (!isLast) return null;
    const group = this.#group;
    this.begin(index + 1);
    return this.#compare(`what was told of index ${index}`, group, this.#truth.at(index, this.#isMeant));
  }

  #compare(what: string, told: readonly TrueChange[], truth: readonly TrueChange[]): string | null {
    const text = (changes: readonly TrueChange[]): string =>
      changes.map((change) => JSON.stringify(change)).sort().join();
    return text(told) === text(truth) ? null : `${what} is ${text(told)}, and it was ${text(truth)}`;
  }
}
