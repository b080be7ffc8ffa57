/**
 * A key/value cluster under simulation, with a client that appends while everything breaks. Run as a program, it prints the
 * trace hash of the seed given, so that two processes can be compared.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import { KvServer } from "../../kv/server.ts";
import { courseUnreliable, Simulation, type SimulationOptions } from "../../raft/testing/mod.ts";

/** What a run came to. */
export interface ClusterRun {
  /** Hash of all that happened. */
  readonly hash: string;
  /** The value at the end, as the servers have it. */
  readonly values: readonly string[];
  /** What the client was told is done, in order. */
  readonly expected: string;
  /** The simulation, at its end. */
  readonly simulation: Simulation;
}

/** Starts a cluster in a simulation and can restart its members. */
export class SimulatedCluster {
  /** Addresses by name. */
  readonly peers: Readonly<Record<string, string>>;
  /** The present life of each member that is alive. */
  readonly servers = new Map<string, KvServer>();
  readonly simulation: Simulation;

  /** A cluster of `size` members, none of which runs. */
  constructor(simulation: Simulation, size: number) {
    this.simulation = simulation;
    this.peers = Object.fromEntries(
      Array.from({ length: size }, (_, at) => [`n${at + 1}`, `127.0.0.1:${7001 + at}`]),
    );
  }

  /** The members' names. */
  get names(): string[] {
    return Object.keys(this.peers);
  }

  /** Starts a member on what its disk holds. */
  async start(id: string, maxRaftState = 20_000): Promise<void> {
    const platform = this.simulation.process(id).start();
    const { peers } = this;
    const server = await KvServer.start({
      ...{ id, listen: peers[id] ?? "", peers, dataDir: "/data", platform, maxRaftState },
    });
    this.servers.set(id, server);
  }

  /** The leader among those alive, or null. */
  leader(): string | null {
    for (const [id, server] of this.servers) {
      if (this.simulation.process(id).isAlive && server.status().role === "leader") return id;
    }
    return null;
  }

  /** Kills a member: by power failure half of the time. */
  kill(id: string): void {
    const byPower = this.simulation.random.stream(`kill at ${this.simulation.nowMs}`).chance(0.5);
    this.simulation.process(id).kill({ kind: byPower ? "power" : "process" });
    this.servers.delete(id);
  }
}

/** Runs the scenario. */
export async function runCluster(seed: number, options: Partial<SimulationOptions> = {}): Promise<ClusterRun> {
  const simulation = new Simulation({ seed, ...options });
  const cluster = new SimulatedCluster(simulation, 5);
  const random = simulation.random.stream("scenario");
  let expected = "";
  const values = await simulation.run(async () => {
    await Promise.all(cluster.names.map((id) => cluster.start(id)));
    const clerk = new Clerk(Object.values(cluster.peers), simulation.process("client").start());
    for (let round = 0; round < 6; round++) {
      simulation.network.setFaults(round % 2 === 1 ? courseUnreliable : null);
      const appends = (async () => {
        for (let step = 0; step < 5; step++) {
          const word = `${round}.${step} `;
          await clerk.append("log", word);
          expected += word;
        }
      })();
      const victim = cluster.leader() ?? "n1";
      cluster.kill(victim);
      await simulation.sleep(random.between(100, 2_000));
      await cluster.start(victim);
      const [first = "", ...others] = random.shuffle(cluster.names);
      simulation.network.partition([[first, ...others.slice(0, 1)], others.slice(1)], "hold");
      await simulation.sleep(1_000);
      simulation.network.heal();
      await appends;
    }
    simulation.network.setFaults(null);
    await simulation.sleep(5_000);
    await clerk.get("log");
    return await Promise.all(cluster.names.map(async (id) => {
      const own = new Clerk([cluster.peers[id] ?? ""], simulation.process(`reader of ${id}`).start());
      return String(await own.get("log", { consistency: "stale" }));
    }));
  });
  return { hash: simulation.trace.hash, values, expected, simulation };
}

if (import.meta.main) console.log((await runCluster(Number(Deno.args[0]))).hash);
