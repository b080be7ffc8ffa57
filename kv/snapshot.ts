/**
 * A snapshot of the key/value machine as bytes. Equal states have equal bytes.
 *
 * A snapshot is a sequence of frames, each a length (4 bytes, big-endian, at most `maxSnapshotFrameBytes`) and so many
 * bytes of one CBOR item (the subset of `raft/encoding/cbor.ts`):
 *
 * | frame | item |
 * |---|---|
 * | first, exactly one | `["balsa-kv", version]`, version being 3 |
 * | entries, any number | `[1, [key, version, value, key, version, value, …]]`: keys ascending over the whole snapshot |
 * | sessions, any number | `[2, [id, lastActiveMs, lowestOutstanding, count, (serial, packed) × count, …]]` |
 * | locks, any number | `[4, [name, token, leaseMs, expiresAtMs, …]]`: names ascending over the whole snapshot |
 * | leases, any number | `[5, [lease, ttlMs, expiresAtMs, …]]`: ids ascending over the whole snapshot |
 * | ties, any number | `[6, [key, lease, …]]`: the keys that are tied to leases, ascending over the whole snapshot |
 * | last, exactly one | `[3, keys, sessions, hash, locks, index, clusterTimeMs, leases, ties]`: how many of each there are |
 *
 * A text value is a CBOR text, a value of bytes a byte string. Sessions come idle longest first, each whole in one frame,
 * their results by ascending serial, packed as `sessions.ts` says. A frame ends when it has about `snapshotSliceBytes`.
 *
 * `hash` is `Store.hash()`; `index` and `clusterTimeMs` are those of the last command, 0 if there was none.
 *
 * Older versions are read as well. Version 2 had no leases, and neither index nor time in its last frame: the index is then taken for the
 * largest that is found in the snapshot (nobody has watched keys in those days), and every lock counts as held until the
 * next command tells the time. Version 1 had no locks either, and fewer kinds of packed results.
 *
 * The reader takes the bytes in any cut and accepts nothing that the writer would not have written, but for where frames
 * end. Checksums over the bytes are the storage's business; the hash catches what is wrong without being damaged.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { CborWriter } from "../raft/encoding/cbor_writer.ts";
import { keyFrom } from "./operations.ts";
import { snapshotSliceBytes } from "./limits.ts";
import { type HeldLock, type LockOptions, LockTable } from "./locks.ts";
import { type FrozenLeases, type LeaseOptions, LeaseTable } from "./leases.ts";
import type { OrderedMapView } from "./ordered_map.ts";
import { type SessionOptions, SessionTable } from "./sessions.ts";
import { arrayFrom, arrayOf, counterFrom, ShapeError, shown, textFrom, valueFrom } from "./shape.ts";
import { frameOf, FrameReader } from "./snapshot_frames.ts";
import { Store, type StoreEntry, type StoreOptions } from "./store.ts";
import { keyProblem, valueProblem } from "./values.ts";

const magic = "balsa-kv";
const formatVersion = 3;
const oldestFormatVersion = 1;
const entriesFrame = 1;
const sessionsFrame = 2;
const endFrame = 3;
const locksFrame = 4;
const leasesFrame = 5;
const tiesFrame = 6;

/** Entries in a frame at the most, so that their items stay far below the codec's limit of 65,536. */
const maxEntriesPerFrame = 4096;

/** Numbers after which a sessions frame ends; one session adds 4 + 2 * maxOutstandingPerSession at the most. */
const numbersPerSessionsFrame = 8192;

/** Locks in a frame at the most: with the longest names it has about 512 KiB. */
const locksPerFrame = 128;

/** Leases in a frame at the most. */
const leasesPerFrame = 4096;

/** Everything a snapshot is made of, as it was at one moment. */
export interface FrozenState {
  /** The entries. */
  readonly entries: OrderedMapView<StoreEntry>;
  /** See `SessionTable.freeze`. */
  readonly sessions: Float64Array;
  /** Number of sessions. */
  readonly sessionCount: number;
  /** See `LockTable.freeze`. */
  readonly locks: Iterable<HeldLock>;
  /** See `LeaseTable.freeze`. */
  readonly leases: FrozenLeases;
  /** See `Store.hash`. */
  readonly hash: string;
  /** Index of the last command; 0 before the first. */
  readonly index: number;
  /** Cluster time of the last command; 0 before the first. */
  readonly clusterTimeMs: number;
}

/** What a snapshot held. */
export interface ThawedState {
  /** The keys and values. */
  readonly store: Store;
  /** The sessions. */
  readonly sessions: SessionTable;
  /** The locks. */
  readonly locks: LockTable;
  /** The leases. */
  readonly leases: LeaseTable;
  /** Index of the last command; no more than that if the snapshot does not say. */
  readonly index: number;
  /** Cluster time of the last command; 0 if the snapshot does not say. */
  readonly clusterTimeMs: number;
}

