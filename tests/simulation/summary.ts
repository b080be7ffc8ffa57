/**
 * What a swarm has done, added up over its seeds.
 *
 * @module
 */
import { faultNames, rareNames } from "./counters.ts";
import type { SeedAnswer } from "./swarm.ts";

/** With so many seeds or more, every rare event must have happened {@link leastTimes} times. */
const seedsForLeastTimes = 1_000;
const leastTimes = 10;

/** A seed at which something did not hold. */
export interface FailedSeed {
  /** The seed. */
  readonly seed: number;
  /** The check. */
  readonly check: string;
  /** What it says. */
  readonly message: string;
}

/** What a swarm counts, by its name in reports. */
export interface Counted {
  /** Faults that are injected. */
  readonly faults: readonly string[];
  /** Events without which a run proves little. */
  readonly rare: readonly string[];
}

/** See the module. */
export class SwarmSummary {
  /** Seeds at which something did not hold. */
  readonly failed: FailedSeed[] = [];
  /** Seeds done. */
  seeds = 0;
  /** Seeds run twice. */
  repeated = 0;
  #simulatedMs = 0;
  #realMs = 0;
  #events = 0;
  #answered = 0;
  readonly #recoveries: number[] = [];
  readonly #fiveNodes = { simulatedMs: 0, realMs: 0 };
  readonly #counted: Counted;
  /** Sums of what was counted. */
  readonly #counts = new Map<string, number>();

  /** Of a swarm that counts such things: those of a single cluster unless given. */
  constructor(counted: Counted = { faults: faultNames, rare: rareNames }) {
    this.#counted = counted;
  }

  /** Takes a seed in; returns its failure, if there is one. */
  add(answer: SeedAnswer): FailedSeed | null {
    this.seeds++;
    this.#simulatedMs += answer.simulatedMs;
    this.#realMs += answer.realMs;
    this.#events += answer.events;
    this.#answered += answer.answered;
    for (const [name, count] of Object.entries(answer.counts)) this.#counts.set(name, this.#countOf(name) + count);
    if (answer.recoveryTimeouts !== null) this.#recoveries.push(answer.recoveryTimeouts);
    if (answer.nodes === 5) {
      this.#fiveNodes.simulatedMs += answer.simulatedMs;
      this.#fiveNodes.realMs += answer.realMs;
    }
    if (answer.secondHash !== null) this.repeated++;
    const failure = failureOf(answer);
    if (failure !== null) this.failed.push(failure);
    return failure;
  }

  /** Rare events, and faults, that happened too seldom for the number of seeds. */
  tooSeldom(): string[] {
    const least = this.seeds >= seedsForLeastTimes ? leastTimes : 1;
    return [...this.#counted.faults, ...this.#counted.rare].filter((name) => this.#countOf(name) < least);
  }

  #countOf(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** One line for the time while the swarm runs. */
  progress(total: number): string {
    const hours = this.#simulatedMs / 3_600_000;
    return `${this.seeds} of ${total} seeds, ${this.failed.length} failed, ${hours.toFixed(1)} simulated hours, ` +
      `${this.#answered} calls answered`;
  }

  /** Everything, as text; `realMs` is what the whole swarm took. */
  report(realMs: number): string {
    const table = (title: string, names: readonly string[]): string[] =>
      names.length === 0
        ? []
        : [title, ...names.map((name) => `  ${String(this.#countOf(name)).padStart(10)}  ${name}`)];
    const hours = this.#simulatedMs / 3_600_000;
    const five = this.#fiveNodes.realMs === 0
      ? ""
      : `, ${Math.round(this.#fiveNodes.simulatedMs / this.#fiveNodes.realMs)} times for five nodes`;
    return [
      ...table("Faults injected", this.#counted.faults),
      ...table("Rare events", this.#counted.rare),
      `${this.seeds} seeds, ${this.repeated} of them twice, in ${(realMs / 1000).toFixed(1)} s: ` +
      `${hours.toFixed(1)} simulated cluster-hours, ${this.#events} events, ${this.#answered} calls answered`,
      `Speed: ${Math.round(this.#simulatedMs / this.#realMs)} times real time on one core${five}, ` +
      `${Math.round(this.#simulatedMs / realMs)} times on all`,
      ...this.#recoveryText(),
    ].join("\n");
  }

  #recoveryText(): string[] {
    if (this.#recoveries.length === 0) return [];
    const sorted = this.#recoveries.sort((left, right) => left - right);
    const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(2);
    return [`First write after healing, in election timeouts: median ${at(0.5)}, 99 % ${at(0.99)}, most ${at(1)}`];
  }
}

function failureOf({ seed, violation, secondHash, traceHash }: SeedAnswer): FailedSeed | null {
  if (violation !== null) return { seed, ...violation };
  if (secondHash === null || secondHash === traceHash) return null;
  return { seed, check: "determinism", message: `two runs have the trace hashes ${traceHash} and ${secondHash}` };
}
