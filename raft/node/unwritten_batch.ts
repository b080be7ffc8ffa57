/**
 * The batch that a node is writing, and what it does when that takes long: the disk is full, or does not answer.
 *
 * A write that found no room is tried again until there is some; fsyncs are never tried again, see `storage/disk_room.ts`.
 * Until the batch is durable the node makes no promise that needs its disk: it acknowledges nothing, grants no vote, counts
 * nothing of its own and executes nothing of it. Heartbeats and reads need no disk, so they go on. A leader whose disk is full
 * takes no more commands; and if a voter has durably what the leader could not write, for want of room or within
 * {@link patienceTimeouts} election timeouts, that voter has a better disk, and is handed the leadership. Where no voter
 * has, since all disks are full or hang, the leader stays.
 *
 * @module
 */
import type { PersistBatch } from "../core/ready.ts";
import type { Leadership } from "../core/state.ts";
import type { Configuration, NodeId } from "../core/types.ts";

/** How long a write may take before a leader looks for somebody with a better disk, in election timeouts. */
const patienceTimeouts = 2;

/** What is being written, if anything is. */
export class UnwrittenBatch {
  #batch: PersistBatch | null = null;
  #timeouts = 0;
  #isRefused = false;
  #isFull = false;

  /** Whether there was no room when the batch was last tried. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The batch, when it waits to be tried again; null otherwise. */
  get waiting(): PersistBatch | null {
    return this.#isRefused ? this.#batch : null;
  }

  /** The write of a batch begins, for the first time or again. */
  begin(batch: PersistBatch): void {
    if (batch !== this.#batch) this.#timeouts = 0;
    this.#batch = batch;
    this.#isRefused = false;
  }

  /** There was no room for it. Returns whether that is news. */
  refused(): boolean {
    const isNews = !this.#isFull;
    this.#isRefused = true;
    this.#isFull = true;
    return isNews;
  }

  /** It is durable. Returns whether that is news: whether there was no room before. */
  written(): boolean {
    const isNews = this.#isFull;
    this.#batch = null;
    this.#isFull = false;
    return isNews;
  }

  /** An election timeout has passed. Returns who should lead instead of this leader; null for nobody. */
  tick({ voters }: Configuration, leadership: Leadership | null): NodeId | null {
    const batch = this.#batch;
    if (batch === null) return null;
    this.#timeouts++;
    if (leadership === null || (!this.#isFull && this.#timeouts < patienceTimeouts)) return null;
    const { progress } = leadership;
    return voters.find((voter) => (progress.get(voter)?.matchIndex ?? -1) >= batch.last.index) ?? null;
  }
}
