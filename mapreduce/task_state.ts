/**
 * One task of a job: whose turn it is, and how often it has been tried.
 *
 * ```text
 *          claim                   complete
 *   idle --------> leased (until) ----------> done (by attempt)
 *     ^              |  lapsed, failed           |
 *     +--------------+---------------------------+  its files are gone (map tasks only)
 * ```
 *
 * An attempt whose lease has lapsed may still come in first: the first complete attempt counts, whichever it is.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { integerFrom, ShapeError } from "../raft/encoding/shape.ts";
import { maxNameCharacters } from "./limits.ts";
import { textFrom } from "./shape.ts";

/** See the module. */
export class TaskState {
  /** Attempts handed out so far; they are numbered from 1. */
  attempts = 0;
  /** Who holds the lease, on attempt {@link attempts}; "" for nobody. */
  worker = "";
  /** Cluster time at which the lease lapses; meaningless without a worker. */
  leaseUntilMs = 0;
  /** The attempt that counts: 1 <= winner <= attempts, or 0 while there is none. */
  winner = 0;
  /** Leases that have lapsed. */
  losses = 0;
  /** Attempts in which the job's code has thrown, ascending. */
  readonly failed: number[] = [];

  /** Whether its result is there. */
  get isDone(): boolean {
    return this.winner !== 0;
  }

  /** Whether it can be handed out. */
  get isIdle(): boolean {
    return this.winner === 0 && this.worker === "";
  }

  /** Starts an attempt. */
  lease(worker: string, untilMs: number): void {
    this.attempts++;
    this.worker = worker;
    this.leaseUntilMs = untilMs;
  }

  /** Whether this attempt holds the lease. */
  isHeldBy(worker: string, attempt: number): boolean {
    return this.worker === worker && worker !== "" && this.attempts === attempt;
  }

  /** Takes the lease away. */
  release(): void {
    this.worker = "";
    this.leaseUntilMs = 0;
  }

  /** As it stands in a snapshot. */
  toCbor(): CborValue {
    const { attempts, worker, leaseUntilMs, winner, losses, failed } = this;
    return [attempts, worker, leaseUntilMs, winner, losses, [...failed]];
  }

  /** From a snapshot. Throws {@link ShapeError}. */
  static fromCbor(value: CborValue): TaskState {
    if (!Array.isArray(value) || value.length !== 6) throw new ShapeError("a task must be an array of 6 items");
    const items: readonly CborValue[] = value;
    const number = (position: number): number =>
      integerFrom(items[position], 0, Number.MAX_SAFE_INTEGER, `item ${position} of a task`);
    const failed = items[5];
    if (!Array.isArray(failed)) throw new ShapeError("a task's failed attempts must be an array");
    const task = new TaskState();
    task.attempts = number(0);
    task.worker = textFrom(items[1], maxNameCharacters, "a task's worker");
    task.leaseUntilMs = number(2);
    task.winner = number(3);
    task.losses = number(4);
    for (const attempt of failed) task.failed.push(integerFrom(attempt, 1, task.attempts, "a failed attempt"));
    return task;
  }
}
