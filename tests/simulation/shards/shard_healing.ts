/**
 * The end of a run of the sharded swarm: faults are taken back, and the store must come to rest.
 *
 * How long that takes in all depends on how much was left to do: operators may have made any number of configurations that
 * groups have to go through one by one, moving shards for each. What must be bounded is the time in which nothing is done:
 * within {@link maxStepTimeouts} election timeouts some server must come closer to the newest configuration than it has ever
 * been. There are finitely many such steps (numbers are bounded by the newest one, bytes by the size of a shard), so the end
 * follows; a move that begins again and again is no step. Everything else that somebody waits for is a single step.
 *
 * @module
 */
import type { ShardController } from "../../../kv/shards/controller.ts";
import { groupsOf, type ShardConfiguration } from "../../../kv/shards/shard_config.ts";
import type { GroupStatus } from "../../../kv/shards/shard_protocol.ts";
import { defaultTiming, electionTimeoutMs } from "../../../raft/node/options.ts";
import type { Simulation } from "../../../raft/testing/mod.ts";
import { settlesWithin } from "../healing_context.ts";
import { maxRecoveryTimeouts } from "../nemesis_context.ts";
import { Violation } from "../violation.ts";
import type { ShardPlan } from "./shard_plan.ts";
import type { ShardedWorld } from "./sharded_world.ts";

/**
 * A step may have to wait for a leader, as everything after a heal, and then as long again for connections that went silent:
 * those to three servers of another group, each with one `askTimeoutMs` for the connection and one for the answer.
 */
const maxStepTimeouts = 2 * maxRecoveryTimeouts;

/** A step may take so long, in milliseconds. */
export const maxStepMs = maxStepTimeouts * electionTimeoutMs(defaultTiming);

/** How often is looked for a step, in milliseconds. */
const lookMs = 25;

/** What healing works with. */
export interface ShardHealingContext {
  /** The world. */
  readonly simulation: Simulation;
  /** The run's plan. */
  readonly plan: ShardPlan;
  /** The servers. */
  readonly world: ShardedWorld;
}

/** What is waited for, for one step and whatever those who do it do before. Rejects with a {@link Violation} if it is late. */
export async function inOneStep<Result>(
  simulation: Simulation,
  what: string,
  step: Promise<Result>,
  beforeMs = 0,
): Promise<Result> {
  if (await settlesWithin(simulation, step, beforeMs + maxStepMs)) return await step;
  throw new Violation("liveness", `${what}: not within ${maxStepTimeouts} election timeouts (${maxStepMs} ms)`);
}

/** The newest configuration; if it has no groups, all of them join. */
export async function finalConfiguration(
  { simulation, plan, world }: ShardHealingContext,
  controller: ShardController,
): Promise<ShardConfiguration> {
  const query = (): Promise<ShardConfiguration | null> =>
    inOneStep(simulation, "a look at the newest configuration", controller.query());
  const found = await query();
  if (found !== null && groupsOf(found).length > 0) return found;
  await inOneStep(simulation, "the groups' return", controller.join(world.groups(...plan.groups)));
  return await query() ?? found ?? Promise.reject(new Violation("liveness", "there is no configuration"));
}

/** Waits until all servers are at rest at a configuration; rejects with a {@link Violation} when no step is made. */
export async function comeToRest({ simulation, plan, world }: ShardHealingContext, number: number): Promise<void> {
  const names = plan.groups.flatMap((group) => world.namesOf(group));
  const farthest = new Map<string, readonly number[]>();
  let steppedAtMs = simulation.nowMs;
  while (!names.every((name) => world.isAtRest(name, number))) {
    for (const name of names) {
      const status = world.server(name)?.groupStatus();
      if (status === undefined) continue;
      const [found, best] = [distanceMade(status), farthest.get(name)];
      if (best !== undefined && !isFarther(found, best)) continue;
      farthest.set(name, found);
      steppedAtMs = simulation.nowMs;
    }
    if (simulation.nowMs > steppedAtMs + maxStepMs) {
      const waiting = names.filter((name) => !world.isAtRest(name, number));
      const states = waiting.map((name) => JSON.stringify(world.server(name)?.groupStatus() ?? `${name} does not run`));
      throw new Violation(
        "liveness",
        `no step to configuration ${number} within ${maxStepTimeouts} election timeouts (${maxStepMs} ms): ` +
          states.join("; "),
      );
    }
    await simulation.sleep(lookMs);
  }
}

/** How far a server has come, the most important number first; each of them grows while those before it stay. */
function distanceMade({ number, shards, obligations }: GroupStatus): readonly number[] {
  const gaining = shards.filter(({ state }) => state === "gaining");
  const lost = shards.filter(({ state }) => state === "lost");
  return [number, -gaining.length, gaining.reduce((sum, { bytes }) => sum + bytes, 0), -obligations, -lost.length];
}

function isFarther(left: readonly number[], right: readonly number[]): boolean {
  const at = left.findIndex((part, position) => part !== right[position]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}
