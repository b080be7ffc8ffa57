/**
 * Does the damage: at random moments it picks one of the plan's faults, inflicts it, and takes it back after a while.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { CrashPolicy, FrameFaults } from "../../raft/testing/mod.ts";
import { wireLimits } from "../../raft/wire/limits.ts";
import { deposeUnawares, leaveStaleTail, muteLeader, restartHearers, spoilElections } from "./coups.ts";
import { crashAtIo, crashAtSegment, crashTwice, failDisk, slowDisk } from "./disk_damage.ts";
import { crashPolicies, maxRecoveryTimeouts, type NemesisContext, type Recovery } from "./nemesis_context.ts";
import { changeMembers, changeMembersInMinority, transferLeadership } from "./operator.ts";
import { inflictPartition } from "./partitions.ts";
import { momentOf } from "./step_crashes.ts";
import { clockRatio } from "./swarm_plan.ts";

interface Action {
  readonly ratePerMinute: number;
  readonly run: () => void;
}

/** See the module. */
export class Nemesis implements Recovery {
  readonly #context: NemesisContext;
  readonly #actions: readonly Action[];
  /** Grows when everything is taken back, so that timers of old faults find out. */
  #era = 0;
  #isActive = false;

  /** Does nothing before {@link start}. */
  constructor(context: NemesisContext) {
    this.#context = context;
    this.#actions = this.#allActions().filter((action) => action.ratePerMinute > 0);
  }

