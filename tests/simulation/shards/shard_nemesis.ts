/**
 * Does the damage in the sharded swarm: servers of groups and of the controller are killed, paused and cut off, and an
 * operator changes the configuration all the while.
 *
 * @module
 */
import type { ShardController } from "../../../kv/shards/controller.ts";
import { groupsOf, type ShardChange } from "../../../kv/shards/shard_config.ts";
import { ClerkError } from "../../../kv/errors.ts";
import type { CrashPolicy, SeededRandom, Simulation } from "../../../raft/testing/mod.ts";
import type { Counted } from "../summary.ts";
import type { ShardPlan } from "./shard_plan.ts";
import type { ShardedWorld } from "./sharded_world.ts";

/** What a run of the sharded swarm counts. */
export const shardCounted: Counted = {
  faults: ["changes of the configuration", "kills", "partitions", "pauses", "blackouts", "rifts"],
  rare: [],
};

const crashPolicies: readonly CrashPolicy[] = ["random", "none", "all"];

/** See the module. */
export class ShardNemesis {
  /** Changes of the configuration that were made. */
  changes = 0;
  /** Counts of faults. */
  readonly counts = { kills: 0, partitions: 0, pauses: 0, blackouts: 0, rifts: 0 };
  readonly #simulation: Simulation;
  readonly #world: ShardedWorld;
  readonly #plan: ShardPlan;
  readonly #random: SeededRandom;
  #isActive = false;

  constructor(simulation: Simulation, world: ShardedWorld, plan: ShardPlan) {
    this.#simulation = simulation;
    this.#world = world;
    this.#plan = plan;
    this.#random = simulation.random.stream("nemesis");
  }

  /** Begins. */
  start(): void {
    const { kills, partitions, pauses, blackouts, rifts, weather } = this.#plan;
    this.#isActive = true;
    this.#repeat(kills, () => this.#kill(this.#victim()));
    this.#repeat(partitions, () => this.#partition());
    this.#repeat(pauses, () => this.#pause(this.#victim()));
    this.#repeat(blackouts, () => {
      this.counts.blackouts++;
      for (const name of this.#drawSide()) this.#kill(name);
    });
    this.#repeat(rifts, () => this.#rift());
    if (weather.length > 0) this.#changeWeather();
  }

  /** Takes everything back. */
  heal(): void {
    const { network } = this.#simulation;
    this.#isActive = false;
    network.setFaults(null);
    network.heal();
    for (const name of this.#names) {
      const process = this.#simulation.process(name);
      if (process.state === "paused") process.resume();
      this.#world.start(name);
    }
  }

  /** Changes the configuration, until it is told to stop; with one client after the other, each for some time. */
  async operate(isOver: () => boolean): Promise<void> {
    let controller = this.#world.controller();
    while (!isOver()) {
      await this.#simulation.sleep(this.#random.between(0, 2 * this.#plan.changeMs));
      if (this.#random.chance(0.1)) controller = this.#world.controller();
      try {
        const change = await this.#change(controller);
        if (change?.kind === "changed") this.changes++;
      } catch (error) {
        if (!(error instanceof ClerkError)) throw error;
      }
    }
  }

  async #change(controller: ShardController): Promise<ShardChange | null> {
    const random = this.#random;
    const options = { timeoutMs: 5_000 };
    const configuration = await controller.query(undefined, options);
    if (configuration === null) return null;
    const here = groupsOf(configuration);
    const away = this.#plan.groups.filter((group) => !here.includes(group));
    const draw = random.next();
    if (here.length > 0 && draw < 0.4) {
      return await controller.move(random.integer(this.#plan.shardCount), random.pick(here), options);
    }
    if (draw < 0.45) return await controller.rebalance(options);
    if (away.length > 0 && (draw < 0.75 || here.length === 0)) {
      return await controller.join(
        this.#world.groups(...away.filter((_, at) => at === 0 || random.chance(0.5))),
        options,
      );
    }
    // Now and then the last group leaves, and the shards belong to nobody for a while.
    if (here.length > 1 || random.chance(0.2)) return await controller.leave([random.pick(here)], options);
    return null;
  }

  get #names(): string[] {
    return [...this.#world.controllerNames, ...this.#world.groupNames];
  }

  /** Any server, or half the time one that leads its group. */
  #victim(): string {
    const leaders = this.#plan.groups.flatMap((group) => this.#world.leaderOf(group) ?? []);
    return leaders.length > 0 && this.#random.chance(0.5) ? this.#random.pick(leaders) : this.#random.pick(this.#names);
  }

  /** Some servers: a group, or any of them. */
  #drawSide(): string[] {
    if (this.#random.chance(0.3)) return [...this.#world.namesOf(this.#random.pick(this.#plan.groups))];
    return this.#names.filter(() => this.#random.chance(0.4));
  }

  #repeat(ratePerMinute: number, action: () => void): void {
    if (ratePerMinute === 0) return;
    const pauseMs = -Math.log(1 - this.#random.next()) * 60_000 / ratePerMinute;
    this.#simulation.scheduler.after(pauseMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(ratePerMinute, action);
    });
  }

  #later(mostMs: number, action: () => void): void {
    this.#simulation.scheduler.after(10 + mostMs * this.#random.next() ** 2, () => {
      if (this.#isActive) action();
    });
  }

  #kill(name: string): void {
    this.counts.kills++;
    const isPower = this.#random.chance(0.5);
    this.#world.kill(name, isPower ? { kind: "power", disk: this.#random.pick(crashPolicies) } : { kind: "process" });
    this.#later(6_000, () => this.#world.start(name));
  }

  #pause(name: string): void {
    const process = this.#simulation.process(name);
    if (process.state !== "running") return;
    const { lives } = process;
    this.counts.pauses++;
    process.pause();
    this.#later(5_000, () => {
      if (process.lives === lives && process.state === "paused") process.resume();
    });
  }

  /** Servers on two sides that do not reach each other; clients reach all. */
  #partition(): void {
    const side = this.#drawSide();
    this.counts.partitions++;
    this.#simulation.network.partition([side, this.#names.filter((name) => !side.includes(name))]);
    this.#later(8_000, () => this.#simulation.network.partition([]));
  }

  /**
   * Leaders of different groups do not reach each other. Shards move all the same, as any server gives them out, but only a
   * leader can be told that its copy is not needed any more: former owners keep copies, even several of one shard.
   */
  #rift(): void {
    const { network } = this.#simulation;
    const leaders = this.#plan.groups.flatMap((group) => this.#world.leaderOf(group) ?? []);
    const links = leaders.flatMap((from) => leaders.filter((to) => to !== from).map((to) => [from, to] as const));
    this.counts.rifts++;
    for (const [from, to] of links) network.block(from, to);
    this.#later(20_000, () => {
      for (const [from, to] of links) network.unblock(from, to);
    });
  }

  #changeWeather(): void {
    const { weather } = this.#plan;
    this.#simulation.network.setFaults(this.#random.chance(0.4) ? null : this.#random.pick(weather));
    this.#later(10_000, () => this.#changeWeather());
  }
}
