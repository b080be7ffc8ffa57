/**
 * A cluster of production servers in simulated processes: started, killed, paused, restarted; a server that stops without a
 * reason is a violation.
 *
 * @module
 */
import { KvServer } from "../../kv/server.ts";
import type { NodeId } from "../../raft/core/types.ts";
import { metaName } from "../../raft/storage/meta.ts";
import { isSetAside } from "../../raft/storage/set_aside.ts";
import { segmentNumbers } from "../../raft/storage/wal_recovery.ts";
import type { CrashPolicy, DiskFault, SeededRandom, SimulatedProcess, Simulation } from "../../raft/testing/mod.ts";
import type { Counters, FaultName } from "./counters.ts";
import type { Monitor } from "./monitor.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import { Violation } from "./violation.ts";

/** The data directory of every node, on the disk of its own machine. */
const dataDir = "data";

/** Pause before a node that its disk has stopped is started again, in milliseconds. */
const restartAfterFailureMs = 500;

/** How a process may end. */
export type Crash =
  | { readonly kind: "process" }
  | { readonly kind: "power"; readonly disk: CrashPolicy };

/** See the module. */
export class SimulatedCluster {
  /** Names of all nodes. */
  readonly ids: readonly NodeId[];
  /** Where clients reach them. */
  readonly addresses: readonly string[];
  readonly #simulation: Simulation;
  readonly #plan: SwarmPlan;
  readonly #counters: Counters;
  readonly #monitor: Monitor;
  readonly #onViolation: (violation: Violation) => void;
  readonly #peers: Readonly<Record<NodeId, string>>;
  readonly #servers = new Map<NodeId, KvServer>();
  readonly #restarts: SeededRandom;
  /** Nodes that will have a reason to stop, and the reason once they have. */
  readonly #expectedStops = new Map<NodeId, Error | null>();

