/**
 * Leases, long and short, kept alive or not, and keys tied to them by clients that die, stand still and are cut off. Four
 * things must hold:
 *
 * - replicas do with leases and keys what the rules say; see `lease_truth.ts`;
 * - a lease that was seen to be over never comes back, and what was tied to a revoked one is not read again;
 * - where all clocks go alike, a lease does not end before its time, as whoever holds it counts;
 * - where all clocks go alike, keys go soon after their lease has ended, without anybody doing anything for it.
 *
 * @module
 */
import { ClerkError } from "../../../kv/errors.ts";
import type { KeyWrite } from "../../../kv/operations.ts";
import { Violation } from "../violation.ts";
import type { FeatureClient, FeatureContext, FeatureWorkload } from "./feature_context.ts";
import { LeaseTruth } from "./lease_truth.ts";

const prefix = "lease/";
const keys = ["a", "b", "c", "d"].map((name) => prefix + name);

/** How long leases are, in milliseconds. */
const ttlsMs = [300, 1_000, 3_000];

/** The last leases; what is done is mostly done to one of them. */
const knownLeases = 4;

/** When all is well again no key may outlive its lease for so long, in milliseconds. */
const auditMs = 20_000;

/** A lease as clients know it. */
interface KnownLease {
  readonly id: number;
  readonly ttlMs: number;
  /** Until then it must last, by true time, if it is not revoked. */
  lastsUntilMs: number;
  /** Whether it was seen to be over. */
  isOver: boolean;
  /** Whether somebody has wanted to end it. */
  isUnwanted: boolean;
  /** Whether its keys are known to be gone. */
  isRevoked: boolean;
}

/** See the module. A value begins with the lease that it was put with, 0 for none: `12:3;`. */
export class LeasesWorkload implements FeatureWorkload {
  readonly #context: FeatureContext;
  readonly #truth = new LeaseTruth(prefix);
  readonly #leases: KnownLease[] = [];
  #nextValue = 1;

  /** There are no leases yet. */
  constructor(context: FeatureContext) {
    this.#context = context;
    context.onExecuted((machine, execution) => {
      const { expiredKeys } = this.#truth;
      const problem = this.#truth.executed(machine, execution);
      context.counters.add("key gone with its lease", this.#truth.expiredKeys - expiredKeys);
      if (problem !== null) this.#violated(`at ${execution.replica}: ${problem}`);
    });
  }

  /** See {@link FeatureWorkload.turn}. */
  async turn(client: FeatureClient): Promise<void> {
    const { clerk, random } = client;
    const key = random.pick(keys);
    const drawn = random.next();
    const lease = this.#leases.slice(-knownLeases)[random.integer(knownLeases)];
    if (lease === undefined || drawn < 0.15) await this.#grant(client);
    else if (drawn < 0.25) await this.#hold(client);
    else if (drawn < 0.45) await this.#use(lease, () => clerk.put(key, this.#value(lease.id), { lease: lease.id }));
    else if (drawn < 0.52) await this.#use(lease, () => clerk.transaction({ then: this.#drawWrites(client, lease) }));
    else if (drawn < 0.7) await this.#keepAlive(client, lease);
    else if (drawn < 0.75) await this.#revoke(client, lease);
    else if (drawn < 0.83) await this.#timeToLive(client, lease);
    else if (drawn < 0.87) await clerk.put(key, this.#value(0));
    else if (drawn < 0.91) await clerk.append(key, this.#value(0));
    else if (drawn < 0.93) await clerk.delete(key);
    else await this.#get(client, key);
  }

  /** See {@link FeatureWorkload.audit}. */
  async audit({ clerk, sleep }: FeatureClient): Promise<void> {
    if (!this.#context.hasTrueClocks) return;
    const untilMs = this.#context.simulation.nowMs + auditMs;
    for (;;) {
      const { entries } = await clerk.range({ prefix });
      const tied = entries.filter(({ value }) => leaseOf(value) !== 0);
      if (tied.length === 0) return;
      if (this.#context.simulation.nowMs > untilMs) {
        throw new Violation("lease", `keys have outlived their leases by far: ${JSON.stringify(tied)}`);
      }
      await sleep(500);
    }
  }

  /** See {@link FeatureWorkload.problem}: what is wrong is told at once. */
  problem(): null {
    return null;
  }

  async #grant({ clerk, random }: FeatureClient): Promise<void> {
    const ttlMs = random.pick(ttlsMs);
    const sentAtMs = this.#nowMs;
    this.#leases.push(knownLease(await clerk.grantLease(ttlMs), ttlMs, sentAtMs));
  }

  /** As most programs use leases: kept alive in the background, released in the end; the key is nobody else's. */
  async #hold(client: FeatureClient): Promise<void> {
    const { clerk, random, number } = client;
    const ttlMs = random.pick(ttlsMs);
    const sentAtMs = this.#nowMs;
    const held = await clerk.lease({ ttlMs });
    // Known to nobody else, so that nobody else revokes it.
    const lease = knownLease(held.id, ttlMs, sentAtMs);
    const key = `${prefix}held${number}`;
    const value = this.#value(held.id);
    try {
      await this.#use(lease, () => clerk.put(key, value, { lease: held.id }));
      for (let count = 1 + random.integer(3); count > 0 && held.isHeld; count--) {
        await client.sleep(random.between(0, 2 * ttlMs));
        const found = await clerk.get(key);
        if (found !== value && held.isHeld && this.#context.hasTrueClocks) {
          this.#violated(`${client.name} holds lease ${held.id}, with which it has put ${value}; and reads ${found}`);
        }
      }
    } finally {
      lease.isUnwanted = true;
      lease.isRevoked = await held.release().catch((error) => {
        if (error instanceof ClerkError) return false;
        throw error;
      });
      if (!lease.isRevoked) this.#context.counters.add("lease lost by its holder");
    }
    const found = await clerk.get(key);
    if (lease.isRevoked && found === value) this.#violated(`${value} is read when its lease was released`);
  }

  async #keepAlive({ clerk }: FeatureClient, lease: KnownLease): Promise<void> {
    const sentAtMs = this.#nowMs;
    await this.#use(lease, () => clerk.keepLeaseAlive(lease.id));
    lease.lastsUntilMs = Math.max(lease.lastsUntilMs, sentAtMs + lease.ttlMs);
  }

  async #revoke({ clerk }: FeatureClient, lease: KnownLease): Promise<void> {
    lease.isUnwanted = true;
    await this.#use(lease, () => clerk.revokeLease(lease.id));
    lease.isOver = lease.isRevoked = true;
  }