/** The bytes of a snapshot, a frame at a time: each takes about a millisecond to make. */
export function* snapshotSlices(state: FrozenState): IterableIterator<Uint8Array> {
  const writer = new CborWriter(2 * snapshotSliceBytes);
  yield frameOf(writer, () => writer.value([magic, formatVersion]));
  yield* entrySlices(writer, state.entries);
  yield* sessionSlices(writer, state.sessions);
  const locks = yield* lockSlices(writer, state.locks);
  yield* leaseSlices(writer, state.leases);
  const { entries, sessionCount, hash, index, clusterTimeMs, leases } = state;
  const counts = [entries.size, sessionCount, hash, locks] as const;
  const end = [endFrame, ...counts, index, clusterTimeMs, leases.numbers.length / 3, leases.byKey.size];
  yield frameOf(writer, () => writer.value(end));
}

function* entrySlices(writer: CborWriter, entries: OrderedMapView<StoreEntry>): IterableIterator<Uint8Array> {
  let batch: (readonly [string, StoreEntry])[] = [];
  let batchBytes = 0;
  const flush = (): Uint8Array => {
    const slice = frameOf(writer, () => writeEntries(writer, batch));
    batch = [];
    batchBytes = 0;
    return slice;
  };
  for (const pair of entries.range()) {
    const bytes = pair[0].length + pair[1].bytes + 10;
    // A large value gets a frame of its own rather than a place behind many small ones.
    if (batchBytes > 0 && batchBytes + bytes > snapshotSliceBytes) yield flush();
    batch.push(pair);
    batchBytes += bytes;
    if (batch.length === maxEntriesPerFrame) yield flush();
  }
  if (batch.length > 0) yield flush();
}

function writeEntries(writer: CborWriter, batch: readonly (readonly [string, StoreEntry])[]): void {
  writer.array(2);
  writer.integer(entriesFrame);
  writer.array(3 * batch.length);
  for (const [key, { value, version }] of batch) {
    writer.text(key);
    writer.integer(version);
    if (typeof value === "string") writer.text(value);
    else writer.bytes(value);
  }
}

function* sessionSlices(writer: CborWriter, numbers: Float64Array): IterableIterator<Uint8Array> {
  for (let from = 0; from < numbers.length;) {
    let to = from;
    while (to < numbers.length && to - from < numbersPerSessionsFrame) to += 4 + 2 * (numbers[to + 3] ?? 0);
    const first = from;
    yield frameOf(writer, () => {
      writer.array(2);
      writer.integer(sessionsFrame);
      writer.array(to - first);
      for (let at = first; at < to; at++) writer.integer(numbers[at] ?? 0);
    });
    from = to;
  }
}

/** Returns how many locks there were. */
function* lockSlices(writer: CborWriter, locks: Iterable<HeldLock>): Generator<Uint8Array, number> {
  let count = 0;
  let fields: CborValue[] = [];
  for (const { name, token, leaseMs, expiresAtMs } of locks) {
    fields.push(name, token, leaseMs, expiresAtMs);
    if (++count % locksPerFrame !== 0) continue;
    yield frameOf(writer, () => writer.value([locksFrame, fields]));
    fields = [];
  }
  if (fields.length > 0) yield frameOf(writer, () => writer.value([locksFrame, fields]));
  return count;
}

function* leaseSlices(writer: CborWriter, { numbers, byKey }: FrozenLeases): IterableIterator<Uint8Array> {
  for (let from = 0; from < numbers.length; from += 3 * leasesPerFrame) {
    const part = [...numbers.subarray(from, from + 3 * leasesPerFrame)];
    yield frameOf(writer, () => writer.value([leasesFrame, part]));
  }
  let fields: CborValue[] = [];
  let bytes = 0;
  for (const [key, lease] of byKey.range()) {
    fields.push(key, lease);
    bytes += key.length + 10;
    if (bytes < snapshotSliceBytes) continue;
    yield frameOf(writer, () => writer.value([tiesFrame, fields]));
    fields = [];
    bytes = 0;
  }
  if (fields.length > 0) yield frameOf(writer, () => writer.value([tiesFrame, fields]));
}

type SnapshotOptions = StoreOptions & SessionOptions & LockOptions & LeaseOptions;

/** Reads a snapshot. Throws {@link ShapeError} or a CborError on anything but a whole and correct one. */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  options: SnapshotOptions = {},
): Promise<ThawedState> {
  const reader = new SnapshotReader(options);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.end();
}

