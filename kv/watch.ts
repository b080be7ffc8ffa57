/**
 * Watching keys: what happens to them, one change after the other, as an async iterator.
 *
 * A watch is nothing but a place in the log up to which everything was told. It asks for what comes behind, whichever
 * server answers, and only when the last of what it was told has been taken: who takes slowly asks rarely. So it is not
 * disturbed by lost connections, new leaders or a pause of the one who watches, unless that takes so long that no server
 * remembers what happened next. Then it says so: with an error, or with what the keys are by now.
 *
 * @module
 */
import type { RangeEntry } from "./clerk_options.ts";
import { ClerkError, CompactedError } from "./errors.ts";
import { clerkWatchWaitMs } from "./limits.ts";
import { keyProblem, prefixProblem, type Value } from "./values.ts";
import type { KeyChange, WatchPosition, WatchReading, WatchSelection } from "./watch_history.ts";

/** Which keys to watch. */
export type WatchTarget =
  /** One key. */
  | { readonly key: string }
  /** All keys that begin with this; "" for all keys. */
  | { readonly prefix: string };

/** Settings of a watch. */
export interface WatchOptions {
  /** The first log index whose changes are wanted, 1 or more. What happens from now on unless given. */
  readonly fromIndex?: number;
  /**
   * When to tell the whole of what is watched instead of single changes, as a `snapshot` event. "never" unless given: if
   * what happened next is forgotten, the watch fails with a {@link CompactedError}. "ifCompacted": then it tells the keys as
   * they are by now, and goes on behind. "first": it also begins with that. A snapshot is held in memory as a whole.
   */
  readonly snapshot?: "never" | "ifCompacted" | "first";
  /** Ends the watch, with "aborted", when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * What a watch tells. Changes come in the order of the log, each once. Those of one log entry come one after the other and
 * are all there before the first is told: those of a transaction, in which a key changes at the most once, or those of
 * several writes that have travelled together.
 */
export type WatchEvent =
  /** A key has got a value. */
  | {
    readonly kind: "put";
    /** The key. */
    readonly key: string;
    /** Its value. */
    readonly value: Value;
    /** Its version; 1 for a key that is new. */
    readonly version: number;
    /** Index of the log entry that did it. */
    readonly index: number;
    /** Whether this is the entry's last change: watching again from `index + 1` goes on behind it without loss. */
    readonly isLast: boolean;
  }
  /** A key is gone. */
  | {
    readonly kind: "delete";
    /** The key. */
    readonly key: string;
    /** Index of the log entry that did it. */
    readonly index: number;
    /** See above. */
    readonly isLast: boolean;
  }
  /** What was told before counts no more: these are all watched keys, at one moment. */
  | {
    readonly kind: "snapshot";
    /** The keys with values and versions, in order. */
    readonly entries: readonly RangeEntry[];
    /** They are so behind this log index; the next event has a larger one. */
    readonly index: number;
  };

/** What a {@link Watch} works with. */
export interface WatchSource {
  /** Tells what has happened from a position on, or, for null, where what is still to come begins. */
  readonly ask: (
    selection: WatchSelection,
    from: WatchPosition | null,
    waitMs: number,
    signal: AbortSignal,
  ) => Promise<WatchReading>;
  /** Reads all keys of a selection, as they were at one moment. */
  readonly readAll: (
    selection: WatchSelection,
    signal: AbortSignal,
  ) => Promise<{ readonly entries: readonly RangeEntry[]; readonly index: number }>;
}

/** See {@link Clerk.watch}. */
export class Watch implements AsyncIterableIterator<WatchEvent>, AsyncDisposable {
  /** Resolves as soon as the watch has begun, with the index from which on it misses nothing. */
  readonly started: Promise<number>;
  readonly #source: WatchSource;
  readonly #selection: WatchSelection;
  readonly #snapshot: "never" | "ifCompacted" | "first";
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  #position: WatchPosition = { index: 0, offset: 0 };
  /** Changes of an entry that has not been read to its end. */
  #begun: readonly KeyChange[] = [];
  /** Events to be told, from `#at` on. */
  #events: WatchEvent[] = [];
  #at = 0;
  /** The end of the last call of {@link next}: one event is sought at a time. */
  #turn: Promise<unknown>;
  #isOver = false;