  async #timeToLive({ clerk }: FeatureClient, lease: KnownLease): Promise<void> {
    const wasOver = lease.isOver;
    const state = await clerk.timeToLive(lease.id);
    if (state !== null && wasOver) this.#violated(`lease ${lease.id} was over, and is ${JSON.stringify(state)}`);
    if (state !== null || !this.#context.hasTrueClocks) return;
    this.#judgeEnd(lease);
    lease.isOver = true;
  }

  async #get({ clerk }: FeatureClient, key: string): Promise<void> {
    const revoked = new Set(this.#leases.filter(({ isRevoked }) => isRevoked).map(({ id }) => id));
    const value = await clerk.get(key);
    if (value !== null && revoked.has(leaseOf(value))) this.#violated(`${key} is ${value} when the lease was revoked`);
  }

  /** Does something that only a lease that is alive allows. */
  async #use<Result>(lease: KnownLease, call: () => Promise<Result>): Promise<Result> {
    const wasOver = lease.isOver;
    try {
      const result = await call();
      if (wasOver) this.#violated(`lease ${lease.id} was over, and has come back`);
      return result;
    } catch (error) {
      if (error instanceof ClerkError && error.code === "unknownLease") {
        this.#context.counters.add("lease found to be over");
        this.#judgeEnd(lease);
        lease.isOver = true;
      }
      throw error;
    }
  }

  /** A lease was found to be over. */
  #judgeEnd(lease: KnownLease): void {
    if (!this.#context.hasTrueClocks || lease.isUnwanted || this.#nowMs >= lease.lastsUntilMs) return;
    this.#violated(`lease ${lease.id} is over at ${this.#nowMs} ms, and should last until ${lease.lastsUntilMs} ms`);
  }

  #drawWrites({ random }: FeatureClient, lease: KnownLease): KeyWrite[] {
    const first: KeyWrite = { kind: "put", key: random.pick(keys), value: this.#value(0) };
    const tied = keys.filter(() => random.chance(0.5)).concat(random.pick(keys)).map((key): KeyWrite => ({
      ...{ kind: "putWithLease", key, value: this.#value(lease.id), lease: lease.id },
    }));
    return random.chance(0.5) ? [first, ...tied] : tied;
  }

  #value(lease: number): string {
    return `${lease}:${this.#nextValue++};`;
  }

  /** True time, in whole milliseconds, as clocks tell it. */
  get #nowMs(): number {
    return Math.floor(this.#context.simulation.nowMs);
  }

  #violated(message: string): void {
    this.#context.onViolation(new Violation("lease", message));
  }
}

/** A lease that was granted when somebody had asked for it at `sentAtMs`. */
function knownLease(id: number, ttlMs: number, sentAtMs: number): KnownLease {
  return { id, ttlMs, lastsUntilMs: sentAtMs + ttlMs, isOver: false, isUnwanted: false, isRevoked: false };
}

/** The lease that a value was put with; 0 for none. */
function leaseOf(value: string | Uint8Array): number {
  return Number.parseInt(String(value), 10);
}
