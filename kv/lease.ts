/**
 * A lease that a Clerk holds: it is kept alive in the background until it is released or lost.
 *
 * @module
 */
import type { Clock } from "../raft/node/clock.ts";
import type { CallOptions } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { KeptAlive } from "./kept_alive.ts";

/** What a lease needs of a Clerk. */
export interface LeaseClerk {
  /** Time. */
  readonly clock: Clock;
  /** See `Clerk.keepLeaseAlive`. */
  keepLeaseAlive(lease: number, options?: CallOptions): Promise<void>;
  /** See `Clerk.revokeLease`. */
  revokeLease(lease: number, options?: CallOptions): Promise<number>;
}

/** See `Clerk.lease`. The keys that are put with its id are there as long as it is held. */
export class HeldLease implements AsyncDisposable {
  /** What to put keys with. */
  readonly id: number;
  /** How long it lasts when nothing is heard of its holder, in milliseconds. */
  readonly ttlMs: number;
  readonly #clerk: LeaseClerk;
  readonly #kept: KeptAlive;

  /** Made by `Clerk.lease`. `sentAtMs` is when it was asked for, in monotonic milliseconds. */
  constructor(clerk: LeaseClerk, id: number, ttlMs: number, sentAtMs: number) {
    this.#clerk = clerk;
    this.id = id;
    this.ttlMs = ttlMs;
    this.#kept = new KeptAlive({
      ...{ clock: clerk.clock, durationMs: ttlMs, sentAtMs },
      renew: (timeoutMs) => this.#renew(timeoutMs),
      lost: (reason) => new ClerkError("leaseLost", `Lease ${id} is lost: ${reason}`),
    });
  }

  /** Whether it is held, as far as can be known here. */
  get isHeld(): boolean {
    return this.#kept.isHeld;
  }

  /** Aborted when the lease is lost without having been released: its keys are gone, or will be soon. */
  get signal(): AbortSignal {
    return this.#kept.signal;
  }

  /** Ends the lease and deletes its keys; false if it was lost before. Rejects if the cluster cannot be reached in time. */
  async release(options: CallOptions = {}): Promise<boolean> {
    const timeoutMs = this.#kept.giveUp();
    if (timeoutMs <= 0) return false;
    try {
      await this.#clerk.revokeLease(this.id, { timeoutMs, ...options });
      return true;
    } catch (error) {
      if (error instanceof ClerkError && error.code === "unknownLease") return false;
      throw error;
    }
  }

  /** Releases the lease. If the cluster cannot be reached it ends by itself, which is no error here. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
    }
  }

  async #renew(timeoutMs: number): Promise<boolean> {
    try {
      await this.#clerk.keepLeaseAlive(this.id, { timeoutMs });
      return true;
    } catch (error) {
      if (error instanceof ClerkError && error.code === "unknownLease") return false;
      throw error;
    }
  }
}
