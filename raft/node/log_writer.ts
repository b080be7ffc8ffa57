/**
 * Writes the log: one batch at a time, and what the node does when that takes long, since the disk is full or does not
 * answer.
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
import { invariant } from "../core/invariant.ts";
import type { Message } from "../core/message.ts";
import type { PersistBatch } from "../core/ready.ts";
import type { Leadership } from "../core/state.ts";
import type { Configuration, EntryId, NodeId } from "../core/types.ts";
import { DiskFullError, type Storage } from "../storage/storage.ts";

/** How long a write may take before a leader looks for somebody with a better disk, in election timeouts. */
const patienceTimeouts = 2;

/** What a {@link LogWriter} works with. */
export interface LogWriterOptions {
  /** Where batches are written. */
  readonly storage: Pick<Storage, "write">;
  /** Sends to another node. */
  readonly send: (message: Message) => void;
  /** Told what the batch that is durable now must be reported by; its messages have been sent. */
  readonly onPersisted: (last: EntryId) => void;
  /** The storage has failed. */
  readonly onFailed: (error: unknown) => void;
  /** Told when the disk is full, and when it is not any more. */
  readonly onProblem: ((text: string) => void) | undefined;
}

/** The write under way, if there is one. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  /** What is not durable yet; null when all is. */
  #batch: PersistBatch | null = null;
  #writing: Promise<void> | null = null;
  /** Election timeouts that #batch has taken. */
  #timeouts = 0;
  #isFull = false;
  #isStopped = false;

  /** Makes a writer with nothing to write. */
  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Whether there was no room when the batch was last tried. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Resolves at the end of the write that is in flight; null when none is. */
  get writing(): Promise<void> | null {
    return this.#writing;
  }

  /** Writes a batch, then sends what had to wait for it. The one before must be durable. */
  write(batch: PersistBatch): void {
    invariant(this.#batch === null, "a write was asked for: the one before is not over");
    this.#batch = batch;
    this.#timeouts = 0;
    this.#try(batch);
  }

  /**
   * An election timeout has passed: tries again what found no room. Returns who should lead instead of this leader; null for
   * nobody.
   */
  tick({ voters }: Configuration, leadership: Pick<Leadership, "progress"> | null): NodeId | null {
    const batch = this.#batch;
    if (batch === null) return null;
    this.#timeouts++;
    if (this.#writing === null) this.#try(batch);
    if (leadership === null || (!this.#isFull && this.#timeouts < patienceTimeouts)) return null;
    const { progress } = leadership;
    const hasIt = (voter: NodeId): boolean => (progress.get(voter)?.matchIndex ?? -1) >= batch.last.index;
    return voters.find(hasIt) ?? null;
  }

  /** The write in flight goes on to its end, and nobody is told of it. */
  stop(): void {
    this.#isStopped = true;
  }

  #try(batch: PersistBatch): void {
    const { storage, onFailed } = this.#options;
    // A microtask later, or a disk that blocks would hold up the messages just sent: a socket writes in a microtask, too.
    this.#writing = Promise.resolve().then(() => storage.write(batch)).then(
      () => {
        this.#writing = null;
        if (!this.#isStopped) this.#written(batch);
      },
      (error) => {
        this.#writing = null;
        if (error instanceof DiskFullError) this.#refused(error);
        else onFailed(error);
      },
    );
  }

  #written({ messagesAfterPersist, last }: PersistBatch): void {
    const { send, onPersisted, onProblem } = this.#options;
    if (this.#isFull) onProblem?.("There is room on the disk again");
    this.#batch = null;
    this.#isFull = false;
    for (const message of messagesAfterPersist) send(message);
    onPersisted(last);
  }

  #refused(error: DiskFullError): void {
    if (!this.#isFull) this.#options.onProblem?.(error.message);
    this.#isFull = true;
  }
}