/** In the order in which they come. */
const stages = ["header", "entries", "sessions", "locks", "leases", "ties", "done"] as const;

/** Reads a snapshot piece by piece; throws {@link ShapeError} or a CborError on anything but a correct one. */
export class SnapshotReader {
  readonly #store: Store;
  readonly #sessions: SessionTable;
  readonly #locks: LockTable;
  readonly #leases: LeaseTable;
  #lastLease = 0;
  #lastTiedKey: string | null = null;
  #version = formatVersion;
  #lockCount = 0;
  #index = 0;
  #clusterTimeMs = 0;
  #lastLock: string | null = null;
  readonly #frames = new FrameReader((item) => this.#frame(item));
  #stage: (typeof stages)[number] = "header";
  #lastKey: string | null = null;

  constructor(options: SnapshotOptions = {}) {
    this.#store = new Store(options);
    this.#sessions = new SessionTable(options);
    this.#locks = new LockTable(options);
    this.#leases = new LeaseTable(options);
  }

  /** Takes some bytes. */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  /** What was read; throws {@link ShapeError} unless it was whole. */
  end(): ThawedState {
    if (this.#stage !== "done" || !this.#frames.isEmpty) throw new ShapeError("the snapshot is cut short");
    return {
      ...{ store: this.#store, sessions: this.#sessions, locks: this.#locks },
      ...{ leases: this.#leases, index: this.#index, clusterTimeMs: this.#clusterTimeMs },
    };
  }

  #frame(item: CborValue): void {
    if (this.#stage === "header") {
      this.#header(item);
      return;
    }
    if (this.#stage === "done") throw new ShapeError("the snapshot goes on behind its last frame");
    const items = arrayFrom(item, "a snapshot frame");
    if (items[0] === entriesFrame && this.#stage === "entries") this.#entries(items);
    else if (items[0] === sessionsFrame && this.#isBefore("locks")) this.#sessionsFrame(items);
    else if (items[0] === locksFrame && this.#version >= 2 && this.#isBefore("leases")) this.#locksFrame(items);
    else if (items[0] === leasesFrame && this.#version >= 3 && this.#isBefore("ties")) this.#leasesFrame(items);
    else if (items[0] === tiesFrame && this.#version >= 3) this.#tiesFrame(items);
    else if (items[0] === endFrame) this.#end(items);
    else throw new ShapeError(`a snapshot frame of kind ${shown(items[0])} is unknown or out of place`);
  }

  #isBefore(stage: "locks" | "leases" | "ties"): boolean {
    return stages.indexOf(this.#stage) < stages.indexOf(stage);
  }

  #header(item: CborValue): void {
    const [found, version] = arrayOf(item, 2, "the snapshot's header");
    if (found !== magic) throw new ShapeError("this is not a snapshot of the key/value store");
    if (typeof version !== "number" || !(version >= oldestFormatVersion && version <= formatVersion)) {
      throw new ShapeError(
        `the snapshot has format ${
          shown(version)
        }; this version of Balsa reads ${oldestFormatVersion} to ${formatVersion}`,
      );
    }
    this.#version = version;
    this.#stage = "entries";
  }

  #entries(items: readonly CborValue[]): void {
    const fields = arrayFrom(arrayOf(items, 2, "an entries frame")[1], "entries");
    if (fields.length === 0 || fields.length % 3 !== 0) throw new ShapeError("entries must come as triples");
    for (let at = 0; at < fields.length; at += 3) {
      const key = textFrom(fields[at], "a key");
      const version = counterFrom(fields[at + 1], 1, "a version");
      const value = valueFrom(fields[at + 2], "a value");
      const problem = keyProblem(key) ?? valueProblem(value);
      if (problem !== null) throw new ShapeError(problem);
      if (this.#lastKey !== null && key <= this.#lastKey) throw new ShapeError("keys must ascend");
      this.#lastKey = key;
      this.#store.load(key, value, version);
    }
  }

  #sessionsFrame(items: readonly CborValue[]): void {
    this.#stage = "sessions";
    const fields = arrayFrom(arrayOf(items, 2, "a sessions frame")[1], "sessions");
    if (fields.length === 0) throw new ShapeError("a sessions frame must not be empty");
    for (let at = 0; at < fields.length;) {
      const id = counterFrom(fields[at], 1, "a session id");
      const lastActiveMs = counterFrom(fields[at + 1], 0, "lastActiveMs");
      const lowestOutstanding = counterFrom(fields[at + 2], 1, "lowestOutstanding");
      const count = counterFrom(fields[at + 3], 0, "the number of results");
      at += 4;
      if (2 * count > fields.length - at) throw new ShapeError(`session ${id} is cut short`);
      const results: number[] = [];
      for (const end = at + 2 * count; at < end; at += 2) {
        results.push(counterFrom(fields[at], 1, "a serial"), packedFrom(fields[at + 1]));
      }
      this.#index = Math.max(this.#index, id);
      const problem = this.#sessions.load(id, lastActiveMs, lowestOutstanding, results);
      if (problem !== null) throw new ShapeError(problem);
    }
  }

  #locksFrame(items: readonly CborValue[]): void {
    this.#stage = "locks";
    const fields = arrayFrom(arrayOf(items, 2, "a locks frame")[1], "locks");
    if (fields.length === 0 || fields.length % 4 !== 0) throw new ShapeError("locks must come in fours");
    for (let at = 0; at < fields.length; at += 4) {
      const name = keyFrom(fields[at]);
      if (this.#lastLock !== null && name <= this.#lastLock) throw new ShapeError("names of locks must ascend");
      this.#lastLock = name;
      this.#lockCount++;
      const token = counterFrom(fields[at + 1], 1, "a token");
      this.#index = Math.max(this.#index, token);
      this.#locks.load({
        ...{ name, token },
        leaseMs: counterFrom(fields[at + 2], 1, "leaseMs"),
        expiresAtMs: counterFrom(fields[at + 3], 1, "expiresAtMs"),
      });
    }
  }

  #leasesFrame(items: readonly CborValue[]): void {
    this.#stage = "leases";
    const fields = arrayFrom(arrayOf(items, 2, "a leases frame")[1], "leases");
    if (fields.length === 0 || fields.length % 3 !== 0) throw new ShapeError("leases must come in threes");
    for (let at = 0; at < fields.length; at += 3) {
      this.#lastLease = counterFrom(fields[at], this.#lastLease + 1, "a lease");
      const ttlMs = counterFrom(fields[at + 1], 1, "ttlMs");
      this.#leases.load(this.#lastLease, ttlMs, counterFrom(fields[at + 2], 1, "expiresAtMs"));
    }
  }

  #tiesFrame(items: readonly CborValue[]): void {
    this.#stage = "ties";
    const fields = arrayFrom(arrayOf(items, 2, "a ties frame")[1], "ties");
    if (fields.length === 0 || fields.length % 2 !== 0) throw new ShapeError("ties must come in pairs");
    for (let at = 0; at < fields.length; at += 2) {
      const key = keyFrom(fields[at]);
      const lease = counterFrom(fields[at + 1], 1, "a lease");
      if (this.#lastTiedKey !== null && key <= this.#lastTiedKey) throw new ShapeError("tied keys must ascend");
      if (this.#store.entry(key) === undefined) throw new ShapeError("a key that is tied to a lease is missing");
      if (!this.#leases.has(lease)) throw new ShapeError(`a key is tied to lease ${lease}, which is missing`);
      this.#lastTiedKey = key;
      this.#leases.tie(key, lease);
    }
  }

  #end(items: readonly CborValue[]): void {
    const fields = arrayOf(items, [4, 5, 9][this.#version - 1] ?? 0, "the snapshot's last frame");
    const [, keys, sessions, hash, locks, index, clusterTimeMs, leases, ties] = fields;
    if (this.#version >= 3 && (leases !== this.#leases.size || ties !== this.#leases.keyCount)) {
      throw new ShapeError(
        `the snapshot says ${shown(leases)} leases and ${shown(ties)} ties, but holds ${this.#leases.size} and ` +
          `${this.#leases.keyCount}`,
      );
    }
    if (this.#version >= 2 && locks !== this.#lockCount) {
      throw new ShapeError(`the snapshot says ${shown(locks)} locks, but holds ${this.#lockCount}`);
    }
    if (keys !== this.#store.size || sessions !== this.#sessions.size || hash !== this.#store.hash()) {
      throw new ShapeError(
        `the snapshot says ${shown(keys)} keys, ${shown(sessions)} sessions and hash ${shown(hash)}, but holds ` +
          `${this.#store.size}, ${this.#sessions.size} and ${this.#store.hash()}`,
      );
    }
    if (this.#version >= 3) {
      this.#index = counterFrom(index, Math.max(this.#index, this.#lastLease), "the index");
      this.#clusterTimeMs = counterFrom(clusterTimeMs, 0, "clusterTimeMs");
    }
    this.#stage = "done";
  }
}

/** A packed result: up to 16 times a counter. */
function packedFrom(field: CborValue | undefined): number {
  if (typeof field !== "number" || !Number.isSafeInteger(field)) throw new ShapeError("a result must be an integer");
  return field;
}
