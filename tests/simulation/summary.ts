/**
 * What a swarm has done, added up over its seeds.
 *
 * @module
 */
import { Counters, faultNames, rareNames } from "./counters.ts";
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

/** See the module. */
export class SwarmSummary {
  /** Seeds at which something did not hold. */
  readonly failed: FailedSeed[] = [];
  /** Sums of all counters. */
  readonly counters = new Counters();
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

  /** Takes a seed in; returns its failure, if there is one. */
  add(answer: SeedAnswer): FailedSeed | null {
    this.seeds++;
    this.#simulatedMs += answer.simulatedMs;
    this.#realMs += answer.realMs;
    this.#events += answer.events;
    this.#answered += answer.answered;
    this.counters.addAll(answer.counts);
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
    return [...faultNames, ...rareNames].filter((name) => this.counters.of(name) < least);
  }

  /** One line for the time while the swarm runs. */
  progress(total: number): string {
    const hours = this.#simulatedMs / 3_600_000;
    return `${this.seeds} of ${total} seeds, ${this.failed.length} failed, ${hours.toFixed(1)} simulated hours, ` +
      `${this.#answered} calls answered`;
  }

  /** Everything, as text; `realMs` is what the whole swarm took. */
  report(realMs: number): string {
    const table = (names: readonly (typeof faultNames[number] | typeof rareNames[number])[]): string =>
      names.map((name) => `  ${String(this.counters.of(name)).padStart(10)}  ${name}`).join("\n");
    const hours = this.#simulatedMs / 3_600_000;
    const five = this.#fiveNodes.realMs === 0
      ? ""
      : `, ${Math.round(this.#fiveNodes.simulatedMs / this.#fiveNodes.realMs)} times for five nodes`;
    return [
      `Faults injected`,
      table(faultNames),
      `Rare events`,
      table(rareNames),
      `${this.seeds} seeds, ${this.repeated} of them twice, in ${(realMs / 1000).toFixed(1)} s: ` +
      `${hours.toFixed(1)} simulated cluster-hours, ${this.#events} events, ${this.#answered} calls answered`,
      `Speed: ${Math.round(this.#simulatedMs / this.#realMs)} times real time on one core${five}, ` +
      `${Math.round(this.#simulatedMs / realMs)} times on all`,
      `First write after healing, in election timeouts: ${this.#recoveryText()}`,
    ].join("\n");
  }

  #recoveryText(): string {
    const sorted = this.#recoveries.sort((left, right) => left - right);
    const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(2);
    return `median ${at(0.5)}, 99 % ${at(0.99)}, most ${at(1)}`;
  }
}

function failureOf({ seed, violation, secondHash, traceHash }: SeedAnswer): FailedSeed | null {
  if (violation !== null) return { seed, ...violation };
  if (secondHash === null || secondHash === traceHash) return null;
  return { seed, check: "determinism", message: `two runs have the trace hashes ${traceHash} and ${secondHash}` };
}
