/**
 * Clients of the sharded swarm. What they see is recorded for the linearizability checker, what they write for the ledger.
 *
 * @module
 */
import { ClerkError } from "../../../kv/errors.ts";
import type { ShardClerk } from "../../../kv/shards/shard_clerk.ts";
import { HistoryRecorder, type SeededRandom, type Simulation } from "../../../raft/testing/mod.ts";
import { Ledger } from "../ledger.ts";
import { Violation } from "../violation.ts";
import type { ShardPlan } from "./shard_plan.ts";
import type { ShardedWorld } from "./sharded_world.ts";

/** Keys are others after so many bytes were written, so that no value, no history and no list of what was read becomes too long. */
const epochBytes = 24_000;

/** Every other key is only appended to, so that the ledger can account for every write to it. */
function isPutTo(key: string): boolean {
  return Number(key.at(-1)) % 2 === 1;
}

/** See the module. */
export class ShardClients {
  /** What they saw. */
  readonly recorder: HistoryRecorder;
  /** What they wrote. */
  readonly ledger = new Ledger();
  /** Calls that were answered. */
  answered = 0;
  #writtenBytes = 0;
  readonly #simulation: Simulation;
  readonly #world: ShardedWorld;
  readonly #plan: ShardPlan;

  constructor(simulation: Simulation, world: ShardedWorld, plan: ShardPlan) {
    this.#simulation = simulation;
    this.#world = world;
    this.#plan = plan;
    this.recorder = new HistoryRecorder(() => simulation.nowMs * 1e6);
  }

  /**
   * Goes on until told to stop. Who only reads is never told by a group that a shard is elsewhere, as long as that group
   * answers.
   */
  async run(name: string, onlyReads: boolean, isOver: () => boolean): Promise<void> {
    const random = this.#simulation.random.stream(name);
    const clerk = this.#world.clerk(this.#plan.timeoutMs);
    const call = (): Promise<unknown> =>
      onlyReads ? this.#get(clerk, this.#key(random)) : this.#readOrWrite(clerk, random);
    while (!isOver()) {
      await this.#simulation.sleep(random.between(0, 2 * this.#plan.thinkMs));
      try {
        // Several at a time, so that some are under way when their shard moves.
        await Promise.all(Array.from({ length: 1 + random.integer(3) }, call));
      } catch (error) {
        if (!(error instanceof ClerkError)) throw error;
      }
    }
  }

  /** Reads every key that was written, each within so much time, and says what is wrong with one; null when nothing is. */
  async findProblem(timeoutMs: number): Promise<string | null> {
    const clerk = this.#world.clerk(timeoutMs);
    for (const key of this.ledger.keys) {
      const { ended } = this.ledger;
      const problem = this.ledger.problemOf(key, await this.#get(clerk, key), ended);
      if (problem !== null) return problem;
    }
    return null;
  }

  async #readOrWrite(clerk: ShardClerk, random: SeededRandom): Promise<void> {
    const key = this.#key(random);
    if (random.chance(0.4)) await this.#get(clerk, key);
    else await this.#write(clerk, isPutTo(key) && random.chance(0.4) ? "put" : "append", key);
  }

  #key(random: SeededRandom): string {
    return `e${Math.floor(this.#writtenBytes / epochBytes)}-${random.integer(this.#plan.keys)}`;
  }

  async #get(clerk: ShardClerk, key: string): Promise<string> {
    const call = this.recorder.begin({ f: "get", key });
    try {
      const value = await clerk.get(key);
      call.ok(value);
      this.#note(`got ${key} = ${value.slice(-40)}`);
      return value;
    } catch (error) {
      call.fail();
      throw error;
    }
  }

  async #write(clerk: ShardClerk, kind: "put" | "append", key: string): Promise<void> {
    const token = this.ledger.begin(key, kind);
    const value = this.ledger.value(token, this.#plan.paddingBytes);
    this.#writtenBytes += value.length;
    const call = this.recorder.begin({ f: kind, key, value });
    try {
      await (kind === "put" ? clerk.put(key, value) : clerk.append(key, value));
      call.ok();
      this.ledger.end(token, "done");
      this.#note(`${kind} ${key} ${token}: done`);
    } catch (error) {
      const isUnknown = error instanceof ClerkError && error.code === "unknown";
      // Nobody here is idle for an hour: a session that is not known has not moved with its shard.
      if (isUnknown && /forgotten its session/.test(error.message)) {
        throw new Violation("exactly-once", `${kind} ${key} ${token}: ${error.message}`);
      }
      this.ledger.end(token, isUnknown ? "unknown" : "notDone");
      if (isUnknown) call.info();
      else call.fail();
      this.#note(`${kind} ${key} ${token}: ${error}`);
      throw error;
    }
  }

  #note(text: string): void {
    this.answered++;
    const { trace, nowMs } = this.#simulation;
    trace.mixTime(nowMs);
    if (trace.recording) trace.line(nowMs, text);
  }
}
