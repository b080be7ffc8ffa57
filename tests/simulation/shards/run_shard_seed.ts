/**
 * One run of the sharded swarm from one seed: groups that come and go under faults, then peace, and everything that must hold
 * then: calls were linearizable, no write is lost or done twice, every shard is served by one group, nothing is left behind,
 * and replicas are equal.
 *
 * @module
 */
import { checkLinearizability, Simulation, SimulationError } from "../../../raft/testing/mod.ts";
import type { RunOptions, SeedReport } from "../run_seed.ts";
import { Violation } from "../violation.ts";
import { ShardClients } from "./shard_clients.ts";
import { comeToRest, finalConfiguration, inOneStep, maxStepMs } from "./shard_healing.ts";
import { ShardNemesis } from "./shard_nemesis.ts";
import { drawShardPlan, type ShardPlan } from "./shard_plan.ts";
import { ShardedWorld } from "./sharded_world.ts";

/** Faults go on for so long on average unless told otherwise, in milliseconds of virtual time. */
const defaultShardChaosMs = 40_000;

/** Ends a run that does not end by itself, in milliseconds of virtual time: all that is waited for has a limit of its own. */
const endlessMs = 3_600_000;

class ShardRun {
  readonly simulation: Simulation;
  readonly plan: ShardPlan;
  readonly world: ShardedWorld;
  readonly clients: ShardClients;
  readonly nemesis: ShardNemesis;

  constructor(seed: number, options: RunOptions) {
    this.simulation = new Simulation({ seed: `shards ${seed}`, record: options.record === true });
    this.plan = drawShardPlan(this.simulation.random.stream("plan"), options.chaosMs ?? defaultShardChaosMs);
    const { simulation, plan } = this;
    this.world = new ShardedWorld(simulation, {
      ...plan,
      onStopped: (name, reason) => {
        simulation.scheduler.fail(
          new Violation("node-failure", `${name}: ${reason.stack ?? reason}`, { cause: reason }),
        );
      },
    });
    this.clients = new ShardClients(simulation, this.world, plan);
    this.nemesis = new ShardNemesis(simulation, this.world, plan);
  }

  async live(): Promise<void> {
    const { simulation, plan, world, clients, nemesis } = this;
    world.startAll();
    await world.controller().join(world.groups(plan.groups[0] ?? 1));
    let isOver = false;
    let isPeace = false;
    const running = Array.from(
      { length: plan.clients },
      (_, at) => clients.run(`client ${at}`, at < plan.readers, () => isOver),
    );
    // Two operators, who know nothing of each other.
    const operating = Promise.all([nemesis.operate(() => isPeace), nemesis.operate(() => isPeace)]);
    for (const one of [...running, operating]) one.catch((error) => simulation.scheduler.fail(error));
    nemesis.start();
    await simulation.sleep(plan.chaosMs);
    isPeace = true;
    nemesis.heal();
    await inOneStep(simulation, "the operators' last change", operating, 2 * plan.changeMs + maxStepMs);
    const controller = world.controller();
    const { number, shards } = await finalConfiguration(this, controller);
    // Groups that have left follow, too, and drop what others have.
    await comeToRest(this, number);
    await controller.settled(number, { timeoutMs: maxStepMs });
    await simulation.sleep(1_000);
    isOver = true;
    await inOneStep(simulation, "the clients' last calls", Promise.all(running), 2 * plan.thinkMs);
    this.#checkOwners(shards);
    await this.#checkReplicas();
    const problem = await clients.findProblem(maxStepMs);
    if (problem !== null) throw new Violation("acknowledged-writes", problem);
  }

  checkHistory(): Violation | null {
    const verdict = checkLinearizability(this.clients.recorder.history());
    return verdict.kind === "linearizable" ? null : new Violation("linearizability", verdict.explanation);
  }

  #checkOwners(shards: readonly number[]): void {
    for (const server of this.world.servers) {
      for (const { shard, state } of server.groupStatus().shards) {
        if (state === "serving" && shards[shard] === server.group) continue;
        throw new Violation(
          "convergence",
          `${server.id} has shard ${shard}, ${state}, which is group ${shards[shard]}'s`,
        );
      }
    }
  }

  async #checkReplicas(): Promise<void> {
    const { simulation, world, plan } = this;
    const endMs = simulation.nowMs + maxStepMs;
    for (const group of plan.groups) {
      const isEqual = (): boolean => {
        const statuses = world.namesOf(group).map((name) => world.server(name)?.status());
        return statuses.every((status) =>
          status !== undefined && status.hash === statuses[0]?.hash && status.lastApplied === statuses[0]?.lastApplied
        );
      };
      while (!isEqual()) {
        if (simulation.nowMs > endMs) throw new Violation("convergence", `replicas of group ${group} differ`);
        await simulation.sleep(50);
      }
    }
  }
}

/** Runs a seed; never rejects for what the system under test does. */
export async function runShardSeed(seed: number, options: RunOptions = {}): Promise<SeedReport> {
  const startedMs = performance.now();
  const run = new ShardRun(seed, options);
  const { simulation, plan, clients, nemesis } = run;
  let violation: Violation | null = null;
  {
    using _world = simulation;
    try {
      await simulation.run(() => run.live(), { timeoutMs: plan.chaosMs + endlessMs });
    } catch (error) {
      violation = error instanceof Violation ? error : violationOf(error);
    }
  }
  const isMeant = ({ check }: Violation): boolean => options.only?.has(check) !== false;
  if (violation === null || !isMeant(violation)) violation = run.checkHistory();
  if (violation !== null && !isMeant(violation)) violation = null;
  if (violation !== null) {
    simulation.trace.line(simulation.nowMs, `VIOLATION of ${violation.check}: ${violation.message}`);
  }
  return {
    seed,
    violation: violation === null ? null : { check: violation.check, message: violation.message },
    traceHash: simulation.trace.hash,
    nodes: (plan.groups.length + 1) * plan.servers,
    simulatedMs: simulation.nowMs,
    realMs: performance.now() - startedMs,
    events: simulation.scheduler.eventsRun,
    answered: clients.answered,
    recoveryTimeouts: null,
    counts: { "changes of the configuration": nemesis.changes, ...nemesis.counts },
    trace: simulation.trace.lines,
  };
}

function violationOf(error: unknown): Violation {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  const isLate = error instanceof SimulationError || (error instanceof Error && error.name === "ClerkError");
  return new Violation(isLate ? "liveness" : "node-failure", text, { cause: error });
}
