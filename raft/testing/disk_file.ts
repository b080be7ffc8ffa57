/**
 * A file of a simulated disk: what programs see, and what would be left of it if the power failed now.
 *
 * Writes are seen at once and durable after a sync. For each unsynced write the file keeps the bytes that it replaced. A
 * power failure takes all unsynced writes back, newest first, which gives what the last sync guaranteed, and then lets some
 * of them have happened after all, whole or torn at 512-byte sectors or any byte: a disk writes back when it likes.
 *
 * @module
 */
import { Pool } from "../encoding/pool.ts";
import type { SeededRandom } from "./seeded_random.ts";

/**
 * What survives a power failure of what was not synced: `none` of it; `all`; a `prefix` in the order of issue, the last
 * write possibly torn; or a `random` subset, each write whole, torn or missing.
 */
export type CrashPolicy = "none" | "all" | "prefix" | "random";

/** What became of unsynced changes at power failures. */
export interface CrashTally {
  /** Changes that are gone. */
  lost: number;
  /** Writes of which a part is gone. */
  torn: number;
}

/** Disks write whole sectors of this size. */
export const sectorBytes = 512;

/** A write, extension or cut that is not synced. */
interface PendingChange {
  /** Where it begins. */
  readonly offset: number;
  /** What was written; empty for a truncation. */
  readonly bytes: Uint8Array;
  /** What stood from `offset` on before, as far as the change touched it. */
  readonly before: Uint8Array;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** A failed sync dropped it: no later sync makes it durable. */
  isDropped: boolean;
}

const noBytes: Uint8Array = new Uint8Array(0);

/** For what was written and not synced, which is soon either. */
const changePool = new Pool();

/** Contents of one file; names belong to the directory. */
export class DiskFile {
  #content: Uint8Array = new Uint8Array(256);
  #size = 0;
  #pending: PendingChange[] = [];

  /** Bytes in the file, as programs see it. */
  get size(): number {
    return this.#size;
  }

  /** Changes that a power failure may take back. */
  get unsyncedChanges(): number {
    return this.#pending.length;
  }

  /** A copy of up to `length` bytes. */
  read(offset: number, length: number): Uint8Array {
    return this.#content.slice(Math.min(offset, this.#size), Math.min(offset + length, this.#size));
  }

