/**
 * The course's Raft test harness: servers that are offered commands, cut off, crashed and restarted, and what must hold.
 *
 * @module
 */
import { AgreedLog } from "./agreed_log.ts";
import type { CommandIndex } from "./index_map.ts";
import { LabCluster } from "./lab_cluster.ts";
import { type LabState, type RaftLife, RaftServer, type Started } from "./raft_server.ts";
import { RaftProcess } from "./server_processes.ts";
import { demand, LabFailure, type LabWorld, type WorldProfile } from "./world.ts";

/** How many servers have applied a command, and which. */
export interface Committed {
  /** Servers. */
  readonly count: number;
  /** The command; null when nobody has applied it. */
  readonly command: string | null;
}

/** What differs between clusters. */
export interface RaftClusterOptions extends WorldProfile {
  /** Whether the servers take snapshots. */
  readonly takesSnapshots?: boolean;
  /** False for the course's unreliable network. */
  readonly isReliable?: boolean;
}

/** See the module. */
export class RaftCluster extends LabCluster<RaftLife> {
  readonly #agreed = new AgreedLog();
  readonly #takesSnapshots: boolean;
  #startsOffered = 0;
  #commandsMade = 0;

  private constructor(world: LabWorld, size: number, options: RaftClusterOptions) {
    super(world, size, options);
    this.#takesSnapshots = options.takesSnapshots ?? false;
  }

  /** Starts all servers, connected. */
  static async make(
    world: LabWorld,
    size: number,
    options: RaftClusterOptions = {},
  ): Promise<RaftCluster> {
    const cluster = new RaftCluster(world, size, options);
    world.setReliable(options.isReliable ?? true);
    await cluster.bootAll();
    // The course's servers know each other from the start; what happens to them happens after that.
    await Promise.all(cluster.lives.map((life) => life.founded));
    return cluster;
  }

  /** Highest number of a command that any server has applied. */
  get agreements(): number {
    return Math.max(...this.lives.map((life) => life.commands.length));
  }

  /** Another command, like no other. */
  command(): string {
    return String(1_000_000 * ++this.#commandsMade + this.world.random.integer(1_000_000));
  }

  /** The course's GetState. */
  state(server: number): LabState {
    return this.life(server).state();
  }

  /** The course's Start: null unless the server takes itself for the leader. */
  async start(server: number, command: string): Promise<Started | null> {
    return await this.life(server).start(command);
  }

  /** Waits for a leader among the connected servers, and returns it; fails when two lead one term, or nobody does. */
  async checkOneLeader(): Promise<number> {
    for (let round = 0; round < 10; round++) {
      await this.world.sleep(450 + this.world.random.integer(100));
      const leaders = new Map<number, number>();
      for (const server of this.reachable) {
        const { term, isLeader } = this.state(server);
        if (!isLeader) continue;
        demand(!leaders.has(term), `term ${term} has two leaders: ${leaders.get(term)} and ${server}`);
        leaders.set(term, server);
      }
      const newest = leaders.get(Math.max(...leaders.keys()));
      if (newest !== undefined) return newest;
    }
    throw new LabFailure("expected one leader: there is none");
  }

  /** The term, on which all connected servers agree. */
  checkTerms(): number {
    const terms = new Set(this.reachable.map((server) => this.state(server).term));
    demand(terms.size === 1, () => `servers disagree on the term: ${[...terms].join(", ")}`);
    return Math.max(...terms);
  }

  /** Fails when a connected server leads. */
  checkNoLeader(): void {
    for (const server of this.reachable) {
      demand(
        !this.state(server).isLeader,
        `expected no leader among the connected servers, but ${server} claims to be it`,
      );
    }
  }

  /** Begins a life. */
  protected override begin(name: string): Promise<RaftLife> {
    const { world } = this;
    const options = { world, name, agreed: this.#agreed, takesSnapshots: this.#takesSnapshots };
    return world.usesProcesses ? RaftProcess.boot(options) : RaftServer.boot(options);
  }

  /** How many servers have applied the command number `index`. */
  committed(index: CommandIndex): Committed {
    let count = 0;
    let command: string | null = null;
    for (const { commands } of this.lives) {
      const applied = commands[index - 1];
      if (applied === undefined) continue;
      demand(
        command === null || applied === command,
        `committed values at index ${index} do not match: ${command} and ${applied}`,
      );
      command = applied;
      count++;
    }
    return { count, command };
  }

  /**
   * Has a command agreed on by at least `expected` servers within 10 s, and returns its index. With `retries` it may be
   * offered again when the leader that took it failed, and be committed twice.
   */
  async one(command: string, expected: number, retries: boolean): Promise<CommandIndex> {
    const deadlineMs = this.#nowMs() + 10_000;
    while (this.#nowMs() < deadlineMs) {
      const started = await this.#offer(command);
      if (started === null) {
        await this.world.sleep(50);
        continue;
      }
      const agreementMs = this.#nowMs() + 2_000;
      while (this.#nowMs() < agreementMs) {
        const { count, command: applied } = this.committed(started.index);
        if (count >= expected && applied === command) return started.index;
        await this.world.sleep(20);
      }
      demand(retries, `one(${command}) failed to reach agreement at index ${started.index}`);
    }
    throw new LabFailure(`one(${command}) failed to reach agreement of ${expected} servers within 10 s`);
  }

  /**
   * Waits for at least `expected` servers to apply the command number `index`, and returns it; null when some server's term
   * has moved on from `startTerm`.
   */
  async wait(index: CommandIndex, expected: number, startTerm: number | null): Promise<string | null> {
    let pauseMs = 10;
    for (let round = 0; round < 30; round++) {
      if (this.committed(index).count >= expected) break;
      await this.world.sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, 1_000);
      if (startTerm !== null && this.everyone.some((server) => this.state(server).term > startTerm)) return null;
    }
    const { count, command } = this.committed(index);
    demand(count >= expected, `only ${count} servers decided index ${index}; ${expected} were expected to`);
    return command;
  }

  /** Offers a command to the connected servers in turn. */
  async #offer(command: string): Promise<Started | null> {
    for (let tries = 0; tries < this.size; tries++) {
      const server = ++this.#startsOffered % this.size;
      if (!this.isConnected(server) || !this.isUp(server)) continue;
      const started = await this.start(server, command);
      if (started !== null) return started;
    }
    return null;
  }

  #nowMs(): number {
    return this.world.clock.monotonicMs();
  }
}
