/**
 * A simulated cluster of one, watched as those of the swarm are, for tests of the swarm's own parts.
 *
 * @module
 */
import { segmentNumbers } from "../../raft/storage/wal_recovery.ts";
import { SeededRandom, Simulation } from "../../raft/testing/mod.ts";
import { SimulatedCluster } from "./cluster.ts";
import { Counters } from "./counters.ts";
import { Monitor } from "./monitor.ts";
import { observe } from "./observation.ts";
import { drawPlan, type SwarmPlan } from "./swarm_plan.ts";
import type { Violation } from "./violation.ts";

/** Nothing goes wrong in it but what a test does. */
export class CalmWorld implements Disposable {
  readonly simulation = new Simulation({ seed: 1 });
  readonly counters = new Counters();
  readonly violations: Violation[] = [];
  readonly cluster: SimulatedCluster;
  readonly monitor: Monitor;
  readonly #observation: Disposable;

  constructor(walLimits: SwarmPlan["walLimits"] = {}) {
    const { simulation, counters } = this;
    const plan = { ...drawPlan(new SeededRandom(1), 0), nodes: 1, maxRaftState: -1, walLimits };
    const onViolation = (violation: Violation): number => this.violations.push(violation);
    this.monitor = new Monitor(simulation, counters, onViolation, { hasLeases: false, maxRaftState: -1 });
    this.cluster = new SimulatedCluster(simulation, plan, counters, this.monitor, onViolation);
    this.#observation = observe(this.monitor);
  }

  /** Starts the node anew and lets it elect itself. */
  async restart(): Promise<void> {
    this.cluster.kill("n1", { kind: "process" });
    this.cluster.start("n1");
    await this.simulation.sleep(10_000);
  }

  /** Segments of its log on the disk. */
  get segments(): number {
    return segmentNumbers(this.cluster.process("n1").disk.list("data")).length;
  }

  [Symbol.dispose](): void {
    this.simulation[Symbol.dispose]();
    this.#observation[Symbol.dispose]();
  }
}
