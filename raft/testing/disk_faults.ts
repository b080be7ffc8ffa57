/**
 * What can be wrong with a simulated disk: slowness, errors, a full disk, writes that lie.
 *
 * @module
 */
import type { SeededRandom } from "./seeded_random.ts";

/** What is asked of a disk. */
export type DiskOperation = "read" | "write" | "truncate" | "sync" | "metadata" | "syncDirectory";

/** A number for each operation, for the trace. */
export const diskOperationCodes: Readonly<Record<DiskOperation, number>> = {
  read: 1,
  write: 2,
  truncate: 3,
  sync: 4,
  metadata: 5,
  syncDirectory: 6,
};

/** How long operations of one sort take. */
export interface DiskLatency {
  /** The least, in milliseconds. */
  readonly minMs: number;
  /** The most without a stall, in milliseconds; at 0 the operation is over at once. */
  readonly maxMs: number;
  /** How often it stalls, in [0, 1]. */
  readonly stallProbability?: number;
  /** How long a stall is at most, in milliseconds. */
  readonly stallMs?: number;
}

/** How a simulated disk behaves. */
export interface DiskProfile {
  /** Reads, writes, truncations and metadata, which the page cache serves. */
  readonly cached: DiskLatency;
  /** Reads that the page cache does not serve; as `cached` unless given. */
  readonly read?: DiskLatency;
  /** Syncs of files and directories. */
  readonly sync: DiskLatency;
  /** Bytes that fit; writes beyond fail with ENOSPC. */
  readonly capacityBytes: number;
}

/** A quick solid-state disk without end. */
export const defaultDiskProfile: DiskProfile = {
  cached: { minMs: 0, maxMs: 0 },
  sync: { minMs: 0.1, maxMs: 0.5 },
  capacityBytes: Infinity,
};

/** A disk on which nothing takes time. */
export const instantDiskProfile: DiskProfile = { ...defaultDiskProfile, sync: { minMs: 0, maxMs: 0 } };

/**
 * What a fault does: `error` fails the operation without effect (a sync drops what was unsynced); `short` writes a part
 * and fails; `lost` reports success and does nothing; `misdirected` writes to another place of the file and reports
 * success; `flip` returns (read) or writes one flipped bit and reports success.
 */
export type DiskFaultEffect = "error" | "short" | "lost" | "misdirected" | "flip";

/** A fault to come. */
export interface DiskFault {
  /** Which operations it can hit. */
  readonly operation: DiskOperation;
  /** What it does. */
  readonly effect: DiskFaultEffect;
  /** Only files whose name matches; all when absent. */
  readonly name?: RegExp;
  /** How many matching operations pass unharmed first; 0 unless given. */
  readonly skip?: number;
  /** How many it then hits; 1 unless given. */
  readonly times?: number;
  /** How often each of those is hit, in [0, 1]; always unless given. */
  readonly probability?: number;
  /** The error that the program sees; EIO unless given. */
  readonly code?: DiskErrorCode;
}

/** Errors of the operating system. */
export type DiskErrorCode = "EIO" | "ENOSPC";

/** The error for a code, worded as Deno's. */
export function diskError(code: DiskErrorCode): Error {
  return new Error(code === "EIO" ? "Input/output error (os error 5)" : "No space left on device (os error 28)");
}

/** Faults that wait for their operations. */
export class DiskFaultPlan {
  readonly #random: SeededRandom;
  readonly #waiting: { readonly fault: DiskFault; toSkip: number; toHit: number }[] = [];
  /** Faults that have struck so far. */
  hits = 0;
  /** Told of each fault as it strikes. */
  onHit: ((fault: DiskFault) => void) | null = null;

  /** An empty plan. */
  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Adds a fault. */
  add(fault: DiskFault): void {
    this.#waiting.push({ fault, toSkip: fault.skip ?? 0, toHit: fault.times ?? 1 });
  }

  /** Forgets all faults. */
  clear(): void {
    this.#waiting.length = 0;
  }

  /** The fault that strikes this operation, or null. */
  strike(operation: DiskOperation, name: string): DiskFault | null {
    for (const waiting of this.#waiting) {
      const { fault } = waiting;
      if (fault.operation !== operation || waiting.toHit <= 0) continue;
      if (fault.name !== undefined && !fault.name.test(name)) continue;
      if (waiting.toSkip-- > 0) continue;
      if (!this.#random.chance(fault.probability ?? 1)) continue;
      waiting.toHit--;
      this.hits++;
      this.onHit?.(fault);
      return fault;
    }
    return null;
  }
}

/** Draws how long an operation takes, in milliseconds. */
export function drawLatencyMs(latency: DiskLatency, random: SeededRandom): number {
  const plainMs = latency.maxMs > latency.minMs ? random.between(latency.minMs, latency.maxMs) : latency.minMs;
  return random.chance(latency.stallProbability ?? 0) ? plainMs + random.next() * (latency.stallMs ?? 0) : plainMs;
}
