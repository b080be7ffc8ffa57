/**
 * What has happened to the keys lately, for those who watch them: the changes of the newest log entries, in order.
 *
 * The history is no part of the replicated state. Each node keeps its own, as far back as its limits reach; it is not in
 * a snapshot, so a node that has restored one knows nothing of what came before. What it still knows is the same on every
 * node. Whoever asks for more is told that it is gone ("compacted").
 *
 * Each write is told by itself, also where a log entry holds several of them; but a transaction changes a key once or not
 * at all, whatever it does to it on the way. Noting a change must cost next to nothing, because every write does it,
 * watched or not: it is one place in a ring, which keeps a key and an entry alive that are there anyway. Values that would
 * long be gone are another matter: keeping many of them makes the garbage collector's work a tenth of what a put costs, and
 * a history of large ones is memory that nobody has asked for. So a node that nobody has asked yet keeps a small history, of {@link quietWatchHistoryEvents} and {@link quietWatchHistoryBytes}, and the whole only from the
 * first question on.
 *
 * @module
 */
import {
  maxWatchHistoryBytes,
  maxWatchHistoryEvents,
  quietWatchHistoryBytes,
  quietWatchHistoryEvents,
} from "./limits.ts";
import type { StoreChanges, StoreEntry } from "./store.ts";
import type { Value } from "./values.ts";

/** Which keys are watched: one, or all that begin with a prefix. */
export interface WatchSelection {
  /** Whether `key` is a prefix. */
  readonly isPrefix: boolean;
  /** The key or the prefix; a prefix may be "". */
  readonly key: string;
}

/** A place in the history: behind everything that was read. Equal on all nodes. */
export interface WatchPosition {
  /** The entry to go on with; everything below was read. */
  readonly index: number;
  /** How many changes of that entry were read, watched or not. */
  readonly offset: number;
}

/** A key as a log entry has left it. */
export interface KeyChange {
  /** Index of the entry. */
  readonly index: number;
  /** The key. */
  readonly key: string;
  /** Its version; 0 if it was deleted. */
  readonly version: number;
  /** Its value; "" if it was deleted. Bytes must not be written to. */
  readonly value: Value;
}

/** What reading the history finds. */
export type WatchReading =
  /** Changes in order. `isAll` when there are no others up to now. */
  | {
    readonly kind: "changes";
    readonly changes: readonly KeyChange[];
    readonly next: WatchPosition;
    readonly isAll: boolean;
  }
  /** The position lies before the history, which begins with `firstIndex`. */
  | { readonly kind: "compacted"; readonly firstIndex: number };

/** Told about each key that a log entry has changed, when the entry is done. */
export interface WatchListener {
  /** The entry `index` has changed `key`. */
  changed(key: string, index: number): void;
  /** The history begins anew: what waits may have been left behind. */
  restarted(): void;
}

/** Settings of a {@link WatchHistory}; other than the defaults only in tests. */
export interface WatchHistoryOptions {
  /** See `maxWatchHistoryEvents` in limits; a power of two. */
  readonly maxEvents?: number;
  /** See `maxWatchHistoryBytes` in limits. */
  readonly maxHistoryBytes?: number;
}

/** Bytes that a change counts beside its key and value. */
const changeOverheadBytes = 64;

const firstCapacity = 256;

/** See the module. */
export class WatchHistory implements StoreChanges {
  /** Told when an entry is done; null while nobody waits. */
  listener: WatchListener | null = null;
  readonly #maxEvents: number;
  /** What the ring may grow to now. */
  #mostEvents: number;
  readonly #maxBytes: number;
  /** What the changes may come to now; <= #maxBytes. */
  #mostBytes: number;
  /** The ring: places are sequence numbers modulo its capacity, a power of two. */
  #capacity: number;
  #indexes: Float64Array;
  #keys: string[];
  #entries: (StoreEntry | undefined)[];
  /** Sequence numbers of the oldest change, and behind the newest; #first <= #next <= #first + #capacity. */
  #first = 0;
  #next = 0;
  /** Bytes of all changes that are kept; <= #mostBytes. */
  #bytes = 0;
  /** Every change behind this index is kept; none up to it counts. */
  #floor = 0;
  /** Index of the entry that is being executed, or of the last one. */
  #index = 0;
  /** Sequence number at which that entry's changes begin. */
  #mark = 0;

  /** An empty history. */
  constructor(options: WatchHistoryOptions = {}) {
    this.#maxEvents = options.maxEvents ?? maxWatchHistoryEvents;
    this.#maxBytes = options.maxHistoryBytes ?? maxWatchHistoryBytes;
    this.#mostEvents = Math.min(quietWatchHistoryEvents, this.#maxEvents);
    this.#mostBytes = Math.min(quietWatchHistoryBytes, this.#maxBytes);
    this.#capacity = Math.min(firstCapacity, this.#maxEvents);
    this.#indexes = new Float64Array(this.#capacity);
    this.#keys = new Array(this.#capacity).fill("");
    this.#entries = new Array(this.#capacity).fill(undefined);
  }

