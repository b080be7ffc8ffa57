/**
 * Leases: times that keys can be tied to. When one ends, because nobody has kept it alive or because it is revoked, the
 * keys tied to it are deleted.
 *
 * Everything here is a function of the log. A lease's id is the index of the entry that granted it. It ends by cluster time,
 * from then on nothing can be done with it; its keys go when the log says so, by a command that the leader proposes when it
 * finds that the time has come (`expireLeases`, see `lease_keeper.ts`). A command deletes no more than `maxDeletedKeys`
 * keys, which is also as many as a lease can have, so that all keys of a lease go at once.
 *
 * A key is tied to one lease at the most, or to none: a put or putIfVersion that names no lease takes it from the one it
 * has, so does deleting it; appending and incrementing leave it.
 *
 * @module
 */
import { maxDeletedKeys, maxLeases } from "./limits.ts";
import { OrderedMap, type OrderedMapView } from "./ordered_map.ts";

/** Settings of a {@link LeaseTable}; other than the defaults only in tests. */
export interface LeaseOptions {
  /** See limits. */
  readonly maxLeases?: number;
  /** Keys of one lease, and keys that one command deletes, at the most. */
  readonly maxKeysPerLease?: number;
}

/** A lease. */
export interface Lease {
  /** Index of the entry that granted it. */
  readonly id: number;
  /** How long it is, in milliseconds of cluster time. */
  readonly ttlMs: number;
  /** Cluster time at which it ends: alive as long as cluster time < expiresAtMs. */
  readonly expiresAtMs: number;
  /** Number of keys that are tied to it. */
  readonly keyCount: number;
}

class TimedLease implements Lease {
  readonly id: number;
  readonly ttlMs: number;
  expiresAtMs: number;
  readonly keys = new Set<string>();

  constructor(id: number, ttlMs: number, expiresAtMs: number) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.expiresAtMs = expiresAtMs;
  }

  get keyCount(): number {
    return this.keys.size;
  }
}

/** A view of a {@link LeaseTable} as it was at one moment. */
export interface FrozenLeases {
  /** For each lease, by ascending id: id, ttlMs, expiresAtMs. */
  readonly numbers: Float64Array;
  /** The id of its lease for each key that has one. */
  readonly byKey: OrderedMapView<number>;
}

/** See the module. */
export class LeaseTable {
  readonly #maxLeases: number;
  readonly #maxKeys: number;
  /** By ascending id, since ids only grow. */
  readonly #leases = new Map<number, TimedLease>();
  /** The id of its lease for each key that has one. */
  readonly #byKey = new OrderedMap<number>();
  /** No lease ends before this cluster time; the first may end later. */
  #firstEndMs = Infinity;

  constructor(options: LeaseOptions = {}) {
    this.#maxLeases = options.maxLeases ?? maxLeases;
    this.#maxKeys = options.maxKeysPerLease ?? maxDeletedKeys;
  }

  /** Number of leases, those that have ended and whose keys are still there among them. */
  get size(): number {
    return this.#leases.size;
  }

  /** Number of keys that are tied to a lease. */
  get keyCount(): number {
    return this.#byKey.size;
  }

  /** The lease, if it is alive at this cluster time. */
  alive(id: number, nowMs: number): Lease | null {
    return this.#alive(id, nowMs);
  }

  /** Leases that are alive at this cluster time, by ascending id, from behind `after` on. */
  *list(after: number, nowMs: number): IterableIterator<Lease> {
    for (const lease of this.#leases.values()) {
      if (lease.id > after && nowMs < lease.expiresAtMs) yield lease;
    }
  }

