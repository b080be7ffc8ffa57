/**
 * Decides when to take a snapshot, and streams it to storage without stalling the event loop.
 *
 * A snapshot is due when the log on disk has grown beyond `maxRaftStateBytes`. Two rules keep a large state or a tiny limit
 * from causing one snapshot after the other: each must free at least half the limit, and a snapshot that takes long is
 * followed by a pause of twice its time, unless the log has grown to several times its limit and snapshots are quick.
 *
 * @module
 */
import type { SnapshotMeta } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import { sleep } from "../node/clock.ts";
import type { SnapshotSource } from "./state_machine.ts";

/** What a {@link Snapshotter} works with. */
export interface SnapshotterOptions {
  /** Bytes of log beyond which a snapshot is due; -1 for never. */
  readonly maxRaftStateBytes: number;
  /** Measures how long snapshots take. */
  readonly clock: Clock;
  /** Bytes of log on disk behind the newest snapshot. */
  readonly logBytes: () => number;
  /** A consistent view of the state as it is now, with what it stands for and the header of its bytes. */
  readonly take: () => SnapshotView;
  /** Makes a snapshot durable. Does not reject: a failure stops the node. */
  readonly save: (snapshot: SnapshotMeta, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
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

/** Beyond this many times the limit a quick snapshot does not wait for its pause to end. */
const urgentFactor = 4;
/** A snapshot faster than this is quick. */
const quickMs = 1000;
/** A snapshot of duration d is followed by a pause of this many times d. */
const pauseFactor = 2;
/** Time in which a stream may be busy before the event loop gets its turn. */
const sliceMs = 5;

/** Takes the snapshots of one node, one at a time. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  #running: Promise<void> | null = null;
  /** Bytes of entries applied since the last snapshot: what a new one would free. */
  #freeableBytes = 0;
  /** While held no snapshot is begun: the state is being replaced, or the node has stopped. */
  #isHeld = false;
  #isStopped = false;
  #pauseUntilMs = -Infinity;
  #lastDurationMs = 0;

  /** Makes a snapshotter that has not taken any. */
  constructor(options: SnapshotterOptions) {
    this.#options = options;
  }

  /** Whether a snapshot is being written. */
  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Notes that entries of so many bytes were applied, and takes a snapshot if one is due. */
  applied(bytes: number): void {
    this.#freeableBytes += bytes;
    this.check();
  }

  /** Waits for the snapshot that is being written, and begins no other until {@link restored}. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#running;
  }

  /** The state was replaced by a stored snapshot. */
  restored(): void {
    this.#isHeld = false;
    this.#freeableBytes = 0;
  }

  /** Gives up the snapshot that is being written, and begins no other. */
  stop(): void {
    this.#isHeld = true;
    this.#isStopped = true;
  }

  /** Takes a snapshot if one is due. */
  check(): void {
    if (this.#running === null && !this.#isHeld && this.#isDue()) this.#start();
  }

  #isDue(): boolean {
    const { maxRaftStateBytes: limit, clock } = this.#options;
    if (limit < 0 || this.#freeableBytes * 2 < limit || this.#freeableBytes === 0) return false;
    const logBytes = this.#options.logBytes();
    if (logBytes <= limit) return false;
    if (clock.monotonicMs() >= this.#pauseUntilMs) return true;
    return this.#lastDurationMs < quickMs && logBytes > urgentFactor * limit;
  }

  #start(): void {
    const { clock, take, save } = this.#options;
    const startedMs = clock.monotonicMs();
    const view = take();
    this.#freeableBytes = 0;
    this.#running = save(view.snapshot, this.#stream(view)).finally(() => {
      view.source.release();
      const endedMs = clock.monotonicMs();
      this.#lastDurationMs = endedMs - startedMs;
      this.#pauseUntilMs = endedMs + pauseFactor * this.#lastDurationMs;
      this.#running = null;
    }).then(() => this.check()).catch((error) => this.#options.onFailed(error));
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
