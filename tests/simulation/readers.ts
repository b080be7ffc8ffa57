/**
 * Readers beside the Clerks. A stale read can happen only in the moments in which an old leader does not know yet that there is
 * a newer one, or a follower lags, and Clerks are hardly ever there then: they follow the leader. So these readers ask the
 * replica of a node directly, as code in its own process may, whatever the network does; they ask all nodes alike, and in
 * moments of doubt, when the leader was cut off or paused, they ask it without end, while a rival writes through the others.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import { ClerkError } from "../../kv/errors.ts";
import type { NodeId } from "../../raft/core/types.ts";
import { sleep } from "../../raft/node/clock.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import type { SeededRandom, Simulation } from "../../raft/testing/mod.ts";
import type { SimulatedCluster } from "./cluster.ts";
import type { SwarmPlan } from "./swarm_plan.ts";
import type { Workload } from "./workload.ts";

/** What a read may take, in milliseconds. */
const readTimeoutMs = 2_000;

/** Name of the process of the client that writes while the leader is in doubt. */
const rivalName = "rival";

/** What readers work with. */
export interface ReadersContext {
  /** The world. */
  readonly simulation: Simulation;
  /** Says how often. */
  readonly plan: SwarmPlan;
  /** The nodes. */
  readonly cluster: SimulatedCluster;
  /** Has the keys, and records. */
  readonly workload: Workload;
}

/** See the module. */
export class Readers {
  readonly #context: ReadersContext;
  readonly #random: SeededRandom;
  #inDoubt = false;

  /** Does nothing before {@link start}. */
  constructor(context: ReadersContext) {
    this.#context = context;
    this.#random = context.simulation.random.stream("readers");
  }

  /** Reads anywhere from now on, until the workload stops. */
  start(): void {
    const { plan, cluster } = this.#context;
    const { readerThinkMs } = plan.workload;
    if (readerThinkMs === Infinity) return;
    this.#repeat(readerThinkMs, () => !this.#context.workload.isStopped, () => {
      if (cluster.awake.length > 0) this.#read(this.#random.pick(cluster.awake));
    });
  }

  /** Reads several times at a node, at once. */
  ask(id: NodeId): void {
    for (let count = 0; count < 4; count++) this.#read(id);
  }

  /** A node may lead without a quorum for the next few election timeouts: what it says is of interest. */
  doubt(id: NodeId): void {
    const { simulation, plan, workload } = this.#context;
    if (this.#inDoubt || !plan.workload.hasDoubt || workload.isStopped) return;
    this.#inDoubt = true;
    const untilMs = simulation.nowMs + 3 * electionTimeoutMs(plan.timing) + 200;
    const isOver = (): boolean => simulation.nowMs >= untilMs || workload.isStopped;
    this.ask(id);
    this.#repeat(8, () => !isOver(), () => this.#read(id));
    this.#rival(id, isOver);
    simulation.scheduler.at(untilMs, () => {
      simulation.process(rivalName).kill();
      this.#inDoubt = false;
    });
  }

  #repeat(thinkMs: number, goesOn: () => boolean, act: () => void): void {
    this.#context.simulation.scheduler.after(2 * thinkMs * this.#random.next(), () => {
      if (!goesOn()) return;
      act();
      this.#repeat(thinkMs, goesOn, act);
    });
  }

  /** Writes through all nodes but one, and asks for no more patience than an election takes. */
  #rival(avoided: NodeId, isOver: () => boolean): void {
    const { simulation, plan, cluster, workload } = this.#context;
    const addresses = cluster.addresses.filter((_, position) => cluster.ids[position] !== avoided);
    if (addresses.length === 0) return;
    const { network, clock, random } = simulation.process(rivalName).start();
    const attemptTimeoutMs = electionTimeoutMs(plan.timing);
    const clerk = new Clerk(addresses, { network, clock, random, attemptTimeoutMs, timeoutMs: 4 * attemptTimeoutMs });
    const run = async (): Promise<void> => {
      while (!isOver()) {
        await sleep(clock, this.#random.between(0, 30));
        try {
          await workload.write(clerk, "append", workload.drawKey(this.#random), 0);
        } catch (error) {
          if (!(error instanceof ClerkError)) throw error;
        }
      }
    };
    run().catch((error) => workload.failed(rivalName, error));
  }

  #read(id: NodeId): void {
    const { plan, cluster, workload } = this.#context;
    const server = cluster.server(id);
    const process = cluster.process(id);
    if (server === undefined || process.state !== "running") return;
    const { lives } = process;
    const key = workload.drawKey(this.#random);
    const call = workload.beginRead(key, `of ${id}`);
    const consistency = this.#random.chance(plan.leaseReads) ? "lease" : "linearizable";
    server.replica.readWith({ kind: "get", key }, consistency, (outcome) => {
      // What a dead process would still have said, nobody hears.
      if (!process.isAlive || process.lives !== lives) return;
      if (outcome.kind !== "done") return call.fail();
      const { answer } = outcome;
      if ("value" in answer && typeof answer.value === "string") call.ok(answer.value);
    }, readTimeoutMs);
  }
}
