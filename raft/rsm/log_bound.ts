/**
 * How large the log may become, and how fast it may grow while a snapshot is late.
 *
 * A snapshot takes the longer the larger the state is, and all that time the log grows behind it: on disk, and in memory. So
 * the log may become as large as the state, which is what makes snapshots worth their while (thesis, section 5.1.3), but no
 * larger. With L for `maxRaftState` and S for the bytes of the newest snapshot,
 *
 *     bound  = max(4 L, S, 4 KiB)         urgent = bound / 2
 *
 *     leader:    log <= bound + one command
 *     follower:  log <= 2 bound + one AppendEntries + what the leader has not committed
 *     directory: 3 S + urgent + bound + two segments of the log, since the log reaches back to the older of two snapshots
 *
 * Beyond `urgent` a snapshot is taken without waiting for the pause that follows each (`snapshotter.ts`), and a leader
 * takes in commands no faster than
 *
 *     d log / dt = (bound - log) / time that the snapshot takes
 *
 * so that a snapshot that takes as long as the last one finds a third of the room unused at its end, and one that takes
 * longer slows commands down further and further, but never stops them at once. Other commands wait, in order. What has
 * been accepted does not: it is replicated, written and applied, and reads and heartbeats go on, which is also how the
 * snapshot gets the time to come to its end. A follower takes what its leader has accepted; only one whose snapshots take
 * far longer than the leader's comes to twice the bound, and then loses entries as if on their way, and gets them again, or
 * a snapshot instead.
 *
 * A log beyond `urgent` always becomes shorter: all of it is applied, or waits for a quorum; and what is applied exceeds
 * half of L, which makes a snapshot due.
 *
 * @module
 */
import type { Clock } from "../node/clock.ts";
import type { LogRoom } from "../node/options.ts";

/** The log may have this many times `maxRaftState`, however small the state is. */
const boundFactor = 4;
/** And this much, however small `maxRaftState` is: more than the hard state and any configuration take. */
const leastBoundBytes = 4096;
/** A follower's log may have this many times the bound. */
const followerFactor = 2;

/** Bytes that the log may have; see the module. */
export function logBoundBytes(maxRaftStateBytes: number, snapshotBytes: number): number {
  return Math.max(boundFactor * maxRaftStateBytes, snapshotBytes, leastBoundBytes);
}

/** Bytes of log beyond which a snapshot waits for nothing. */
export function urgentLogBytes(maxRaftStateBytes: number, snapshotBytes: number): number {
  return logBoundBytes(maxRaftStateBytes, snapshotBytes) / 2;
}

/** Of the room beyond `urgent` at most this part goes at once, however long nothing came. */
const burstShare = 1 / 8;

/** What a {@link LogPace} works with. */
export interface LogPaceOptions {
  /** See `MachineOptions.maxRaftState`; not -1. */
  readonly maxRaftStateBytes: number;
  /** Time. */
  readonly clock: Clock;
  /** Bytes of the log behind the newest snapshot. */
  readonly logBytes: () => number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: () => number;
  /** Whether a snapshot is being written. */
  readonly isSnapshotRunning: () => boolean;
  /** How long the snapshot that is being written, or the next one, will take. */
  readonly snapshotMs: () => number;
}

/** Says how many bytes the log may take now. */
export class LogPace implements LogRoom {
  readonly #options: LogPaceOptions;
  /** Bytes that may go in beyond `urgent`; below 0 after a command that was larger than what was left. */
  #creditBytes = 0;
  /** Whether the log was beyond `urgent` when somebody asked last, and when that was. */
  #isPaced = false;
  #lastMs: number;

  /** Nothing was taken in yet. */
  constructor(options: LogPaceOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonicMs();
  }

  /** See {@link LogRoom.bytes}. */
  bytes(unwrittenBytes: number): number {
    const { maxRaftStateBytes, clock, snapshotMs } = this.#options;
    const snapshotBytes = this.#options.snapshotBytes();
    const logBytes = this.#options.logBytes() + unwrittenBytes;
    const urgentBytes = urgentLogBytes(maxRaftStateBytes, snapshotBytes);
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#isPaced = logBytes >= urgentBytes;
    if (!this.#isPaced) {
      this.#creditBytes = 0;
      return urgentBytes - logBytes;
    }
    const leftBytes = Math.max(0, logBoundBytes(maxRaftStateBytes, snapshotBytes) - logBytes);
    this.#creditBytes += leftBytes * elapsedMs / snapshotMs();
    this.#creditBytes = Math.min(this.#creditBytes, leftBytes * burstShare);
    return this.#creditBytes;
  }

  /** See {@link LogRoom.fill}. */
  fill(bytes: number): void {
    if (this.#isPaced) this.#creditBytes -= bytes;
  }

  /** See {@link LogRoom.isExceeded}. */
  get isExceeded(): boolean {
    const { maxRaftStateBytes, logBytes, snapshotBytes, isSnapshotRunning } = this.#options;
    if (!isSnapshotRunning()) return false;
    return logBytes() > followerFactor * logBoundBytes(maxRaftStateBytes, snapshotBytes());
  }
}
