/**
 * The lock table: who holds which lock, and until when.
 *
 * A lock is held under a token, the index of the entry that acquired it: so tokens only grow, over all locks and for ever,
 * and a resource that remembers the largest token it has seen can turn away everyone who held the lock before.
 *
 * Everything here is a function of the log. A lease ends by cluster time, which moves with the entries of the log and
 * stands still between them; a lock whose lease has ended is as if it were not there. That it is still in the table until
 * somebody looks, or until it is swept out, shows nowhere.
 *
 * @module
 */
import { maxLocks } from "./limits.ts";
import type { WriteOutcome } from "./outcomes.ts";

/** Settings of a {@link LockTable}; other than the defaults only in tests. */
export interface LockOptions {
  /** See limits. */
  readonly maxLocks?: number;
}

/** A lock that is held. Never changed in place, so that a snapshot may share it. */
export interface HeldLock {
  /** Its name. */
  readonly name: string;
  /** Index of the entry that acquired it. */
  readonly token: number;
  /** How long a lease is, in milliseconds of cluster time. */
  readonly leaseMs: number;
  /** Cluster time at which the lease ends: held as long as cluster time < expiresAtMs. */
  readonly expiresAtMs: number;
}

const done: WriteOutcome = { kind: "done", number: 0 };
const notHeld: WriteOutcome = { kind: "lockNotHeld" };
const full: WriteOutcome = { kind: "storeFull" };

/** See the module. */
export class LockTable {
  readonly #maxLocks: number;
  readonly #locks = new Map<string, HeldLock>();
  /** Size of the table at which locks whose leases have ended are swept out, so that they do not pile up. */
  #sweepAt = 64;

  constructor(options: LockOptions = {}) {
    this.#maxLocks = options.maxLocks ?? maxLocks;
  }

  /** The lock, if it is held at this cluster time. */
  held(name: string, nowMs: number): HeldLock | null {
    const lock = this.#locks.get(name);
    return lock !== undefined && nowMs < lock.expiresAtMs ? lock : null;
  }

  /** Takes the lock if nobody holds it. `token` must be greater than all before. */
  acquire(name: string, leaseMs: number, token: number, nowMs: number): WriteOutcome {
    const holder = this.held(name, nowMs);
    if (holder !== null) return { kind: "lockHeld", remainingMs: holder.expiresAtMs - nowMs };
    if (this.#locks.size >= Math.min(this.#sweepAt, this.#maxLocks)) this.#sweep(nowMs);
    if (this.#locks.size >= this.#maxLocks && !this.#locks.has(name)) return full;
    this.#locks.set(name, { name, token, leaseMs, expiresAtMs: nowMs + leaseMs });
    return { kind: "done", number: token };
  }

  /** Begins the lease anew, if the lock is held under this token. */
  renew(name: string, token: number, nowMs: number): WriteOutcome {
    const lock = this.held(name, nowMs);
    if (lock?.token !== token) return notHeld;
    this.#locks.set(name, { ...lock, expiresAtMs: nowMs + lock.leaseMs });
    return done;
  }

  /** Gives the lock up, if it is held under this token. */
  release(name: string, token: number, nowMs: number): WriteOutcome {
    if (this.held(name, nowMs)?.token !== token) return notHeld;
    this.#locks.delete(name);
    return done;
  }

  /** All locks that are held at this cluster time, by name: equal tables have equal ones. */
  freeze(nowMs: number): readonly HeldLock[] {
    const held = [...this.#locks.values()].filter((lock) => nowMs < lock.expiresAtMs);
    return held.sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Adds a lock as {@link freeze} gave it. */
  load(lock: HeldLock): void {
    this.#locks.set(lock.name, lock);
  }

  #sweep(nowMs: number): void {
    for (const { name, expiresAtMs } of this.#locks.values()) {
      if (nowMs >= expiresAtMs) this.#locks.delete(name);
    }
    this.#sweepAt = 2 * this.#locks.size + 64;
  }
}