  /** Writes bytes, unsynced; a gap before them reads as zeros. */
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#pending.push({
      offset,
      bytes: changePool.copy(bytes, 0, bytes.length),
      before: offset < this.#size ? this.#content.slice(offset, Math.min(end, this.#size)) : noBytes,
      sizeBefore: this.#size,
      sizeAfter: Math.max(this.#size, end),
      isDropped: false,
    });
    this.#put(offset, bytes);
  }

  /** Cuts or extends the file, unsynced. */
  truncate(size: number): void {
    this.#pending.push({
      offset: size,
      bytes: noBytes,
      before: size < this.#size ? this.#content.slice(size, this.#size) : noBytes,
      sizeBefore: this.#size,
      sizeAfter: size,
      isDropped: false,
    });
    this.#resize(size);
  }

  /** Begins a sync: the result, when called, makes everything written so far durable, unless power failed meanwhile. */
  beginSync(): () => void {
    const covered = new Set(this.#pending);
    return () => {
      if (covered.size === 0) return;
      const synced = this.#pending.filter((change) => covered.has(change) && !change.isDropped);
      this.#pending = this.#pending.flatMap((change) => {
        if (change.isDropped) return stillLost(change, synced);
        return covered.has(change) ? [] : [change];
      });
    };
  }

  /** A sync failed: what was unsynced looks clean from now on, and is lost at the next power failure (fsyncgate). */
  dropUnsynced(): void {
    for (const change of this.#pending) change.isDropped = true;
  }

  /** The power fails; returns what became of the unsynced changes. */
  crash(policy: CrashPolicy, random: SeededRandom): CrashTally {
    const pending = this.#pending;
    this.#pending = [];
    for (let index = pending.length - 1; index >= 0; index--) {
      const change = pending[index];
      if (change !== undefined) this.#undo(change);
    }
    const candidates = pending.filter((change) => !change.isDropped);
    const tally: CrashTally = { lost: pending.length - candidates.length, torn: 0 };
    switch (policy) {
      case "none":
        tally.lost = pending.length;
        break;
      case "all":
        candidates.forEach((change) => this.#redo(change));
        break;
      case "prefix": {
        const whole = random.integer(candidates.length + 1);
        candidates.slice(0, whole).forEach((change) => this.#redo(change));
        const torn = candidates[whole];
        if (torn === undefined) break;
        this.#redoTornAtByte(torn, random);
        tally.torn++;
        tally.lost += candidates.length - whole - 1;
        break;
      }
      case "random":
        for (const change of candidates) this.#redoMaybe(change, random, tally);
        break;
    }
    return tally;
  }

  /** Replaces the contents, durably: for tests that tamper with a disk. */
  replace(bytes: Uint8Array): void {
    this.#pending = [];
    this.#content = bytes.slice();
    this.#size = bytes.length;
  }

  #undo(change: PendingChange): void {
    this.#resize(change.sizeBefore);
    this.#content.set(change.before, Math.min(change.offset, change.sizeBefore));
  }

  #redo(change: PendingChange): void {
    if (change.bytes.length === 0) this.#resize(change.sizeAfter);
    else this.#put(change.offset, change.bytes);
  }

  #redoMaybe(change: PendingChange, random: SeededRandom, tally: CrashTally): void {
    const fate = random.integer(4);
    if (fate === 0) {
      tally.lost++;
      return;
    }
    if (fate === 1) return this.#redo(change);
    tally.torn++;
    if (fate === 2) this.#redoTornAtByte(change, random);
    else this.#redoSomeSectors(change, random);
  }

  /** The write reached the disk up to some byte; the file may have grown to its full size with filler behind. */
  #redoTornAtByte(change: PendingChange, random: SeededRandom): void {
    if (change.bytes.length === 0) return;
    this.#growMaybe(change, random);
    this.#put(change.offset, change.bytes.subarray(0, random.integer(change.bytes.length)));
  }

  #redoSomeSectors(change: PendingChange, random: SeededRandom): void {
    if (change.bytes.length === 0) return;
    this.#growMaybe(change, random);
    const end = change.offset + change.bytes.length;
    for (let start = change.offset; start < end;) {
      const next = Math.min(end, (Math.floor(start / sectorBytes) + 1) * sectorBytes);
      if (random.chance(0.5)) this.#put(start, change.bytes.subarray(start - change.offset, next - change.offset));
      start = next;
    }
  }

  /** The new size may be on the disk before the bytes are; then zeros or old garbage stand in their place. */
  #growMaybe(change: PendingChange, random: SeededRandom): void {
    const end = change.offset + change.bytes.length;
    if (end <= this.#size || random.chance(0.5)) return;
    const start = this.#size;
    this.#resize(end);
    if (random.chance(0.3)) { for (let at = start; at < end; at++) this.#content[at] = random.integer(256); }
  }

  #put(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const end = offset + bytes.length;
    if (end > this.#size) this.#resize(end);
    this.#content.set(bytes, offset);
  }

  /** Invariant: what lies in #content beyond #size is zero. */
  #resize(size: number): void {
    if (size < this.#size) this.#content.fill(0, size, this.#size);
    else if (size > this.#content.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#content.length));
      larger.set(this.#content.subarray(0, this.#size));
      this.#content = larger;
    }
    this.#size = size;
  }
}

/**
 * What is still lost of a change that a failed sync dropped, now that later changes are durable: not what they wrote over it
 * (a program that writes its data once more is right to rely on that), and the file keeps the size that they gave it.
 */
function stillLost(dropped: PendingChange, synced: readonly PendingChange[]): PendingChange[] {
  const size = synced.at(-1)?.sizeAfter;
  if (size === undefined) return [dropped];
  // Where the file had no bytes before, a hole is left.
  const before = new Uint8Array(dropped.bytes.length);
  before.set(dropped.before.subarray(0, before.length));
  let ranges: (readonly [from: number, to: number])[] = [[dropped.offset, dropped.offset + before.length]];
  for (const { offset, bytes } of synced) {
    const end = offset + bytes.length;
    ranges = ranges.flatMap(([from, to]) => [[from, Math.min(to, offset)], [Math.max(from, end), to]] as const);
    ranges = ranges.filter(([from, to]) => from < to);
  }
  return ranges.flatMap(([from, to]): PendingChange[] => {
    const end = Math.min(to, size);
    if (from >= end) return [];
    const piece = (bytes: Uint8Array): Uint8Array => bytes.slice(from - dropped.offset, end - dropped.offset);
    return [{ ...dropped, offset: from, bytes: piece(dropped.bytes), before: piece(before), sizeBefore: size }];
  });
}
