/**
 * A simulated key/value cluster whose nodes lose their disks, with the supervisor that every node has in production: one
 * that starts a retired node again.
 *
 * @module
 */
import { Clerk } from "../../../kv/clerk.ts";
import { KvServer } from "../../../kv/server.ts";
import type { KvStatus } from "../../../kv/status.ts";
import { RetiredError, type Timing } from "../../../raft/mod.ts";
import { type CrashPolicy, Simulation } from "../../../raft/testing/mod.ts";

/** Where every node keeps its data, on a disk of its own. */
export const dataDir = "/data";

/** Some nodes, and what an operator can do to them. */
export class RejoinWorld {
  readonly simulation: Simulation;
  /** Addresses by name. */
  readonly peers: Readonly<Record<string, string>>;
  /** What the nodes reported, each line beginning with the node's name. */
  readonly reports: string[] = [];
  /** Why nodes could not be started. */
  readonly refusals = new Map<string, Error>();
  readonly #servers = new Map<string, KvServer>();
  #clerks = 0;

  readonly #timing: Partial<Timing>;

  readonly #seed: number;

  constructor(seed: number, size = 3, timing: Partial<Timing> = {}) {
    this.#seed = seed;
    this.simulation = new Simulation({ seed });
    this.#timing = timing;
    this.peers = Object.fromEntries(
      Array.from({ length: size }, (_, at) => [`n${at + 1}`, `127.0.0.1:${7001 + at}`]),
    );
  }

  get names(): string[] {
    return Object.keys(this.peers);
  }

  /** Starts a node on what its disk holds; resolves when it runs or was refused. */
  async start(id: string): Promise<void> {
    const process = this.simulation.process(id);
    await this.#serve(id, process.start(), process.lives);
  }

  async #serve(id: string, platform: ReturnType<ReturnType<Simulation["process"]>["start"]>, life: number) {
    const process = this.simulation.process(id);
    const { peers } = this;
    let server: KvServer | null = null;
    try {
      server = await KvServer.start({
        ...{ id, listen: peers[id] ?? "", peers, dataDir, platform, maxRaftState: 20_000, timing: this.#timing },
        onProblem: (text) => this.reports.push(`${id}: ${text}`),
        onStopped: (reason) => {
          if (reason === null || !process.isAlive || process.lives !== life) return;
          this.reports.push(`${id}: stopped: ${reason.message}`);
          if (!(reason instanceof RetiredError)) return;
          void (async () => {
            await server?.[Symbol.asyncDispose]();
            await this.#serve(id, platform, life);
          })();
        },
      });
      this.#servers.set(id, server);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.refusals.set(id, error);
    }
  }

  /** Starts all nodes. */
  async startAll(): Promise<void> {
    await Promise.all(this.names.map((id) => this.start(id)));
  }

  /** Kills a node, by power failure unless told otherwise. */
  kill(id: string, kind: "power" | "process" = "power", disk?: CrashPolicy): void {
    const power = { kind: "power", ...(disk === undefined ? {} : { disk }) } as const;
    this.simulation.process(id).kill(kind === "power" ? power : { kind });
    this.#servers.delete(id);
  }

  /** How a node is; null when it does not run. */
  status(id: string): KvStatus | null {
    return this.simulation.process(id).isAlive ? this.#servers.get(id)?.status() ?? null : null;
  }

  /** The voters, as a node knows them. */
  voters(id: string): readonly string[] {
    return this.#servers.get(id)?.replica.node.status().configuration.voters ?? [];
  }

  /** The leader, or null. */
  leader(): string | null {
    return this.names.find((id) => this.status(id)?.role === "leader" && this.status(id)?.state === "running") ?? null;
  }

  /** Waits, within the simulation, until something holds. */
  async until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    const deadlineMs = this.simulation.nowMs + timeoutMs;
    while (!condition()) {
      if (this.simulation.nowMs > deadlineMs) {
        throw new Error(`Waited ${timeoutMs} ms in vain for ${what}:\n${this.reports.slice(-30).join("\n")}`);
      }
      await this.simulation.sleep(20);
    }
  }

  /** Waits until a node is a member like every other, in a configuration that is committed. */
  untilMember(id: string): Promise<void> {
    return this.until(`${id} to be a voter`, () => {
      const status = this.status(id);
      const leader = this.leader();
      const node = leader === null ? undefined : this.#servers.get(leader)?.replica.node.status();
      if (node === undefined || status?.state !== "running") return false;
      const { voters, outgoing } = node.configuration;
      const isSettled = outgoing.length === 0 && node.commitIndex === node.last.index;
      return isSettled && voters.length === this.names.length && voters.includes(status.identity);
    });
  }

  /** Looks for so long, and fails if somebody leads, who then lacks what was acknowledged. */
  async hasNoLeaderFor(timeMs: number): Promise<void> {
    const endMs = this.simulation.nowMs + timeMs;
    while (this.simulation.nowMs < endMs) {
      await this.simulation.sleep(200);
      const leader = this.leader();
      if (leader === null) continue;
      throw new Error(`seed ${this.#seed}: ${leader} leads without what was acknowledged`);
    }
  }

  /** Appends `count` words to the key "log", and returns what they have added to it. */
  async append(from: number, count: number): Promise<string> {
    await using clerk = this.clerk();
    let words = "";
    for (let at = from; at < from + count; at++) {
      await clerk.append("log", `${at} `);
      words += `${at} `;
    }
    return words;
  }

  /** A Clerk on a machine of its own. */
  clerk(servers: readonly string[] = this.names): Clerk {
    const machine = this.simulation.process(`client ${++this.#clerks}`);
    return new Clerk(servers.map((id) => this.peers[id] ?? ""), machine.start());
  }

  /** What each node has for a key once it has applied everything. */
  values(key: string): Promise<string[]> {
    return Promise.all(this.names.map(async (id) => {
      await using own = this.clerk([id]);
      return String(await own.get(key));
    }));
  }
}
