/**
 * A lock in the cluster: at most one holder at a time, each with a fencing token.
 *
 * Whoever holds the lock has a lease, which is renewed for as long as it is held and the cluster can be reached. A holder
 * that dies, hangs or is cut off loses the lock when the lease ends, so that others can go on. It cannot know that at once:
 * it may be paused just before it writes, and go on when another holds the lock. What keeps a resource safe from that is the
 * *token*, which grows with every acquisition: the resource remembers the largest that it has seen and refuses smaller
 * ones (Kleppmann 2016, "How to do distributed locking"). Where the resource are keys of this store, put the token among
 * the comparisons of a transaction.
 *
 * The lease runs in cluster time, which moves with the entries of the log; the holder counts from before it sent the last
 * renewal that was answered, by its own clock, and so gives up first as long as clocks run at about the same speed.
 *
 * @module
 */
import { sleep } from "../raft/node/clock.ts";
import type { Clerk } from "./clerk.ts";
import { type AcquireResult, type CallOptions, type SharedTime, sharedTime } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { KeptAlive } from "./kept_alive.ts";

/** What a lock needs of a Clerk; a `ShardClerk` has it, too. */
export type LockClerk = Pick<Clerk, "clock" | "random" | "acquireLock" | "renewLock" | "releaseLock" | "lockState">;

/** Settings of a {@link Lock}. */
export interface LockOptions {
  /** How long the lock is kept for a holder of whom nothing is heard, in milliseconds: 100 to 3,600,000; 10,000 unless given. */
  readonly leaseMs?: number;
}

const defaultLeaseMs = 10_000;

/** Pauses between two looks at a lock that somebody holds, doubling; a random half of each is left out. Milliseconds. */
const minPauseMs = 10;
const maxPauseMs = 250;

/**
 * A lock by name. It holds nothing itself: each {@link acquire} gives a {@link HeldLock}. Names are as keys are, but have
 * nothing to do with the keys of the store.
 *
 * @example One at a time, with a token that a resource can check
 * ```ts
 * import { Clerk, KvServer, Lock } from "@balsa/balsa";
 *
 * const dataDir = await Deno.makeTempDir();
 * await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
 * await using clerk = new Clerk([server.address]);
 * const lock = new Lock(clerk, "backup");
 * {
 *   await using held = await lock.acquire({ timeoutMs: 5000 });
 *   console.log(held.isHeld, held.token > 0, await lock.tryAcquire()); // true true null
 * } // Released here.
 * await using again = await lock.acquire();
 * console.log(again.isHeld); // true
 * ```
 */
export class Lock {
  /** The name. */
  readonly name: string;
  readonly #clerk: LockClerk;
  readonly #leaseMs: number;

  /** The lock `name` of the cluster that `clerk` talks to. */
  constructor(clerk: LockClerk, name: string, options: LockOptions = {}) {
    this.#clerk = clerk;
    this.name = name;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
  }

