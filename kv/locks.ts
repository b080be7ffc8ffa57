/**
 * The lock table: who holds which lock, and until when.
 *
 * A lock is held under a token, the index of the entry that acquired it: so tokens only grow, over all locks and for ever,
 * and a resource that remembers the largest token it has seen can turn away everyone who held the lock before.
 *
 * Everything here is a function of the log. A lease ends by cluster time, which moves with the entries of the log and
 * stands still between them; a lock whose lease has ended is as if it were not there. An attempt to acquire a lock is an
 * entry itself, so nothing else has to move the time for one who waits. That a lock is still in the table after its lease,
 * until it is swept out, shows nowhere.
 *
 * @module
 */
import { maxLocks } from "./limits.ts";
import { OrderedMap, type OrderedMapView } from "./ordered_map.ts";
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
  readonly #locks = new OrderedMap<HeldLock>();
  /** Size of the table at which locks whose leases have ended are swept out, so that they do not pile up. */
  #sweepAt = 64;
  /** No lease in the table ends before this cluster time. */
  #firstEndMs = Infinity;

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
    const isCrowded = this.#locks.size >= Math.min(this.#sweepAt, this.#maxLocks);
    if (isCrowded && nowMs >= this.#firstEndMs) this.#sweep(nowMs);
    if (this.#locks.size >= this.#maxLocks) return full;
    this.load({ name, token, leaseMs, expiresAtMs: nowMs + leaseMs });
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

  /** All locks that are held now, at this cluster time, by name: equal tables have equal ones. O(1) until it is read. */
  freeze(nowMs: number): Iterable<HeldLock> {
    const view = this.#locks.snapshotView();
    return { [Symbol.iterator]: () => heldIn(view, nowMs) };
  }

  /** Adds a lock as {@link freeze} gave it. */
  load(lock: HeldLock): void {
    this.#locks.set(lock.name, lock);
    this.#firstEndMs = Math.min(this.#firstEndMs, lock.expiresAtMs);
  }

  #sweep(nowMs: number): void {
    const ended: string[] = [];
    this.#firstEndMs = Infinity;
    for (const [name, { expiresAtMs }] of this.#locks.range()) {
      if (nowMs >= expiresAtMs) ended.push(name);
      else this.#firstEndMs = Math.min(this.#firstEndMs, expiresAtMs);
    }
    for (const name of ended) this.#locks.delete(name);
    this.#sweepAt = 2 * this.#locks.size + 64;
  }
}

function* heldIn(view: OrderedMapView<HeldLock>, nowMs: number): IterableIterator<HeldLock> {
  for (const [, lock] of view.range()) {
    if (nowMs < lock.expiresAtMs) yield lock;
  }
}