  /** Made by {@link Clerk.watch}. */
  constructor(source: WatchSource, target: WatchTarget, options: WatchOptions) {
    const { fromIndex, snapshot = "never", signal } = options;
    this.#source = source;
    this.#selection = selectionOf(target);
    this.#snapshot = snapshot;
    const problem = problemOf(this.#selection, fromIndex);
    if (problem !== null) throw new ClerkError("invalid", `Cannot watch: ${problem}`);
    this.#signal = signal === undefined ? this.#ending.signal : AbortSignal.any([this.#ending.signal, signal]);
    this.started = this.#begin(fromIndex);
    // Whoever iterates is told of it as well.
    this.started.catch(() => {});
    this.#turn = this.started;
  }

  /** The next event. Rejects with a {@link ClerkError}, after which there is no other. */
  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {
      this.#isOver = true;
    });
    return result;
  }

  /** Ends the watch. */
  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.#isOver = true;
    this.#ending.abort();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The watch itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the watch. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #begin(fromIndex: number | undefined): Promise<number> {
    if (this.#snapshot === "first") await this.#readSnapshot();
    else if (fromIndex !== undefined) this.#position = { index: fromIndex, offset: 0 };
    else await this.#ask(0, null);
    return this.#position.index;
  }

  async #next(): Promise<IteratorResult<WatchEvent, undefined>> {
    while (!this.#isOver) {
      const event = this.#events[this.#at];
      if (event !== undefined) {
        this.#at++;
        return { done: false, value: event };
      }
      try {
        await this.#ask(clerkWatchWaitMs, this.#position);
      } catch (error) {
        if (!this.#isOver) throw error;
      }
    }
    return { done: true, value: undefined };
  }

  async #ask(waitMs: number, from: WatchPosition | null): Promise<void> {
    const reply = await this.#source.ask(this.#selection, from, waitMs, this.#signal);
    if (reply.kind === "changes") return this.#take(reply);
    if (this.#snapshot === "never") throw new CompactedError(this.#position.index, reply.firstIndex);
    await this.#readSnapshot();
  }

  /** Tells the changes of all entries that are there to their end. */
  #take({ changes, next }: Extract<WatchReading, { readonly kind: "changes" }>): void {
    this.#position = next;
    const all = this.#begun.length === 0 ? changes : [...this.#begun, ...changes];
    const whole = next.offset === 0 ? all : all.filter(({ index }) => index < next.index);
    this.#begun = whole.length === all.length ? [] : all.slice(whole.length);
    this.#events = whole.map((change, at) => eventOf(change, whole[at + 1]?.index !== change.index));
    this.#at = 0;
  }

  async #readSnapshot(): Promise<void> {
    const { entries, index } = await this.#source.readAll(this.#selection, this.#signal);
    this.#position = { index: index + 1, offset: 0 };
    this.#begun = [];
    this.#events = [{ kind: "snapshot", entries, index }];
    this.#at = 0;
  }
}

function eventOf({ key, value, version, index }: KeyChange, isLast: boolean): WatchEvent {
  return version === 0 ? { kind: "delete", key, index, isLast } : { kind: "put", key, value, version, index, isLast };
}

function selectionOf(target: WatchTarget): WatchSelection {
  return "key" in target ? { isPrefix: false, key: target.key } : { isPrefix: true, key: target.prefix };
}

function problemOf({ isPrefix, key }: WatchSelection, fromIndex: number | undefined): string | null {
  if (fromIndex !== undefined && !(Number.isSafeInteger(fromIndex) && fromIndex >= 1)) {
    return `fromIndex is ${fromIndex}; use an index of the log, 1 or more`;
  }
  return isPrefix ? prefixProblem(key) : keyProblem(key);
}