  /** Begins. */
  start(): void {
    this.#isActive = true;
    for (const action of this.#actions) this.#repeat(action);
    if (this.#context.plan.faults.weather.length > 0) this.#changeWeather();
  }

  /** Inflicts nothing new; what was inflicted stays. */
  stop(): void {
    this.#isActive = false;
  }

  /** Takes everything back: all links free, all processes running on right clocks and good disks, `down` excepted. */
  heal(down: ReadonlySet<NodeId>): void {
    const { simulation, cluster, monitor, plan } = this.#context;
    this.#isActive = false;
    this.#era++;
    simulation.network.setFaults(null);
    simulation.network.heal();
    for (const from of cluster.ids) {
      for (const to of cluster.ids) simulation.network.setLinkLatency(from, to, null);
    }
    if (plan.faults.weather.some(damages) && isShort(maxRecoveryTimeouts * electionTimeoutMs(plan.timing))) {
      for (const { name } of simulation.processes) simulation.network.resetConnections(name);
    }
    monitor.stepListener = null;
    for (const id of cluster.ids) {
      const process = cluster.process(id);
      process.disk.observer = null;
      process.disk.faults.clear();
      process.disk.profile = plan.disk;
      process.time.setRate(1);
      if (process.state === "paused") process.resume();
      if (down.has(id)) cluster.kill(id, { kind: "process" });
      // A server that stopped because of its disk waits for somebody to start it anew.
      else if (process.isAlive && monitor.viewOf(id) !== undefined && cluster.server(id) === undefined) {
        cluster.restart(id);
      }
      if (!down.has(id)) cluster.start(id);
    }
  }

  /** Calls back after a while, unless everything was taken back by then. */
  later(minMs: number, maxMs: number, callback: () => void): void {
    const { simulation, random } = this.#context;
    const era = this.#era;
    // Mostly short: half of all faults end in the first quarter of the range.
    simulation.scheduler.after(minMs + (maxMs - minMs) * random.next() ** 2, () => {
      if (era === this.#era) callback();
    });
  }

  #repeat(action: Action): void {
    const { simulation, random } = this.#context;
    const era = this.#era;
    const pauseMs = -Math.log(1 - random.next()) * 60_000 / action.ratePerMinute;
    simulation.scheduler.after(pauseMs, () => {
      if (!this.#isActive || era !== this.#era) return;
      action.run();
      this.#repeat(action);
    });
  }

  #allActions(): Action[] {
    const { plan: { faults }, simulation, cluster, counters, random, workload } = this.#context;
    const context = this.#context;
    const onNode = (act: (id: NodeId) => void) => (): void => {
      if (cluster.awake.length > 0) act(random.pick(cluster.awake));
    };
    return [
      { ratePerMinute: faults.partitions, run: () => inflictPartition(context, this) },
      {
        ratePerMinute: faults.resets,
        run: onNode((id) => simulation.network.resetConnections(id)),
      },
      { ratePerMinute: faults.kills, run: onNode((id) => this.#kill(this.#victim(id))) },
      { ratePerMinute: faults.powerCuts, run: onNode((id) => this.cutPower(this.#victim(id))) },
      { ratePerMinute: faults.blackouts, run: () => this.#blackout() },
      { ratePerMinute: faults.crashesAtIo, run: onNode((id) => crashAtIo(context, this, id)) },
      { ratePerMinute: faults.crashesAtIo / 2, run: onNode((id) => crashTwice(context, this, id)) },
      { ratePerMinute: faults.crashesAtSegment, run: onNode((id) => crashAtSegment(context, this, id)) },
      { ratePerMinute: faults.crashesAtStep, run: () => this.#crashAtStep() },
      { ratePerMinute: faults.pauses, run: onNode((id) => this.#pause(this.#victim(id))) },
      { ratePerMinute: faults.clockRates, run: onNode((id) => this.#bendClock(id)) },
      { ratePerMinute: faults.wallJumps, run: onNode((id) => this.#jump(id)) },
      {
        ratePerMinute: faults.clientKills,
        run: () => {
          const name = random.pick(workload.clients);
          simulation.process(name).kill();
          counters.add("client killed");
          this.later(100, 5_000, () => workload.start(name));
        },
      },
      { ratePerMinute: faults.slowDisks, run: onNode((id) => slowDisk(context, this, id)) },
      { ratePerMinute: faults.diskErrors, run: onNode((id) => failDisk(context, this, id)) },
      { ratePerMinute: faults.transfers, run: () => transferLeadership(context) },
      { ratePerMinute: faults.memberships, run: () => changeMembers(context, this) },
      { ratePerMinute: faults.absences, run: onNode((id) => this.#sendAway(id)) },
      { ratePerMinute: faults.coups, run: () => deposeUnawares(context, this) },
      { ratePerMinute: faults.spoiltElections, run: () => spoilElections(context, this) },
      { ratePerMinute: faults.strandedChanges, run: () => changeMembersInMinority(context, this) },
      { ratePerMinute: faults.forgetfulRestarts, run: () => restartHearers(context, this) },
      { ratePerMinute: faults.mutedLeaders, run: () => muteLeader(context, this) },
      { ratePerMinute: faults.staleTails, run: () => leaveStaleTail(context, this) },
    ];
  }

  /** The node that was picked, or one time in three the leader. */
  #victim(picked: NodeId): NodeId {
    const { cluster, random } = this.#context;
    return random.chance(1 / 3) ? cluster.leader() ?? picked : picked;
  }

  #kill(id: NodeId): void {
    this.#context.counters.add("process killed");
    this.#context.cluster.kill(id, { kind: "process" });
    this.later(10, 6_000, () => this.#context.cluster.start(id));
  }

  /** See {@link Recovery.cutPower}. */
  cutPower(id: NodeId, disk?: CrashPolicy): void {
    const { cluster, counters, random } = this.#context;
    counters.add("power lost");
    cluster.kill(id, { kind: "power", disk: disk ?? random.pick(crashPolicies) });
    this.later(10, 6_000, () => cluster.start(id));
  }

  #blackout(): void {
    const { cluster, counters, random } = this.#context;
    counters.add("whole cluster without power");
    for (const id of cluster.ids) cluster.kill(id, { kind: "power", disk: random.pick(crashPolicies) });
    const era = this.#era;
    this.later(10, 4_000, () => {
      counters.add("restart of the whole cluster");
      for (const id of cluster.ids) {
        this.#context.simulation.scheduler.after(random.between(0, 500), () => {
          if (era === this.#era) cluster.start(id);
        });
      }
    });
  }

  #crashAtStep(): void {
    const { monitor, cluster, counters, random } = this.#context;
    const isMoment = momentOf(random);
    monitor.stepListener = (node, event) => {
      if (!isMoment(node, event)) return;
      monitor.stepListener = null;
      counters.add("crash at a step of the core");
      const isPower = random.chance(0.7);
      cluster.kill(node.name, isPower ? { kind: "power", disk: random.pick(crashPolicies) } : { kind: "process" });
      this.later(10, 3_000, () => cluster.start(node.name));
    };
  }

  /** Keeps a node away for so long that it needs a snapshot when it is back. */
  #sendAway(id: NodeId): void {
    const { simulation, cluster, counters, random } = this.#context;
    const { network } = simulation;
    counters.add("node kept away for long");
    if (random.chance(0.5)) {
      cluster.kill(id, { kind: "process" });
      this.later(4_000, 20_000, () => cluster.start(id));
      return;
    }
    const others = cluster.ids.filter((other) => other !== id);
    for (const other of others) network.block(other, id);
    this.later(4_000, 20_000, () => {
      for (const other of others) network.unblock(other, id);
    });
  }

  /** Half of all pauses are about as long as an election; whoever led before answers what it was asked before. */
  #pause(picked: NodeId): void {
    const { plan, cluster, counters, readers, random } = this.#context;
    const isShortPause = random.chance(0.5);
    const id = isShortPause ? cluster.leader() ?? picked : picked;
    const process = cluster.process(id);
    if (process.state !== "running") return;
    const { lives } = process;
    if (isShortPause) readers.doubt(id);
    const pause = (): void => {
      if (process.lives !== lives || process.state !== "running") return;
      process.pause();
      counters.add("process paused");
      const resume = (): void => {
        if (process.lives !== lives || process.state !== "paused") return;
        process.resume();
        if (isShortPause) readers.ask(id);
      };
      const timeoutMs = electionTimeoutMs(plan.timing);
      if (isShortPause) this.later(timeoutMs / 2, 3 * timeoutMs, resume);
      else this.later(20, 8_000, resume);
    };
    // The rival needs a moment to get going.
    if (isShortPause) this.later(0, 100, pause);
    else pause();
  }

  #bendClock(id: NodeId): void {
    const { plan, cluster, counters, random } = this.#context;
    const { time } = cluster.process(id);
    time.setRate(clockRatio(plan) ** random.between(-0.5, 0.5));
    counters.add("clock at a wrong rate");
    this.later(1_000, 20_000, () => time.setRate(1));
  }

  #jump(id: NodeId): void {
    const { cluster, counters, random } = this.#context;
    // Up to three hours, mostly much less: enough to make sessions expire.
    const byMs = 10_800_000 * random.next() ** 3;
    cluster.process(id).time.jumpWall(random.chance(0.5) ? byMs : -byMs);
    counters.add("wall clock jump");
  }

  /** Gives the network another set of faults, or none, for a while. */
  #changeWeather(): void {
    const { simulation, plan, random } = this.#context;
    simulation.network.setFaults(random.chance(0.4) ? null : random.pick(plan.faults.weather));
    this.later(1_000, 20_000, () => {
      if (this.#isActive) this.#changeWeather();
    });
  }
}

/**
 * A damaged length makes a receiver wait for a frame that never ends, deaf for up to `peerFrameTimeoutMs`. That is safe, and
 * where elections are quicker than that the connections that may have it are not carried into the peace.
 */
function isShort(recoveryMs: number): boolean {
  return recoveryMs < 2 * wireLimits.peerFrameTimeoutMs;
}

function damages({ request, reply }: FrameFaults): boolean {
  return (request?.corrupt ?? 0) > 0 || (reply?.corrupt ?? 0) > 0;
}
