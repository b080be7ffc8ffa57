/**
 * Workloads of single features of the store, beside the one of puts and appends, in a share of all runs: each with clients of
 * its own, which are killed and paused as nodes are.
 *
 * @module
 */
import { Clerk } from "../../../kv/clerk.ts";
import { ClerkError } from "../../../kv/errors.ts";
import { sleep } from "../../../raft/node/clock.ts";
import type { Platform } from "../../../raft/platform.ts";
import type { SeededRandom, Simulation } from "../../../raft/testing/mod.ts";
import type { Counters } from "../counters.ts";
import type { FeatureName, SwarmPlan } from "../swarm_plan.ts";
import type { Monitor } from "../monitor.ts";
import { Violation } from "../violation.ts";
import type { FeatureClient, FeatureContext, FeatureWorkload } from "./feature_context.ts";
import { LeasesWorkload } from "./leases.ts";
import { LocksWorkload } from "./locks.ts";
import { StoreCallsWorkload } from "./store_calls.ts";
import { VersionsWorkload } from "./versions.ts";
import { WatchesWorkload } from "./watches.ts";

/** Clients of each feature. */
const clientsOfEach = 3;

/** The longest that a call may take, in milliseconds. */
const callTimeoutMs = 8_000;

/** The longest that the last reads may take, in milliseconds. */
const auditTimeoutMs = 60_000;

/** Features are cut off, or dead, for so long, in milliseconds; between two such faults of all clients. */
const faultEveryMs = 5_000;

/** What all this works with. */
export interface FeaturesContext {
  /** The world. */
  readonly simulation: Simulation;
  /** The run's plan. */
  readonly plan: SwarmPlan;
  /** Where the cluster is. */
  readonly addresses: readonly string[];
  /** Counts of rare events. */
  readonly counters: Counters;
  /** Sees what replicas execute. */
  readonly monitor: Monitor;
  /** To be told when something does not hold. */
  readonly onViolation: (violation: Violation) => void;
}

/** Workload of each feature. */
const workloads: Readonly<Record<FeatureName, new (context: FeatureContext) => FeatureWorkload>> = {
  versions: VersionsWorkload,
  store: StoreCallsWorkload,
  locks: LocksWorkload,
  watches: WatchesWorkload,
  leases: LeasesWorkload,
};

/** See the module. */
export class Features {
  readonly #context: FeaturesContext;
  readonly #random: SeededRandom;
  /** Those of this run, with their names; most runs have none. */
  readonly #workloads: readonly (readonly [FeatureName, FeatureWorkload])[];
  readonly #thinkMs: number;
  #isStopped = false;

  /** Draws what this run has. */
  constructor(context: FeaturesContext) {
    this.#context = context;
    const { simulation, plan: { faults, features } } = context;
    this.#random = simulation.random.stream("features");
    const isChosen = this.#random.chance(features.share);
    const names = isChosen
      ? this.#random.shuffle(features.names).slice(0, 1 + this.#random.integer(features.most))
      : [];
    this.#thinkMs = this.#random.between(400, 1_400);
    const hasTrueClocks = faults.clockRates === 0 && faults.wallJumps === 0;
    const onExecuted: FeatureContext["onExecuted"] = (listener) => context.monitor.executionListeners.push(listener);
    const featureContext = { ...context, hasTrueClocks, onExecuted };
    this.#workloads = names.map((name) => [name, new workloads[name](featureContext)] as const);
  }

  /** Clients call from now on. */
  start(): void {
    for (const [name] of this.#clients()) this.#startClient(name);
    if (this.#workloads.length > 0) this.#faultLater();
  }

  /** No further calls begin, and no further faults. */
  stop(): void {
    this.#isStopped = true;
    for (const [name] of this.#clients()) {
      const process = this.#context.simulation.process(name);
      if (process.state === "paused") process.resume();
    }
  }

  /** The last reads, when all is well again. */
  async audit(): Promise<void> {
    if (this.#workloads.length === 0) return;
    const process = this.#context.simulation.process("feature auditor");
    const platform = process.start();
    try {
      for (const [, workload] of this.#workloads) {
        await workload.audit(this.#client("auditor", clientsOfEach, workload, platform, auditTimeoutMs));
      }
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw new Violation("convergence", `the last reads of a feature have failed: ${error}`, { cause: error });
    }
  }

  /** What is wrong with all that clients have seen; null when nothing is. */
  problem(): string | null {
    for (const [name, workload] of this.#workloads) {
      const problem = workload.problem();
      if (problem !== null) return `${name}: ${problem}`;
    }
    return null;
  }

  /** All clients, with their workloads and their numbers there. */
  #clients(): Map<string, readonly [FeatureWorkload, number]> {
    return new Map(
      this.#workloads.flatMap(([name, workload]) =>
        Array.from({ length: clientsOfEach }, (_, number) => [`${name}${number + 1}`, [workload, number]] as const)
      ),
    );
  }

  #startClient(name: string): void {
    const { simulation, onViolation } = this.#context;
    const process = simulation.process(name);
    const [workload, number] = this.#clients().get(name) ?? [];
    if (process.isAlive || this.#isStopped || workload === undefined || number === undefined) return;
    const platform = process.start();
    const client = this.#client(`${name}#${process.lives}`, number, workload, platform, callTimeoutMs);
    this.#run(client, workload).catch((error) => {
      onViolation(new Violation("harness", `client ${client.name} has failed: ${error}`, { cause: error }));
    });
  }

  #client(
    name: string,
    number: number,
    workload: FeatureWorkload,
    platform: Platform,
    timeoutMs: number,
  ): FeatureClient {
    const { network, clock, random } = platform;
    const { addresses } = this.#context;
    const options = { network, clock, random, timeoutMs };
    return {
      ...{ name, number },
      clerk: workload.makeClerk?.(addresses, options) ?? new Clerk(addresses, options),
      sessionless: new Clerk(addresses, { ...options, sessions: false }),
      random: this.#random.stream(name),
      sleep: (delayMs) => sleep(clock, delayMs),
    };
  }

  async #run(client: FeatureClient, workload: FeatureWorkload): Promise<void> {
    while (!this.#isStopped) {
      await client.sleep(client.random.between(0, 2 * this.#thinkMs));
      if (this.#isStopped) return;
      try {
        await workload.turn(client);
      } catch (error) {
        if (!(error instanceof ClerkError)) throw error;
      }
    }
  }

  /** Now and then a client dies, or stands still for a while. */
  #faultLater(): void {
    const { simulation } = this.#context;
    simulation.scheduler.after(2 * faultEveryMs * this.#random.next(), () => {
      if (this.#isStopped) return;
      const name = this.#random.pick([...this.#clients().keys()]);
      const process = simulation.process(name);
      if (process.state === "running") {
        if (this.#random.chance(0.5)) process.pause();
        else process.kill();
        simulation.scheduler.after(100 + 4_000 * this.#random.next(), () => {
          if (process.state === "paused") process.resume();
          else this.#startClient(name);
        });
      }
      this.#faultLater();
    });
  }
}
