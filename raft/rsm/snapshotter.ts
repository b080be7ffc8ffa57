/**
 * Decides when to take a snapshot, and streams it to storage without stalling the event loop.
 *
 * A snapshot is due when the log on disk has grown beyond `maxRaftStateBytes`. Two rules keep a large state or a tiny limit
 * from causing one snapshot after the other: each must free at least half the limit, and each is followed by a pause of twice
 * its time, unless the log has come to half of what it may have (`log_bound.ts`). That is half the size of the state or
 * more, so that no more than two bytes of snapshot are written for each byte of log.
 *
 * @module
 */
import type { SnapshotMeta } from "../core/types.ts";
import type { Clock, Timer } from "../node/clock.ts";
import { sleep } from "../node/clock.ts";
import { urgentLogBytes } from "./log_bound.ts";
import type { SnapshotSource } from "./state_machine.ts";

/** What a {@link Snapshotter} works with. */
export interface SnapshotterOptions {
  /** Bytes of log beyond which a snapshot is due; -1 for never. */
  readonly maxRaftStateBytes: number;
  /** Measures how long snapshots take. */
  readonly clock: Clock;
  /** Bytes of log on disk behind the newest snapshot. */
  readonly logBytes: () => number;
  /** Those of them that have been applied: what a snapshot taken now would free. */
  readonly freeableBytes: () => number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: () => number;
  /** A consistent view of the state as it is now, with what it stands for and the header of its bytes. */
  readonly take: () => SnapshotView;
  /**
   * Makes a snapshot durable; resolves to whether it is. Does not reject: want of room on the disk leaves everything as it was,
   * and any other failure stops the node.
   */
  readonly save: (snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>) => Promise<boolean>;
  /** The machine could not take a snapshot: the node must stop. */
  readonly onFailed: (error: unknown) => void;
}

/** A state that can be streamed. */
export interface SnapshotView {
  /** What the snapshot stands for. */
  readonly snapshot: SnapshotMeta;
  /** Comes before the machine's bytes. */
  readonly header: Uint8Array;
  /** The machine's bytes. */
  readonly source: SnapshotSource;
}

/** No snapshot is expected to be faster than this. */
const quickMs = 100;
/** A snapshot for which there was no room is tried again after this time. */
const retryMs = 1000;
/** A snapshot of duration d is followed by a pause of this many times d. */
const pauseFactor = 2;
/** Time in which a stream may be busy before the event loop gets its turn. */
const sliceMs = 5;

/** Takes the snapshots of one node, one at a time. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  #running: Promise<void> | null = null;
  /** While held no snapshot is begun: the state is being replaced, or the node has stopped. */
  #isHeld = false;
  #isStopped = false;
  #pauseUntilMs = -Infinity;
  /** When the one that is being written, or was last, was begun. */
  #startedMs = -Infinity;
  #lastDurationMs = 0;
  /** Waits to try again. */
  #retry: Timer | null = null;

  /** Makes a snapshotter that has not taken any. */
  constructor(options: SnapshotterOptions) {
    this.#options = options;
  }

  /** Whether a snapshot is being written. */
  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** How long the one that is being written will take, or the next one: as the last one, as far as one can tell. */
  get expectedMs(): number {
    const elapsedMs = this.#running === null ? 0 : this.#options.clock.monotonicMs() - this.#startedMs;
    return Math.max(quickMs, this.#lastDurationMs, elapsedMs);
  }

  /** Waits for the snapshot that is being written, and begins no other until {@link restored}. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#running;
  }

  /** The state was replaced by a stored snapshot. */
  restored(): void {
    this.#isHeld = false;
  }

  /** Gives up the snapshot that is being written, and begins no other. */
  stop(): void {
    this.#isHeld = true;
    this.#isStopped = true;
    this.#retry?.cancel();
  }

  /** Takes a snapshot if one is due. To be called when entries have been applied. */
  check(): void {
    if (this.#running === null && !this.#isHeld && this.#isDue()) this.#start();
  }

  #isDue(): boolean {
    const { maxRaftStateBytes: limit, clock } = this.#options;
    if (limit < 0 || this.#retry !== null) return false;
    const logBytes = this.#options.logBytes();
    if (logBytes <= limit || this.#options.freeableBytes() * 2 < limit) return false;
    return clock.monotonicMs() >= this.#pauseUntilMs || logBytes > urgentLogBytes(limit, this.#options.snapshotBytes());
  }

  #start(): void {
    const { clock, take, save } = this.#options;
    this.#startedMs = clock.monotonicMs();
    const view = take();
    this.#running = save(view.snapshot, this.#stream(view)).finally(() => {
      view.source.release();
      const endedMs = clock.monotonicMs();
      this.#lastDurationMs = endedMs - this.#startedMs;
      this.#pauseUntilMs = endedMs + pauseFactor * this.#lastDurationMs;
      this.#running = null;
    }).then((isSaved) => isSaved ? this.check() : this.#tryAgain()).catch((error) => this.#options.onFailed(error));
  }

  /** Nothing may come to be applied meanwhile, for commands may wait for this very snapshot. */
  #tryAgain(): void {
    if (this.#isStopped) return;
    this.#retry = this.#options.clock.after(retryMs, () => {
      this.#retry = null;
      this.check();
    });
  }

  async *#stream({ header, source }: SnapshotView): AsyncGenerator<Uint8Array> {
    const { clock } = this.#options;
    yield header;
    let sliceEndMs = clock.monotonicMs() + sliceMs;
    for await (const chunk of source.chunks()) {
      yield chunk;
      if (this.#isStopped) throw new Error("Cannot finish the snapshot: the node has stopped");
      if (clock.monotonicMs() < sliceEndMs) continue;
      await sleep(clock, 0);
      sliceEndMs = clock.monotonicMs() + sliceMs;
    }
  }
}