  /** A cluster of which no node runs. */
  constructor(
    simulation: Simulation,
    plan: SwarmPlan,
    counters: Counters,
    monitor: Monitor,
    onViolation: (violation: Violation) => void,
  ) {
    this.#simulation = simulation;
    this.#plan = plan;
    this.#counters = counters;
    this.#monitor = monitor;
    this.#onViolation = onViolation;
    this.#restarts = simulation.random.stream("restarts");
    this.ids = Array.from({ length: plan.nodes }, (_, position) => `n${position + 1}`);
    this.#peers = Object.fromEntries(this.ids.map((id, position) => [id, `127.0.0.1:${7001 + position}`]));
    this.addresses = Object.values(this.#peers);
    for (const id of this.ids) this.process(id).disk.faults.onHit = (fault) => counters.add(nameOfFault(fault));
  }

  /** The machine of a node. */
  process(id: NodeId): SimulatedProcess {
    return this.#simulation.process(id);
  }

  /** The running server of a node; undefined when it is dead, stopped or only starting. */
  server(id: NodeId): KvServer | undefined {
    const server = this.#servers.get(id);
    return this.process(id).isAlive && server?.replica.node.state === "running" ? server : undefined;
  }

  /** Nodes whose process is neither dead nor paused. */
  get awake(): NodeId[] {
    return this.ids.filter((id) => this.process(id).state === "running");
  }

  /** The node that leads the latest term among those awake, if there is one. */
  leader(): NodeId | undefined {
    let leader: NodeId | undefined;
    let term = -1;
    for (const id of this.awake) {
      const state = this.#monitor.viewOf(id)?.state;
      if (state?.role !== "leader" || state.currentTerm <= term) continue;
      leader = id;
      term = state.currentTerm;
    }
    return leader;
  }

  /** Starts a node that is dead. */
  start(id: NodeId): void {
    const process = this.process(id);
    if (process.isAlive) return;
    this.#servers.delete(id);
    const machine = process.start();
    const life = process.lives;
    const { timing, maxRaftState, walLimits } = this.#plan;
    const platform = { ...machine, walLimits };
    const { disk } = process;
    const trouble = (): number => disk.faults.hits + disk.refusals;
    const troubleBefore = trouble();
    const isDiskToBlame = (): boolean => trouble() > troubleBefore;
    const isThisLife = (): boolean => process.isAlive && process.lives === life;
    const failed = (check: "node-failure" | "node-start", error: unknown): void => {
      if (!isThisLife()) return;
      if (this.#expectedStops.has(id)) {
        this.#expectedStops.set(id, error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (isDiskToBlame()) return this.#stoppedByDisk(id, life);
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#onViolation(new Violation(check, `${id}#${life}: ${text}`, { cause: error }));
    };
    KvServer.start({
      ...{ id, listen: this.#peers[id] ?? "", peers: this.#peers, dataDir, timing, maxRaftState, platform },
      timeoutMs: this.#plan.serverTimeoutMs,
      onStopped: (reason) => {
        if (reason !== null) failed("node-failure", reason);
      },
    }).then(
      (server) => {
        if (!isThisLife()) return;
        this.#servers.set(id, server);
        this.#lookForDamage(id, life);
      },
      (error) => failed("node-start", error),
    );
  }

  /** From now on the node may stop by itself: the one thing that is no violation then. */
  expectStop(id: NodeId): void {
    this.#expectedStops.set(id, null);
  }

  /** Why a node has stopped that was expected to; null as long as it has not. */
  stopReason(id: NodeId): Error | null {
    return this.#expectedStops.get(id) ?? null;
  }

  /** Starts all nodes. */
  startAll(): void {
    for (const id of this.ids) this.start(id);
  }

  /** Kills a node's process. */
  kill(id: NodeId, crash: Crash): void {
    const process = this.process(id);
    if (!process.isAlive) return;
    if (this.#monitor.viewOf(id)?.state.role === "leader") this.#counters.add("leader crashed");
    const { disk } = process;
    const { lost, torn } = disk.crashTally;
    process.kill(crash);
    this.#servers.delete(id);
    this.#counters.add("unsynced write lost by a power cut", disk.crashTally.lost - lost);
    this.#counters.add("unsynced write torn by a power cut", disk.crashTally.torn - torn);
  }

  /**
   * Starts a node anew, or the machine it is on. A failed fsync leaves pages that look clean and are not (Rebello et al.,
   * "Can applications recover from fsync failures?", 2020): a new process sees them, a reboot shows what the disk really has.
   */
  restart(id: NodeId): void {
    this.kill(id, this.#restarts.chance(0.5) ? { kind: "process" } : { kind: "power", disk: "none" });
    this.start(id);
  }

  /**
   * No disk of a run damages what was synced: whatever a crash leaves must be known for what it is. A node that takes it for
   * damage finds copies of it elsewhere, so that nothing else tells, until a day on which there are none. A node that has given
   * its identity up keeps all its files, meta among them, and may have had another reason: it was replaced, or it cannot know
   * whether a write that a power cut has torn had been acknowledged (`witness.ts`).
   */
  #lookForDamage(id: NodeId, life: number): void {
    const names = this.process(id).disk.list(dataDir);
    if (segmentNumbers(names).length > 1) this.#counters.add("start from several segments");
    const found = names.filter(isSetAside);
    if (found.length === 0 || found.some((name) => name.endsWith(metaName))) return;
    const message = `${id}#${life} has found damage on a disk that lost only what was not synced: ${found.join(", ")}`;
    this.#onViolation(new Violation("damage", message));
  }

  /** The node has done what it must when its disk fails: it takes no part any more. Somebody starts it anew. */
  #stoppedByDisk(id: NodeId, life: number): void {
    this.#counters.add("node stopped by a failing disk");
    const process = this.process(id);
    this.#simulation.scheduler.after(restartAfterFailureMs, () => {
      if (process.lives !== life || !process.isAlive) return;
      this.restart(id);
    });
  }
}

function nameOfFault({ operation, code }: DiskFault): FaultName {
  if (operation === "sync") return "fsync failed";
  return code === "ENOSPC" ? "disk full" : "write failed";
}
