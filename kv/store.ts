/**
 * The keys and their values: what writes and reads do to them, without sessions, time or I/O.
 *
 * A missing key reads as "" at version 0, and an append starts from there. Every write that changes a key raises the key's
 * version by one; deleting it takes the version away too, so that a key made anew starts from 1 again. Texts and bytes do not mix: appending one to the other changes nothing and says so.
 *
 * Appending costs as much as what is appended, however long the value has become. Text relies on the engine's ropes; the
 * length in UTF-8 and the hash are continued, never computed anew. Bytes grow in a buffer with room to spare: an entry is a
 * view of the buffer's beginning, and the next entry may lie further into the same buffer, because bytes once written are
 * never written again.
 *
 * @module
 */
import { finishMix, mixWord } from "../raft/encoding/mix.ts";
import { largestNumber, maxStoreBytes, maxValueBytes } from "./limits.ts";
import { OrderedMap, type OrderedMapView } from "./ordered_map.ts";
import type { WriteOutcome } from "./outcomes.ts";
import { continueHash, emptyHash, endOfPrefix, measure, utf8Bytes, type Value } from "./values.ts";

/** A key's value. Never changed in place, so that views of the store may share it. */
export interface StoreEntry {
  /** The value. Bytes must not be written to. */
  readonly value: Value;
  /** How often the key was written since it was last missing; >= 1. */
  readonly version: number;
  /** Bytes of the value, text as UTF-8; <= maxValueBytes. */
  readonly bytes: number;
  /** {@link continueHash} over the value. */
  readonly hash: number;
}

export type { WriteOutcome } from "./outcomes.ts";

/** Told what becomes of keys, while it happens. */
export interface StoreChanges {
  /** A key has got this entry, or is gone. */
  changed(key: string, entry: StoreEntry | undefined): void;
  /** How many changes there were so far. */
  readonly count: number;
  /** All changes after so many were undone. */
  takeBack(count: number): void;
}

/** What a read finds. */
export interface ReadResult {
  /** The value; "" when the key is missing. Bytes must not be written to. */
  readonly value: Value;
  /** The key's version; 0 when the key is missing. */
  readonly version: number;
}

const noKey: WriteOutcome = { kind: "noKey" };
const wrongType: WriteOutcome = { kind: "wrongType" };
const valueTooLarge: WriteOutcome = { kind: "valueTooLarge" };
const storeFull: WriteOutcome = { kind: "storeFull" };
const notANumber: WriteOutcome = { kind: "notANumber" };
const outOfRange: WriteOutcome = { kind: "outOfRange" };
const missing: ReadResult = { value: "", version: 0 };

/** A whole number as {@link Store.increment} takes it: more digits than these are out of range in any case. */
const wholeNumber = /^-?\d{1,40}$/;

/** Each so many appends a text's rope is made flat, so that a rope never holds more pieces than this. */
const piecesPerRope = 1024;

/** Where the answer goes when a rope is asked for a character. Were it dropped, optimized code would not ask at all. */
const asked = { codeUnit: 0 };

/** Settings of a {@link Store}; other than the defaults only in tests. */
export interface StoreOptions {
  /** See `maxStoreBytes` in limits. */
  readonly maxBytes?: number;
}

/** See the module. */
export class Store {
  readonly #entries = new OrderedMap<StoreEntry>();
  readonly #maxBytes: number;
  #bytes = 0;
  /** Sums, modulo 2^32 each, over all entries: see {@link hash}. */
  #hashLow = 0;
  #hashHigh = 0;
  /** Where {@link scrub} goes on. */
  #scrubFrom = "";
  /** Bytes of values that {@link scrub} may look at before it has to wait; <= maxBytes + maxValueBytes. */
  #scrubCredit = 0;

  /** Told of every change but those by {@link load}. */
  changes: StoreChanges | null = null;

  constructor(options: StoreOptions = {}) {
    this.#maxBytes = options.maxBytes ?? maxStoreBytes;
  }

  /** Number of keys. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes of all keys and values, text as UTF-8; <= maxStoreBytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value and version of a key. */
  read(key: string): ReadResult {
    return this.#entries.get(key) ?? missing;
  }

