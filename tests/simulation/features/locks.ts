/**
 * Locks with short leases, whose holders die, are paused and cut off. What a lock protects is a resource outside of the
 * cluster, which honours fencing tokens: it remembers the largest and refuses smaller ones. Three things must hold:
 *
 * - the calls are linearizable as those of a lock whose tokens only grow;
 * - no update of the resource is lost, however many believe that they hold the lock: that is what tokens are for;
 * - where all clocks go alike, no two believe it at the same time.
 *
 * @module
 */
import { Clerk } from "../../../kv/clerk.ts";
import type { AcquireResult, CallOptions, ClerkOptions } from "../../../kv/clerk_options.ts";
import { type HeldLock, Lock } from "../../../kv/lock.ts";
import { lockSpecification } from "../../../raft/testing/mod.ts";
import { Violation } from "../violation.ts";
import { type FeatureClient, type FeatureContext, FeatureHistory, type FeatureWorkload } from "./feature_context.ts";

/** Locks; few, so that clients meet. */
const names = ["l1", "l2"];

/** The longest that a client waits for a lock, in milliseconds. */
const acquireTimeoutMs = 5_000;

/** What a lock protects: a counter outside of the cluster. */
class FencedCounter {
  #value = 0;
  /** The largest token that was seen. */
  #token = 0;

  /** The value; null if a greater token was seen before. */
  read(token: number): number | null {
    if (token < this.#token) return null;
    this.#token = token;
    return this.#value;
  }

  /** Replaces the value; says what it was, or null if a greater token was seen before. */
  write(token: number, value: number): number | null {
    const before = this.read(token);
    if (before !== null) this.#value = value;
    return before;
  }
}

/**
 * Writes down what a lock asks of the cluster. Who uses the lock does not see all of it: an answer that came too late is given
 * back behind the scenes.
 */
class RecordingClerk extends Clerk {
  readonly #history: FeatureHistory;

  constructor(history: FeatureHistory, addresses: readonly string[], options: ClerkOptions) {
    super(addresses, options);
    this.#history = history;
  }

  override acquireLock(name: string, leaseMs: number, options?: CallOptions): Promise<AcquireResult> {
    return this.#history.call(
      { f: "acquire", key: name, value: "somebody" },
      () => super.acquireLock(name, leaseMs, options),
      (result) => result.kind === "acquired" ? result.token : null,
    );
  }

  override renewLock(name: string, token: number, options?: CallOptions): Promise<boolean> {
    const call = { f: "renew", key: name, value: token };
    return this.#history.call(call, () => super.renewLock(name, token, options), (isRenewed) => isRenewed);
  }

  override releaseLock(name: string, token: number, options?: CallOptions): Promise<boolean> {
    const call = { f: "release", key: name, value: token };
    return this.#history.call(call, () => super.releaseLock(name, token, options), (isReleased) => isReleased);
  }
}

/** See the module. */
export class LocksWorkload implements FeatureWorkload {
  readonly #context: FeatureContext;
  readonly #history: FeatureHistory;
  readonly #counters = new Map(names.map((name) => [name, new FencedCounter()]));
  /** Who believes to hold each lock. */
  readonly #holders = new Map<string, { readonly client: string; readonly held: HeldLock }>();

  /** All locks are free. */
  constructor(context: FeatureContext) {
    this.#context = context;
    this.#history = new FeatureHistory(context);
  }

  /** See {@link FeatureWorkload.makeClerk}. */
  readonly makeClerk = (addresses: readonly string[], options: ClerkOptions): Clerk =>
    new RecordingClerk(this.#history, addresses, options);

  /** See {@link FeatureWorkload.turn}. */
  async turn(client: FeatureClient): Promise<void> {
    const { random } = client;
    const name = random.pick(names);
    const lock = new Lock(client.clerk, name, { leaseMs: random.pick([300, 1_000, 2_000]) });
    const held = await this.#acquire(client, lock);
    if (held === null) return;
    const isLost = (): boolean => held.signal.aborted;
    for (let count = 1 + random.integer(3); count > 0 && !isLost(); count--) await this.#update(client, held);
    if (isLost()) {
      this.#context.counters.add("lock lost by its holder");
      return;
    }
    await held.release();
  }

  /** See {@link FeatureWorkload.audit}. */
  async audit(): Promise<void> {}

  /** See {@link FeatureWorkload.problem}. */
  problem(): string | null {
    return this.#history.problem(lockSpecification({ leasesExpire: true }));
  }

  async #acquire(client: FeatureClient, lock: Lock): Promise<HeldLock | null> {
    const tries = client.random.chance(0.4);
    const held = await (tries ? lock.tryAcquire() : lock.acquire({ timeoutMs: acquireTimeoutMs }));
    if (held === null) return null;
    const former = this.#holders.get(lock.name);
    if (this.#context.hasTrueClocks && former?.held.isHeld === true && held.isHeld) {
      this.#violated(
        `${client.name} has lock ${lock.name} under token ${held.token}, and ${former.client} under ${former.held.token}`,
      );
    }
    this.#holders.set(lock.name, { client: client.name, held });
    return held;
  }

  /** Counts up, with a pause between reading and writing: time enough to lose the lock without noticing. */
  async #update({ name, random, sleep }: FeatureClient, held: HeldLock): Promise<void> {
    const counter = this.#counters.get(held.name);
    const value = counter?.read(held.token) ?? null;
    await sleep(random.between(0, 1_000));
    const before = value === null ? null : counter?.write(held.token, value + 1) ?? null;
    if (before === null) this.#context.counters.add("write refused for its fencing token");
    else if (before !== value) {
      this.#violated(`${name} has read ${value} under token ${held.token} of ${held.name}, and replaced ${before}`);
    }
  }

  #violated(message: string): void {
    this.#context.onViolation(new Violation("mutual-exclusion", message));
  }
}
