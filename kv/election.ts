/**
 * Elections among the programs that use a cluster: at most one of them leads at a time, and says so to all who want to know.
 *
 * An election is a lock, whose holder leads, and a key, which tells what the leader proclaims. What stands in the key carries
 * the token under which it was written: so a value that came late from somebody who does not lead any more is told from the
 * leader's own.
 *
 * @module
 */
import type { Clerk } from "./clerk.ts";
import type { CallOptions } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";
import { type HeldLock, Lock, type LockOptions } from "./lock.ts";
import { poll } from "./polling.ts";

/** What the names of an election's lock and key begin with. */
const prefix = "election/";

/** Who leads, as others see it. */
export interface ElectionLeader {
  /** What the leader has proclaimed last. */
  readonly value: string;
  /** The leader's fencing token; greater than those of all leaders before. */
  readonly token: number;
}

/**
 * An election by name. Its key is `election/NAME`, its lock has the same name.
 *
 * @example One of several programs leads, and the others know where to find it
 * ```ts
 * import { Election, KvServer } from "@balsa/balsa";
 *
 * await using server = await KvServer.inMemory();
 * await using clerk = server.clerk();
 * const election = new Election(clerk, "scheduler");
 * {
 *   await using leadership = await election.campaign("10.0.0.1:8080", { timeoutMs: 5000 });
 *   console.log(leadership.isLeader, (await election.leader())?.value); // true 10.0.0.1:8080
 *   await leadership.proclaim("10.0.0.1:9090");
 *   console.log((await election.leader())?.value); // 10.0.0.1:9090
 *   leadership.signal.addEventListener("abort", () => console.log("stop: somebody else may lead"));
 * } // Resigned here.
 * console.log(await election.leader()); // null
 * ```
 */
export class Election {
  /** The name. */
  readonly name: string;
  readonly #clerk: Clerk;
  readonly #lock: Lock;

  /** The election `name` in the cluster that `clerk` talks to. A leader of whom nothing is heard for `leaseMs` is deposed. */
  constructor(clerk: Clerk, name: string, options: LockOptions = {}) {
    this.#clerk = clerk;
    this.name = name;
    this.#lock = new Lock(clerk, prefix + name, options);
  }

  /**
   * Waits until nobody else leads, takes the lead and proclaims `value`. Rejects as `Lock.acquire` does, and with "lockLost"
   * if the lead was lost before the proclamation was made.
   */
  async campaign(value: string, options: CallOptions = {}): Promise<Leadership> {
    const { clock } = this.#clerk;
    const { timeoutMs = Infinity } = options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const held = await this.#lock.acquire(options);
    const leadership = new Leadership(this.#clerk, this.name, held);
    try {
      // Elected at the last moment it has a moment left for this.
      await leadership.proclaim(value, { ...options, timeoutMs: Math.max(100, deadlineMs - clock.monotonicMs()) });
      return leadership;
    } catch (error) {
      await leadership[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Who leads and what it proclaims; null if nobody does, or has proclaimed nothing yet. Whoever has died leads until its
   * lease has ended in cluster time, which moves with the commands of all clients.
   */
  async leader(options: CallOptions = {}): Promise<ElectionLeader | null> {
    const { name } = this.#lock;
    for (let former = await this.#clerk.lockState(name, options); former.token !== 0;) {
      const proclaimed = parse((await this.#clerk.getValue(name, options)).value);
      const { token } = await this.#clerk.lockState(name, options);
      // A token is given once: if the lock had it before and after, then also when the key was read.
      if (token === former.token) return proclaimed?.token === token ? proclaimed : null;
      former = { ...former, token };
    }
    return null;
  }

  /**
   * Tells who leads: at first as it is, then whenever it changes; what lasts only for a moment may be passed over. Ends when
   * its consumer does, and rejects with "aborted" when `signal` is.
   */
  async *observe(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<ElectionLeader | null> {
    const attempt = `observe election ${JSON.stringify(this.name)}`;
    for (let told: string | null = null;;) {
      const known = told;
      const present = await poll(this.#clerk, { ...options, attempt }, async (limits) => {
        const leader = await this.leader(limits);
        if (JSON.stringify(leader) !== known) return { leader };
        await this.#moveTime(limits);
        return undefined;
      });
      told = JSON.stringify(present.leader);
      yield present.leader;
    }
  }

  /** Where nobody writes, time stands still and no lease would ever end: a command that changes nothing moves it. */
  async #moveTime(limits: CallOptions): Promise<void> {
    const { name } = this.#lock;
    const { token, remainingMs } = await this.#clerk.lockState(name, limits);
    const now = this.#clerk.clock.monotonicMs();
    const isSame = this.#lease.token === token && this.#lease.remainingMs === remainingMs;
    if (!isSame) this.#lease = { token, remainingMs, sinceMs: now };
    else if (token !== 0 && now >= this.#lease.sinceMs + remainingMs) await this.#clerk.releaseLock(name, 1, limits);
  }

  /** The leader's lease as it was seen last, and when it was first seen so. */
  #lease = { token: 0, remainingMs: 0, sinceMs: 0 };
}

/** The lead in an election, until it is resigned or lost. */
export class Leadership implements AsyncDisposable {
  /** Greater than the tokens of all leaders before: what a resource is to check. */
  readonly token: number;
  readonly #clerk: Clerk;
  readonly #name: string;
  readonly #held: HeldLock;
  #value = "";

  /** Made by {@link Election}. */
  constructor(clerk: Clerk, name: string, held: HeldLock) {
    this.#clerk = clerk;
    this.#name = name;
    this.#held = held;
    this.token = held.token;
  }

  /** What was proclaimed last. */
  get value(): string {
    return this.#value;
  }

  /** Whether this still leads, as far as can be known here. */
  get isLeader(): boolean {
    return this.#held.isHeld;
  }

  /** Aborted when the lead is lost without having been resigned: whatever only a leader may do must stop. */
  get signal(): AbortSignal {
    return this.#held.signal;
  }

  /** Says something else. Rejects with "lockLost" when somebody else leads, and as every write does. */
  async proclaim(value: string, options: CallOptions = {}): Promise<void> {
    const key = prefix + this.#name;
    for (;;) {
      if (!this.#held.isHeld) throw this.#lost();
      const former = await this.#clerk.getValue(key, options);
      // Only what is older is replaced, and only as long as nobody else has replaced it.
      if ((parse(former.value)?.token ?? 0) > this.token) throw this.#lost();
      const { kind } = await this.#clerk.putIfVersion(key, `${this.token} ${value}`, former.version, options);
      if (kind === "maybe") {
        throw new ClerkError(
          "unknown",
          `Cannot proclaim in election ${JSON.stringify(this.#name)}: no answer has come`,
        );
      }
      if (kind !== "ok") continue;
      this.#value = value;
      return;
    }
  }

  /** Gives up the lead; false if it was lost before. Rejects if the cluster cannot be reached before the lease ends. */
  resign(options: CallOptions = {}): Promise<boolean> {
    return this.#held.release(options);
  }

  /** Resigns. If the cluster cannot be reached the lease ends by itself. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#held[Symbol.asyncDispose]();
  }

  #lost(): ClerkError {
    return new ClerkError("lockLost", `Cannot proclaim in election ${JSON.stringify(this.#name)}: the lead was lost`);
  }
}

/** What stands in an election's key; null if it is nothing that a leader has written. */
function parse(text: string | Uint8Array): ElectionLeader | null {
  const match = typeof text === "string" ? /^(\d+) ([^]*)$/.exec(text) : null;
  return match === null ? null : { value: match[2] ?? "", token: Number(match[1]) };
}