  /** Replaces the value of a key, whatever its type was. */
  put(key: string, value: Value): WriteOutcome {
    const previous = this.#entries.get(key);
    const { bytes, hash } = measure(emptyHash, value);
    if (bytes > maxValueBytes) return valueTooLarge;
    // Bytes are copied, because they may be a small view of a large network buffer, which they would keep alive.
    const kept = typeof value === "string" ? value : value.slice();
    return this.#replace(key, previous, kept, bytes, hash);
  }

  /** Replaces the value of a key if its version is `version`; 0 stands for a missing key. */
  putIfVersion(key: string, value: Value, version: number): WriteOutcome {
    const current = this.read(key).version;
    if (current === version) return this.put(key, value);
    return current === 0 ? noKey : { kind: "versionMismatch", version: current };
  }

  /** Adds to the end of a key's value; a missing key counts as empty. */
  append(key: string, suffix: Value): WriteOutcome {
    const previous = this.#entries.get(key);
    if (previous === undefined) return this.put(key, suffix);
    const { value } = previous;
    let added: number;
    let grown: Value;
    if (typeof value === "string" && typeof suffix === "string") {
      added = utf8Bytes(suffix);
      if (previous.bytes + added > maxValueBytes) return valueTooLarge;
      grown = value + suffix;
      // Asking a rope for one of its characters makes the engine flatten it.
      if ((previous.version + 1) % piecesPerRope === 0) asked.codeUnit = grown.charCodeAt(0);
    } else if (typeof value !== "string" && typeof suffix !== "string") {
      added = suffix.length;
      if (previous.bytes + added > maxValueBytes) return valueTooLarge;
      grown = extendBytes(value, suffix);
    } else {
      return wrongType;
    }
    return this.#replace(key, previous, grown, previous.bytes + added, continueHash(previous.hash, suffix));
  }

  /** Adds to the number that a key's text is; a missing key and an empty text count as 0. `number` is the sum. */
  increment(key: string, by: number): WriteOutcome {
    const previous = this.#entries.get(key);
    const text = previous === undefined || previous.value === "" ? "0" : previous.value;
    if (typeof text !== "string" || !wholeNumber.test(text)) return notANumber;
    const number = Number(text) + by;
    if (Math.abs(number) > largestNumber) return outOfRange;
    const outcome = this.put(key, String(number));
    return outcome.kind === "written" ? { kind: "done", number } : outcome;
  }

  /** Takes a key away; `number` is 1 if it was there, otherwise 0. */
  delete(key: string): WriteOutcome {
    const entry = this.#entries.delete(key);
    if (entry === undefined) return { kind: "done", number: 0 };
    this.#bytes -= utf8Bytes(key);
    this.#count(continueHash(emptyHash, key), entry, -1);
    this.changes?.changed(key, undefined);
    return { kind: "done", number: 1 };
  }

  /** Takes away the first keys that begin with `prefix`, at most `limit`, and tells each; `number` is how many. */
  deletePrefix(prefix: string, limit: number, onDeleted: (key: string) => void = () => {}): WriteOutcome {
    const keys: string[] = [];
    for (const [key] of this.#entries.range(prefix, endOfPrefix(prefix))) {
      if (keys.length === limit) break;
      keys.push(key);
    }
    for (const key of keys) {
      this.delete(key);
      onDeleted(key);
    }
    return { kind: "done", number: keys.length };
  }

  /** The entry of a key, undefined if it is missing. */
  entry(key: string): StoreEntry | undefined {
    return this.#entries.get(key);
  }

  /** Undoes writes to a key: it has `entry` again, which {@link entry} has given, or is missing again. */
  undo(key: string, entry: StoreEntry | undefined): void {
    if (entry === undefined) this.delete(key);
    else this.#set(key, this.#entries.get(key), entry);
  }

  /** Sets a key as a snapshot has it, with its version. */
  load(key: string, value: Value, version: number): void {
    const kept = typeof value === "string" ? value : value.slice();
    const { bytes, hash } = measure(emptyHash, value);
    this.#set(key, this.#entries.get(key), { value: kept, version, bytes, hash });
  }

  /** All entries as they are, until the next write. */
  get entries(): OrderedMapView<StoreEntry> {
    return this.#entries;
  }

