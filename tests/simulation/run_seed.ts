/**
 * One run from one seed: a cluster under faults, then healed, and everything that must hold then.
 *
 * @module
 */
import { checkLinearizability, SeededRandom, Simulation, SimulationError } from "../../raft/testing/mod.ts";
import { loadBallast } from "./ballast.ts";
import { SimulatedCluster } from "./cluster.ts";
import { Counters } from "./counters.ts";
import { Features } from "./features/features.ts";
import { drawRun, type FocusName } from "./focused_plans.ts";
import { healAndCheck, type Healing, truce } from "./healing.ts";
import { Monitor } from "./monitor.ts";
import { Nemesis } from "./nemesis.ts";
import { observe } from "./observation.ts";
import { Readers } from "./readers.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import { Violation } from "./violation.ts";
import { Workload } from "./workload.ts";

/** How a seed is run. */
export interface RunOptions {
  /** Whether the trace is kept as text. */
  readonly record?: boolean;
  /** How long faults go on, averaged over seeds, in milliseconds of virtual time. */
  readonly chaosMs?: number;
  /** What the run is focused on; drawn unless given. */
  readonly focus?: FocusName;
  /** Checks whose violations count; all unless given. */
  readonly only?: ReadonlySet<string>;
}

/** What became of a seed. */
export interface SeedReport {
  /** The seed. */
  readonly seed: number;
  /** The first violation; null when everything held. */
  readonly violation: { readonly check: string; readonly message: string } | null;
  /** Hash of all that happened. */
  readonly traceHash: string;
  /** Cluster size. */
  readonly nodes: number;
  /** Virtual time. */
  readonly simulatedMs: number;
  /** Real time. */
  readonly realMs: number;
  /** Events of the simulation. */
  readonly events: number;
  /** Calls of clients that were answered. */
  readonly answered: number;
  /** Time from the heal to the first write, in election timeouts; null when it did not come to that. */
  readonly recoveryTimeouts: number | null;
  /** See `counters.ts`. */
  readonly counts: Readonly<Record<string, number>>;
  /** The trace as text, if it was to be recorded. */
  readonly trace: readonly string[];
}

/** Faults go on for so long on average unless told otherwise, in milliseconds of virtual time. */
export const defaultChaosMs = 166_000;

/** Everything that one run is made of. */
class Run {
  readonly counters = new Counters();
  readonly simulation: Simulation;
  readonly plan: SwarmPlan;
  readonly monitor: Monitor;
  readonly cluster: SimulatedCluster;
  readonly workload: Workload;
  readonly readers: Readers;
  readonly features: Features;
  readonly nemesis: Nemesis;
  violation: Violation | null = null;
  healing: Healing | null = null;
  readonly #only: ReadonlySet<string> | undefined;

  constructor(seed: number, options: RunOptions) {
    this.#only = options.only;
    this.plan = drawRun(new SeededRandom(seed).stream("plan"), options.chaosMs ?? defaultChaosMs, options.focus);
    const network = this.plan.latency === null ? {} : { latency: this.plan.latency };
    this.simulation = new Simulation({ seed, record: options.record === true, network });
    const { simulation, plan, counters } = this;
    const onViolation = (violation: Violation): void => this.violated(violation);
    this.monitor = new Monitor(simulation, counters, onViolation, {
      hasLeases: plan.leaseReads > 0,
      maxRaftState: plan.maxRaftState,
    });
    this.cluster = new SimulatedCluster(simulation, plan, counters, this.monitor, onViolation);
    this.workload = new Workload(simulation, plan, this.cluster.addresses, counters, onViolation);
    const { monitor, cluster, workload } = this;
    this.readers = new Readers({ simulation, plan, cluster, workload });
    this.features = new Features({ simulation, plan, monitor, addresses: cluster.addresses, counters, onViolation });
    this.nemesis = new Nemesis({
      ...{ simulation, plan, cluster, monitor, workload, counters },
      ...{ readers: this.readers, random: simulation.random.stream("nemesis") },
    });
  }

  violated(violation: Violation): void {
    if (this.#only?.has(violation.check) === false) return;
    this.simulation.trace.line(this.simulation.nowMs, `VIOLATION of ${violation.check}: ${violation.message}`);
    this.violation ??= violation;
    this.simulation.scheduler.fail(violation);
  }

  /** Chaos, then healing; resolves when all is checked. */
  async live(): Promise<void> {
    const { simulation, cluster, workload, nemesis, plan } = this;
    cluster.startAll();
    // Half of all runs begin with an election in peace, the others in the middle of the faults.
    if (simulation.random.stream("begin").chance(0.5)) await simulation.sleep(3_000);
    await loadBallast(this, plan.ballastBytes);
    for (const client of workload.clients) workload.start(client);
    this.readers.start();
    this.features.start();
    for (let truces = plan.truces;; truces--) {
      nemesis.start();
      await simulation.sleep(plan.chaosMs / (1 + plan.truces));
      nemesis.stop();
      if (truces === 0) break;
      await truce(this);
    }
    this.healing = await healAndCheck(this);
  }

  checkHistory(): void {
    const verdict = checkLinearizability(this.workload.recorder.history());
    if (verdict.kind !== "linearizable") this.violated(new Violation("linearizability", verdict.explanation));
    const problem = this.features.problem();
    if (problem !== null) this.violated(new Violation("linearizability", problem));
  }

  countNetworkFaults(): void {
    const { dropped, delayed, duplicated, corrupted, cut, blocked, reset } = this.simulation.network.counters;
    this.counters.add("frames lost", dropped);
    this.counters.add("frames delayed", delayed);
    this.counters.add("frames repeated", duplicated);
    this.counters.add("frames damaged", corrupted);
    this.counters.add("connections cut within a frame", cut);
    this.counters.add("frames blocked by a partition", blocked);
    this.counters.add("connections reset", reset);
  }
}

/** Runs a seed; never rejects for what the system under test does. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<SeedReport> {
  const startedMs = performance.now();
  const run = new Run(seed, options);
  const { simulation, monitor, workload, counters } = run;
  {
    using _observation = observe(monitor);
    using _world = simulation;
    try {
      await simulation.run(() => run.live());
    } catch (error) {
      run.violated(error instanceof Violation ? error : violationOf(error));
    }
  }
  monitor.finish();
  run.countNetworkFaults();
  if (run.violation === null) run.checkHistory();
  const { violation, healing } = run;
  return {
    seed,
    violation: violation === null ? null : { check: violation.check, message: violation.message },
    traceHash: simulation.trace.hash,
    nodes: run.plan.nodes,
    simulatedMs: simulation.nowMs,
    realMs: performance.now() - startedMs,
    events: simulation.scheduler.eventsRun,
    answered: workload.answered,
    recoveryTimeouts: healing?.recoveryTimeouts ?? null,
    counts: counters.toRecord(),
    trace: simulation.trace.lines,
  };
}

/** An error that nobody expected: a promise without a handler, an exception in a callback, a run that never ends. */
function violationOf(error: unknown): Violation {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  return new Violation(error instanceof SimulationError ? "liveness" : "node-failure", text, { cause: error });
}
