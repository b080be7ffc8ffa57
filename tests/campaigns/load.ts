/**
 * Clients of real processes: Clerks that append, put and read, with a history for the linearizability checker and an account
 * of what was acknowledged.
 *
 * @module
 */
import { Clerk, ClerkError } from "../../kv/mod.ts";
import { checkLinearizability, HistoryRecorder, SeededRandom } from "../../raft/testing/mod.ts";
import { Ledger } from "../simulation/ledger.ts";

/** Calls under way at a time. */
const loops = 12;

/** Keys in use at a time; every other one is only appended to, so that each acknowledged write to it must be there. */
const keysInUse = 8;

/** How long keys are used before others take their place, in milliseconds: so values stay short and histories checkable. */
const epochMs = 1_000;

/** How a load went. */
export interface LoadReport {
  /** Writes that were acknowledged. */
  readonly acknowledged: number;
  /** Writes of which nobody knows whether they were done. */
  readonly unknown: number;
  /** Reads that were answered. */
  readonly reads: number;
  /** What does not hold: lost or repeated writes, a history that is not linearizable. */
  readonly problems: readonly string[];
}

/** Clerks at work until {@link finish}. */
export class Load {
  readonly #clerk: Clerk;
  readonly #ledger = new Ledger();
  readonly #recorder = new HistoryRecorder(() => Math.round(performance.now() * 1e6));
  readonly #random: SeededRandom;
  readonly #running: Promise<void>[];
  #isStopped = false;
  #acknowledged = 0;
  #unknown = 0;
  #reads = 0;

  /** Begins. */
  constructor(addresses: readonly string[], seed: number) {
    this.#clerk = new Clerk(addresses, { attemptTimeoutMs: 1_000 });
    this.#random = new SeededRandom(`load ${seed}`);
    this.#running = Array.from({ length: loops }, () => this.#run());
  }

  /** Writes acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Ends the load, reads everything that was ever written, and judges. */
  async finish(): Promise<LoadReport> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    const problems: string[] = [];
    for (const key of this.#ledger.keys) {
      const call = this.#recorder.begin({ f: "get", key });
      const value = await this.#clerk.get(key);
      call.ok(value);
      const problem = this.#ledger.problemOf(key, value, this.#ledger.ended);
      if (problem !== null) problems.push(problem);
    }
    await this.#clerk[Symbol.asyncDispose]();
    const verdict = checkLinearizability(this.#recorder.history());
    if (verdict.kind !== "linearizable") problems.push(verdict.explanation);
    return { acknowledged: this.#acknowledged, unknown: this.#unknown, reads: this.#reads, problems };
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const place = this.#random.integer(keysInUse);
      const key = `e${Math.floor(performance.now() / epochMs)}-${place}`;
      if (this.#random.chance(0.3)) await this.#read(key);
      else await this.#write(key, place % 2 === 1 && this.#random.chance(0.4) ? "put" : "append");
    }
  }

  async #read(key: string): Promise<void> {
    const call = this.#recorder.begin({ f: "get", key });
    try {
      call.ok(await this.#clerk.get(key));
      this.#reads++;
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
      call.fail();
    }
  }

  async #write(key: string, kind: "put" | "append"): Promise<void> {
    const token = this.#ledger.begin(key, kind);
    const value = this.#ledger.value(token, 20);
    const call = this.#recorder.begin({ f: kind, key, value });
    try {
      await (kind === "put" ? this.#clerk.put(key, value) : this.#clerk.append(key, value));
      call.ok();
      this.#ledger.end(token, "done");
      this.#acknowledged++;
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
      const isUnknown = error.code === "unknown";
      this.#ledger.end(token, isUnknown ? "unknown" : "notDone");
      if (isUnknown) {
        this.#unknown++;
        call.info();
      } else call.fail();
    }
  }
}