  /**
   * Waits until nobody else holds the lock and takes it. Who waits longest is not preferred. Rejects with a
   * {@link ClerkError}: "timeout", "aborted", "closed", or "unknown" when the lock may have been taken for nobody, which
   * then lasts until the lease ends.
   */
  async acquire(options: CallOptions = {}): Promise<HeldLock> {
    const limits = sharedTime(options, this.#clerk.clock);
    for (let pauseMs = minPauseMs;; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      this.#throwIfLate(limits);
      const attempt = await this.#attempt(limits);
      if (attempt instanceof HeldLock) return attempt;
      await this.#waitUntilFree(attempt.remainingMs, pauseMs, limits);
    }
  }

  /** Takes the lock if nobody holds it; null if somebody does. */
  async tryAcquire(options: CallOptions = {}): Promise<HeldLock | null> {
    const attempt = await this.#attempt(options);
    return attempt instanceof HeldLock ? attempt : null;
  }

  async #attempt(options: CallOptions): Promise<HeldLock | { readonly remainingMs: number }> {
    const { clock } = this.#clerk;
    const { signal, ...limits } = options;
    this.#throwIfAborted(signal);
    const sentAtMs = clock.monotonicMs();
    // Without the signal: if it is aborted now, the lock may yet be taken, and then has to be given back.
    const acquiring = this.#clerk.acquireLock(this.name, this.#leaseMs, limits);
    const result = await this.#orAborted(acquiring, signal);
    if (result.kind === "held") return result;
    if (clock.monotonicMs() >= sentAtMs + this.#leaseMs) {
      // The answer took so long that the lease may be over.
      this.#giveBack(result);
      return { remainingMs: 0 };
    }
    return new HeldLock(this.#clerk, this.name, result.token, this.#leaseMs, sentAtMs);
  }

  /** What the attempt comes to, unless the signal is aborted first: then it is undone behind the scenes. */
  #orAborted(acquiring: Promise<AcquireResult>, signal: AbortSignal | undefined): Promise<AcquireResult> {
    if (signal === undefined) return acquiring;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(this.#aborted(signal));
        acquiring.then((result) => this.#giveBack(result), () => {});
      };
      signal.addEventListener("abort", onAbort, { once: true });
      acquiring.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** Releases what nobody wants, behind the scenes; if that fails the lease ends by itself. */
  #giveBack(result: AcquireResult): void {
    if (result.kind === "acquired") this.#clerk.releaseLock(this.name, result.token).catch(() => {});
  }

  /** Looks at the lock from time to time until it is free, or its lease must have ended if nobody has renewed it. */
  async #waitUntilFree(
    remainingMs: number,
    firstPauseMs: number,
    limits: SharedTime<CallOptions>,
  ): Promise<void> {
    const { clock, random } = this.#clerk;
    const { timeoutMs, sinceMs, signal } = limits;
    const deadlineMs = sinceMs + timeoutMs;
    const endsAtMs = clock.monotonicMs() + remainingMs;
    for (let pauseMs = firstPauseMs;; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      const now = clock.monotonicMs();
      // Cluster time may stand still until the next command: after this, only an attempt can tell.
      if (now >= endsAtMs) return;
      const untilMs = Math.min(now + pauseMs * (0.5 + 0.5 * random.next()), endsAtMs, deadlineMs);
      await sleep(clock, untilMs - now, signal).catch(() => this.#throwIfAborted(signal));
      this.#throwIfLate(limits);
      if ((await this.#clerk.lockState(this.name, limits)).token === 0) return;
    }
  }

  #throwIfLate({ timeoutMs, sinceMs }: SharedTime<CallOptions>): void {
    if (this.#clerk.clock.monotonicMs() < sinceMs + timeoutMs) return;
    throw new ClerkError("timeout", `Cannot acquire lock ${JSON.stringify(this.name)}: somebody else holds it`);
  }

  #throwIfAborted(signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw this.#aborted(signal);
  }

  #aborted(signal: AbortSignal): ClerkError {
    const text = `Cannot acquire lock ${JSON.stringify(this.name)}: its signal was aborted`;
    return new ClerkError("aborted", text, { cause: signal.reason });
  }
}

/** A lock that was acquired. The lease is renewed until it is released or lost. */
export class HeldLock implements AsyncDisposable {
  /** The lock's name. */
  readonly name: string;
  /** Greater than the token of everyone who held a lock of this cluster before. */
  readonly token: number;
  readonly #clerk: LockClerk;
  readonly #kept: KeptAlive;

  /** Made by {@link Lock}. `sentAtMs` is when the acquisition was sent, in monotonic milliseconds. */
  constructor(clerk: LockClerk, name: string, token: number, leaseMs: number, sentAtMs: number) {
    this.#clerk = clerk;
    this.name = name;
    this.token = token;
    this.#kept = new KeptAlive({
      ...{ clock: clerk.clock, durationMs: leaseMs, sentAtMs },
      renew: (timeoutMs) => clerk.renewLock(name, token, { timeoutMs }),
      lost: (reason) => new ClerkError("lockLost", `Lock ${JSON.stringify(name)} is lost: ${reason}`),
    });
  }

  /** Whether the lock is held, as far as can be known here. */
  get isHeld(): boolean {
    return this.#kept.isHeld;
  }

  /** Aborted when the lock is lost without having been released: whatever it protects must stop. */
  get signal(): AbortSignal {
    return this.#kept.signal;
  }

  /** Gives the lock up; false if it was lost before. Rejects if the cluster cannot be reached before the lease ends. */
  async release(options: CallOptions = {}): Promise<boolean> {
    const timeoutMs = this.#kept.giveUp();
    return timeoutMs > 0 && await this.#clerk.releaseLock(this.name, this.token, { timeoutMs, ...options });
  }

  /** Releases the lock. If the cluster cannot be reached the lease ends by itself, which is no error here. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
    }
  }
}