  /** Grants a lease; false if there are too many. `id` must be greater than all before. */
  grant(id: number, ttlMs: number, nowMs: number): boolean {
    if (this.#leases.size >= this.#maxLeases) return false;
    this.load(id, ttlMs, nowMs + ttlMs);
    return true;
  }

  /** Begins the lease's time anew; false if it is not alive. */
  keepAlive(id: number, nowMs: number): boolean {
    const lease = this.#alive(id, nowMs);
    if (lease === null) return false;
    lease.expiresAtMs = nowMs + lease.ttlMs;
    return true;
  }

  /** Whether a key can be tied to the lease. */
  judge(id: number, key: string, nowMs: number): "ok" | "unknownLease" | "leaseFull" {
    const lease = this.#alive(id, nowMs);
    if (lease === null) return "unknownLease";
    return lease.keys.size < this.#maxKeys || lease.keys.has(key) ? "ok" : "leaseFull";
  }

  /** The lease that a key is tied to; 0 for none. */
  leaseOf(key: string): number {
    return this.#byKey.size === 0 ? 0 : this.#byKey.get(key) ?? 0;
  }

  /** Ties a key to a lease, whatever it was tied to; 0 for none. */
  tie(key: string, id: number): void {
    const before = this.leaseOf(key);
    if (before === id) return;
    if (before !== 0) this.#leases.get(before)?.keys.delete(key);
    const lease = this.#leases.get(id);
    if (lease === undefined) this.#byKey.delete(key);
    else {
      lease.keys.add(key);
      this.#byKey.set(key, id);
    }
  }

  /** Takes a lease away, if it is alive, and returns its keys, in order, which are tied to nothing any more. */
  revoke(id: number, nowMs: number): readonly string[] | null {
    const lease = this.#alive(id, nowMs);
    return lease === null ? null : this.#remove(lease);
  }

  /**
   * Takes away leases that have ended, those that ended first before the others, as long as they and their keys are not
   * more than one command deletes. Returns their keys, each lease's in order.
   */
  expire(nowMs: number): readonly string[] {
    if (nowMs < this.#firstEndMs) return [];
    const ended = [...this.#leases.values()].filter(({ expiresAtMs }) => nowMs >= expiresAtMs);
    ended.sort((a, b) => a.expiresAtMs - b.expiresAtMs || a.id - b.id);
    const keys: string[] = [];
    let cost = 0;
    for (const lease of ended) {
      cost += lease.keys.size + 1;
      if (lease !== ended[0] && cost > this.#maxKeys) break;
      keys.push(...this.#remove(lease));
    }
    return keys;
  }

  /** Cluster time at which the first lease ends; Infinity if there is none. */
  nextEndMs(nowMs: number): number {
    if (nowMs >= this.#firstEndMs) {
      this.#firstEndMs = Infinity;
      for (const { expiresAtMs } of this.#leases.values()) this.#firstEndMs = Math.min(this.#firstEndMs, expiresAtMs);
    }
    return this.#firstEndMs;
  }

  /** Everything, as it is now: a few milliseconds for 100,000 leases, however many keys they have. */
  freeze(): FrozenLeases {
    const numbers = new Float64Array(3 * this.#leases.size);
    let at = 0;
    for (const { id, ttlMs, expiresAtMs } of this.#leases.values()) {
      numbers[at++] = id;
      numbers[at++] = ttlMs;
      numbers[at++] = expiresAtMs;
    }
    return { numbers, byKey: this.#byKey.snapshotView() };
  }

  /** Adds a lease as {@link freeze} gave it. `id` must be greater than all before. */
  load(id: number, ttlMs: number, expiresAtMs: number): void {
    this.#leases.set(id, new TimedLease(id, ttlMs, expiresAtMs));
    this.#firstEndMs = Math.min(this.#firstEndMs, expiresAtMs);
  }

  /** Whether there is a lease of this id, alive or not. */
  has(id: number): boolean {
    return this.#leases.has(id);
  }

  #alive(id: number, nowMs: number): TimedLease | null {
    const lease = this.#leases.get(id);
    return lease !== undefined && nowMs < lease.expiresAtMs ? lease : null;
  }

  #remove(lease: TimedLease): readonly string[] {
    this.#leases.delete(lease.id);
    // In an order that does not depend on how they came here.
    const keys = [...lease.keys].sort((a, b) => a < b ? -1 : 1);
    for (const key of keys) this.#byKey.delete(key);
    return keys;
  }
}