  /** Index of the last entry; 0 before the first. */
  get index(): number {
    return this.#index;
  }

  /** Begins anew behind `index`: of what came before nothing is known. */
  restart(index: number): void {
    while (this.#first < this.#next) this.#drop();
    this.#index = this.#floor = index;
    this.#mark = this.#next;
    this.listener?.restarted();
  }

  /** An entry is going to be executed. */
  begin(index: number): void {
    this.#index = index;
    this.#mark = this.#next;
  }

  /** The entry is done. */
  end(): void {
    const { listener } = this;
    if (listener === null) return;
    for (let at = Math.max(this.#mark, this.#first); at < this.#next; at++) {
      listener.changed(this.#keys[at & (this.#capacity - 1)] ?? "", this.#index);
    }
  }

  /** The entry has changed a key; `entry` is undefined if it was deleted. */
  changed(key: string, entry: StoreEntry | undefined): void {
    if (this.#next - this.#first === this.#capacity) this.#makeRoom();
    const place = this.#next++ & (this.#capacity - 1);
    this.#indexes[place] = this.#index;
    this.#keys[place] = key;
    this.#entries[place] = entry;
    this.#bytes += changeBytes(key, entry);
    while (this.#bytes > this.#mostBytes) this.#drop();
  }

  /** See {@link StoreChanges}. */
  get count(): number {
    return this.#next;
  }

  /** See {@link StoreChanges}. */
  takeBack(count: number): void {
    while (this.#next > count && this.#next > this.#first) {
      const place = --this.#next & (this.#capacity - 1);
      this.#bytes -= changeBytes(this.#keys[place] ?? "", this.#entries[place]);
      this.#forget(place);
    }
  }

  /** Reads from a position on: about `maxBytes`, exceeded only by a single change. */
  read(selection: WatchSelection, from: WatchPosition, maxBytes: number): WatchReading {
    this.#mostEvents = this.#maxEvents;
    this.#mostBytes = this.#maxBytes;
    if (from.index <= this.#floor) return { kind: "compacted", firstIndex: this.#floor + 1 };
    const changes: KeyChange[] = [];
    let bytes = 0;
    for (let at = this.#firstOf(from.index) + from.offset; at < this.#next; at++) {
      const place = at & (this.#capacity - 1);
      const key = this.#keys[place] ?? "";
      if (selection.isPrefix ? !key.startsWith(selection.key) : key !== selection.key) continue;
      const index = this.#indexes[place] ?? 0;
      const entry = this.#entries[place];
      bytes += changeBytes(key, entry);
      if (bytes > maxBytes && changes.length > 0) {
        return { kind: "changes", changes, next: { index, offset: at - this.#firstOf(index) }, isAll: false };
      }
      changes.push({ index, key, version: entry?.version ?? 0, value: entry?.value ?? "" });
    }
    const next = { index: Math.max(from.index, this.#index + 1), offset: 0 };
    return { kind: "changes", changes, next, isAll: true };
  }

  /** Sequence number of the first change of the entry `index` or of one behind it. */
  #firstOf(index: number): number {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if ((this.#indexes[middle & (this.#capacity - 1)] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops the oldest change, and with it the claim to know its entry. */
  #drop(): void {
    const place = this.#first++ & (this.#capacity - 1);
    this.#floor = this.#indexes[place] ?? 0;
    this.#bytes -= changeBytes(this.#keys[place] ?? "", this.#entries[place]);
    this.#forget(place);
  }

  #forget(place: number): void {
    this.#keys[place] = "";
    this.#entries[place] = undefined;
  }

  #makeRoom(): void {
    if (this.#capacity >= this.#mostEvents) return this.#drop();
    const [indexes, keys, entries] = [this.#indexes, this.#keys, this.#entries];
    const mask = this.#capacity - 1;
    this.#capacity *= 2;
    this.#indexes = new Float64Array(this.#capacity);
    this.#keys = new Array(this.#capacity).fill("");
    this.#entries = new Array(this.#capacity).fill(undefined);
    for (let at = this.#first; at < this.#next; at++) {
      const place = at & (this.#capacity - 1);
      this.#indexes[place] = indexes[at & mask] ?? 0;
      this.#keys[place] = keys[at & mask] ?? "";
      this.#entries[place] = entries[at & mask];
    }
  }
}

/** What a change counts. A key counts its UTF-16 units, which costs nothing to ask for. */
function changeBytes(key: string, entry: StoreEntry | undefined): number {
  return key.length + (entry?.bytes ?? 0) + changeOverheadBytes;
}
