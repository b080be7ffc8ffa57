/**
 * Servers that are cut off, crashed and started again, whatever runs on them. They are numbered from 0, as in the course.
 *
 * @module
 */
import { LabFailure, type LabWorld, type WorldProfile } from "./world.ts";

/** The course's RaftElectionTimeout: a generous bound on the time that an election takes. */
export const electionTimeoutMs = 1_000;

/** One life of a server. */
export interface ServerLife {
  /** Whether the life goes on. */
  readonly isAlive: boolean;
  /** Bytes of Raft state that the disk holds, without the snapshot. */
  readonly raftStateBytes: number;
  /** Brings the figures up to date, where they come from another process. */
  refresh(): Promise<void>;
  /** Ends the life without warning. */
  crash(): Promise<void>;
}

/** See the module. */
export abstract class LabCluster<Life extends ServerLife> {
  /** Number of servers. */
  readonly size: number;
  /** Where they live. */
  readonly world: LabWorld;
  readonly #names: readonly string[];
  /** The latest life of each server. */
  readonly #lives: (Life | undefined)[] = [];
  readonly #isConnected: boolean[];

  /**
   * Names the servers; none runs before {@link bootAll}. `names` are those of a cluster that is not the only one of its
   * world, which has begun then.
   */
  constructor(world: LabWorld, size: number, profile: WorldProfile = {}, names?: readonly string[]) {
    this.world = world;
    this.size = size;
    this.#names = names ?? Array.from({ length: size }, (_, at) => `n${at + 1}`);
    this.#isConnected = this.#names.map(() => true);
    if (names === undefined) world.begin(this.#names, profile);
    world.atEnd(async () => {
      await Promise.all(this.lives.map((life) => life.isAlive ? life.crash() : null));
    });
  }

  /** Begins a life. */
  protected abstract begin(name: string): Promise<Life>;

  /** All servers. */
  get everyone(): number[] {
    return this.#names.map((_, at) => at);
  }

  /** Servers that are up and not cut off. */
  get reachable(): number[] {
    return this.everyone.filter((server) => this.isConnected(server) && this.isUp(server));
  }

  /** The latest life of each server that was ever started. */
  get lives(): readonly Life[] {
    return this.#lives.flatMap((life) => life ?? []);
  }

  /** The latest life of a server. */
  life(server: number): Life {
    const life = this.#lives[server];
    if (life === undefined) throw new LabFailure(`server ${server} was never started`);
    return life;
  }

  /** Brings the figures of all servers up to date. */
  async refresh(): Promise<void> {
    await Promise.all(this.lives.map((life) => life.isAlive ? life.refresh() : null));
  }

  /** Most bytes of Raft state that any server has; see {@link refresh}. */
  get raftStateBytes(): number {
    return Math.max(...this.lives.map((life) => life.raftStateBytes));
  }

  /** Names of all servers. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** The server's name. */
  name(server: number): string {
    return this.#names[server] ?? "";
  }

  /** Starts a server that is down. Does not connect it. */
  async boot(server: number): Promise<void> {
    this.#lives[server] = await this.begin(this.name(server));
  }

  /** Starts all servers. */
  async bootAll(): Promise<void> {
    await Promise.all(this.everyone.map((server) => this.boot(server)));
  }

  /** Crashes a server, which is disconnected by that. Harmless when it is down. */
  async crash(server: number): Promise<void> {
    this.disconnect(server);
    if (this.isUp(server)) await this.#lives[server]?.crash();
  }

  /** Crashes all servers. */
  async crashAll(): Promise<void> {
    for (const server of this.everyone) await this.crash(server);
  }

  /**
   * Stops a server unless it is down, connects it and starts it again: a server that must ask the others about what it has
   * written last could not start while it is cut off.
   */
  async restart(server: number): Promise<void> {
    await this.crash(server);
    this.connect(server);
    await this.boot(server);
  }

  /** Starts all servers that were crashed, or crashes those that are up first. */
  async restartAll(): Promise<void> {
    await this.crashAll();
    for (const server of this.everyone) this.connect(server);
    await this.bootAll();
  }

  /** Whether the server has not crashed. */
  isUp(server: number): boolean {
    return this.#lives[server]?.isAlive === true;
  }

  /** Whether the server is not cut off. */
  isConnected(server: number): boolean {
    return this.#isConnected[server] === true;
  }

  /** Cuts a server off. */
  disconnect(server: number): void {
    this.#isConnected[server] = false;
    this.world.disconnect(this.name(server));
  }

  /** Ends {@link disconnect}. */
  connect(server: number): void {
    this.#isConnected[server] = true;
    this.world.connect(this.name(server));
  }

  /** Splits the servers; no group heals. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.world.partition(groups.map((group) => group.map((server) => this.name(server))));
  }

  /** Waits until the condition holds; fails after `timeoutMs`. */
  async until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
    const { clock } = this.world;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    while (!condition()) {
      if (clock.monotonicMs() >= deadlineMs) throw new LabFailure(`waited ${timeoutMs} ms in vain for ${what}`);
      await this.world.sleep(20);
    }
  }
}