  /** All entries as they are now, for ever. */
  view(): OrderedMapView<StoreEntry> {
    return this.#entries.snapshotView();
  }

  /**
   * Sixteen hexadecimal digits over all keys, values, types and versions: equal stores have equal ones, and stores that
   * differ have different ones but for a chance of about 2^-32. Kept up to date by each write, so that asking is free.
   * Finds replicas that went apart; no defence against somebody who looks for collisions.
   */
  hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#hashHigh) + hex(this.#hashLow);
  }

  /**
   * Looks at the next entries in the order of keys, at most `maxEntries`: whether they are what was written. The hash above is
   * kept up to date, not computed, so memory that lost a bit would not show in it. Each call may spend `maxBytes` of values;
   * a value that is larger waits for as many calls. Throws an error that names the key.
   */
  scrub(maxEntries: number, maxBytes: number): void {
    this.#scrubCredit = Math.min(this.#scrubCredit + maxBytes, maxBytes + maxValueBytes);
    let looked = 0;
    for (const [key, entry] of this.#entries.range(this.#scrubFrom)) {
      if (looked === maxEntries || entry.bytes > this.#scrubCredit) {
        this.#scrubFrom = key;
        return;
      }
      looked++;
      this.#scrubCredit -= entry.bytes;
      const { bytes, hash } = measure(emptyHash, entry.value);
      if (hash === entry.hash && bytes === entry.bytes) continue;
      throw new Error(`Cannot go on: the value of ${JSON.stringify(key)} in memory is not what was written`);
    }
    this.#scrubFrom = "";
  }

  /** {@link hash} in 32 bits. */
  digest(): number {
    return mixWord(this.#hashHigh, this.#hashLow);
  }

  #replace(key: string, previous: StoreEntry | undefined, value: Value, bytes: number, hash: number): WriteOutcome {
    const added = bytes - (previous === undefined ? -utf8Bytes(key) : previous.bytes);
    if (added > 0 && this.#bytes + added > this.#maxBytes) return storeFull;
    const version = previous === undefined ? 1 : previous.version + 1;
    const entry = { value, version, bytes, hash };
    this.#set(key, previous, entry);
    this.changes?.changed(key, entry);
    return { kind: "written", version };
  }

  #set(key: string, previous: StoreEntry | undefined, entry: StoreEntry): void {
    const { hash: keyHash, bytes: keyBytes } = measure(emptyHash, key);
    if (previous === undefined) this.#bytes += keyBytes;
    else this.#count(keyHash, previous, -1);
    this.#count(keyHash, entry, 1);
    this.#entries.set(key, entry);
  }

  /** Adds an entry to the sums, or with `sign` -1 takes it away. */
  #count(keyHash: number, entry: StoreEntry, sign: 1 | -1): void {
    this.#bytes += sign * entry.bytes;
    const type = typeof entry.value === "string" ? 0 : 1;
    const versionLow = entry.version | 0;
    const versionHigh = Math.floor(entry.version / 2 ** 32) * 2 + type;
    this.#hashLow = (this.#hashLow + sign * mix(keyHash, entry.hash, versionLow, versionHigh)) | 0;
    this.#hashHigh = (this.#hashHigh + sign * mix(entry.hash, versionLow, versionHigh, keyHash)) | 0;
  }
}

/** Mixes four words into one. */
function mix(first: number, second: number, third: number, fourth: number): number {
  return finishMix(mixWord(mixWord(mixWord(mixWord(0x2545f491, first), second), third), fourth));
}

/** The bytes of `value` followed by those of `suffix`; in the same buffer when it has room. */
function extendBytes(value: Uint8Array, suffix: Uint8Array): Uint8Array {
  const length = value.length + suffix.length;
  // Only the latest entry of a key is ever extended, so whatever lies behind it in its buffer is free.
  if (value.byteOffset + length <= value.buffer.byteLength) {
    const grown = new Uint8Array(value.buffer, value.byteOffset, length);
    grown.set(suffix, value.length);
    return grown;
  }
  const grown = new Uint8Array(Math.min(Math.max(2 * length, 64), maxValueBytes));
  grown.set(value);
  grown.set(suffix, value.length);
  return grown.subarray(0, length);
}
