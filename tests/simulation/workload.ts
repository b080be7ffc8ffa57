/**
 * Clients of the simulated cluster: production Clerks in processes of their own, whose calls are recorded for the
 * linearizability checker and for the ledger.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import type { GetOptions } from "../../kv/clerk_options.ts";
import { ClerkError } from "../../kv/errors.ts";
import { sleep } from "../../raft/node/clock.ts";
import type { Platform } from "../../raft/platform.ts";
import { HistoryRecorder, type RecordedCall, type SeededRandom, type Simulation } from "../../raft/testing/mod.ts";
import type { Counters } from "./counters.ts";
import { Ledger } from "./ledger.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import { Violation } from "./violation.ts";

/** What a correct session table never answers to a correct Clerk, which sends a serial only while it is outstanding. */
const neverAnswered = /answered (staleSerial|tooManyOutstanding)/;

/** See the module. */
export class Workload {
  /** What the clients saw. */
  readonly recorder: HistoryRecorder;
  /** What they wrote. */
  readonly ledger = new Ledger();
  /** Names of the client processes. */
  readonly clients: readonly string[];
  /** Calls that were answered. */
  answered = 0;
  readonly #simulation: Simulation;
  readonly #plan: SwarmPlan;
  readonly #addresses: readonly string[];
  readonly #counters: Counters;
  readonly #onViolation: (violation: Violation) => void;
  readonly #random: SeededRandom;
  #isStopped = false;

  /** Clients that do nothing yet. */
  constructor(
    simulation: Simulation,
    plan: SwarmPlan,
    addresses: readonly string[],
    counters: Counters,
    onViolation: (violation: Violation) => void,
  ) {
    this.#simulation = simulation;
    this.#plan = plan;
    this.#addresses = addresses;
    this.#counters = counters;
    this.#onViolation = onViolation;
    this.#random = simulation.random.stream("workload");
    this.recorder = new HistoryRecorder(() => simulation.nowMs * 1e6);
    this.clients = Array.from({ length: plan.workload.clients }, (_, position) => `c${position + 1}`);
  }

  /** Starts a client that is dead. */
  start(name: string): void {
    const process = this.#simulation.process(name);
    if (process.isAlive || this.#isStopped) return;
    const platform = process.start();
    const clerk = this.clerk(platform);
    for (let loop = 0; loop < this.#plan.workload.pipeline; loop++) {
      const random = this.#random.stream(`${name}/${process.lives}/${loop}`);
      this.#run(clerk, platform, random).catch((error) => this.failed(name, error));
    }
  }

  /** A Clerk for a process. */
  clerk(platform: Platform): Clerk {
    const { network, clock, random } = platform;
    return new Clerk(this.#addresses, { network, clock, random, timeoutMs: this.#plan.workload.timeoutMs });
  }

  /** A client has thrown what no client should. */
  failed(name: string, error: unknown): void {
    this.#onViolation(new Violation("harness", `client ${name} has failed: ${error}`, { cause: error }));
  }

  /** Whether no further calls begin. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** No further calls begin. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A key in use now. */
  drawKey(random: SeededRandom): string {
    return this.#keyAt(random.integer(this.#plan.workload.keys));
  }

  /** Begins a read; how it ends goes into the history. */
  beginRead(key: string, where = ""): RecordedCall {
    const call = this.recorder.begin({ f: "get", key });
    this.#note(call.process, () => `get ${key} ${where}`);
    return {
      ...call,
      ok: (value) => {
        call.ok(value);
        this.#note(call.process, () => `got ${key} = ${String(value).slice(-60)}`);
        this.#noteAnswer();
      },
    };
  }

  /** Reads a key; the answer goes into the history. */
  async get(clerk: Clerk, key: string, options: GetOptions = {}): Promise<string> {
    const call = this.beginRead(key);
    try {
      const value = await clerk.get(key, options);
      call.ok(value);
      return value;
    } catch (error) {
      // A read that failed has had no effect.
      call.fail();
      this.#note(call.process, () => `get ${key}: ${error}`);
      throw error;
    }
  }

  /** Puts or appends; the outcome goes into history and ledger. */
  async write(clerk: Clerk, kind: "put" | "append", key: string, paddingBytes: number): Promise<void> {
    const token = this.ledger.begin(key, kind);
    const value = this.ledger.value(token, paddingBytes);
    const call = this.recorder.begin({ f: kind, key, value });
    this.#note(call.process, () => `${kind} ${key} ${token}`);
    try {
      await (kind === "put" ? clerk.put(key, value) : clerk.append(key, value));
      call.ok();
      this.#note(call.process, () => `${kind} ${key} ${token}: done`);
      this.ledger.end(token, "done");
      this.#noteAnswer();
    } catch (error) {
      const isUnknown = error instanceof ClerkError && error.code === "unknown";
      if (isUnknown && neverAnswered.test(error.message)) {
        this.#onViolation(new Violation("exactly-once", `write ${token} to ${key}: ${error.message}`));
      }
      this.ledger.end(token, isUnknown ? "unknown" : "notDone");
      this.#note(call.process, () => `${kind} ${key} ${token}: ${error}`);
      if (isUnknown) {
        call.info();
        this.#counters.add("write of unknown outcome");
      } else call.fail();
      throw error;
    }
  }

  #keyAt(place: number): string {
    return `e${Math.floor(this.#simulation.nowMs / this.#plan.workload.epochMs)}-${place}`;
  }

  #note(process: number, text: () => string): void {
    const { trace, nowMs } = this.#simulation;
    if (trace.recording) trace.line(nowMs, `call of process ${process}: ${text()}`);
  }

  #noteAnswer(): void {
    this.answered++;
    const { trace, nowMs } = this.#simulation;
    trace.mixTime(nowMs);
  }

  async #run(clerk: Clerk, platform: Platform, random: SeededRandom): Promise<void> {
    const { workload } = this.#plan;
    while (!this.#isStopped) {
      await sleep(platform.clock, random.between(0, 2 * workload.thinkMs));
      if (this.#isStopped) break;
      try {
        await this.#call(clerk, random);
      } catch (error) {
        if (!(error instanceof ClerkError)) throw error;
      }
    }
  }

  async #call(clerk: Clerk, random: SeededRandom): Promise<void> {
    const { keys, reads, puts, paddingBytes } = this.#plan.workload;
    const place = random.integer(keys);
    const key = this.#keyAt(place);
    if (random.chance(reads)) {
      // One in ten reads asks for whatever a server has; it proves nothing, so it is not recorded.
      if (random.chance(0.1)) await clerk.get(key, { consistency: "stale" });
      else if (random.chance(this.#plan.leaseReads)) await this.get(clerk, key, { consistency: "lease" });
      else await this.get(clerk, key);
      return;
    }
    // Every other key is only appended to, so that the ledger can account for every write to it.
    const isPut = place % 2 === 1 && random.chance(puts);
    const writes = [this.write(clerk, isPut ? "put" : "append", key, paddingBytes)];
    // Calls of one moment travel together.
    while (writes.length < 6 && random.chance(0.3)) {
      writes.push(this.write(clerk, "append", this.#keyAt(2 * random.integer(Math.ceil(keys / 2))), paddingBytes));
    }
    for (const outcome of await Promise.allSettled(writes)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  }
}
