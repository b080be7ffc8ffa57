/**
 * The course's key/value harness: servers, and clients whose every call is recorded.
 *
 * @module
 */
import { Clerk, type PutIfVersionResult } from "../../../kv/clerk.ts";
import { type HeldLock, Lock, type LockClerk } from "../../../kv/lock.ts";
import type { Platform } from "../../../raft/platform.ts";
import { checkLinearizability, HistoryRecorder, type JsonValue } from "../../../raft/testing/mod.ts";
import { type KvLife, KvLocal } from "./kv_server.ts";
import { LabCluster } from "./lab_cluster.ts";
import { KvProcess } from "./server_processes.ts";
import { demand, type LabWorld, type WorldProfile } from "./world.ts";

/** Milliseconds in which a client expects an answer before it tries another server, unless told otherwise. */
const usualAttemptTimeoutMs = 250;

/** What differs between clusters. */
export interface KvClusterOptions extends WorldProfile {
  /** Servers. */
  readonly size: number;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** False for the course's unreliable network. */
  readonly isReliable: boolean;
  /**
   * Milliseconds in which a client expects an answer before it tries another server. The course's network tells a client at
   * once that it has lost a message; ours does not, as TCP would not lose it, so a client finds out by waiting.
   */
  readonly attemptTimeoutMs?: number;
}

/** Where a client runs. */
export interface ClientMachine {
  /** The machine's name. */
  readonly name: string;
  /** What it runs on. */
  readonly platform: Platform;
  /** Where it dials the servers. */
  readonly addresses: readonly string[];
}

/** See the module. */
export class KvCluster extends LabCluster<KvLife> {
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never. */
  readonly maxRaftState: number;
  /** Calls made. */
  operations = 0;
  readonly #recorder: HistoryRecorder;
  readonly #attemptTimeoutMs: number;
  #clients = 0;
  readonly #clerks: Clerk[] = [];

  private constructor(world: LabWorld, options: KvClusterOptions) {
    super(world, options.size, options);
    this.maxRaftState = options.maxRaftState;
    this.#attemptTimeoutMs = options.attemptTimeoutMs ?? usualAttemptTimeoutMs;
    this.#recorder = new HistoryRecorder(() => world.clock.monotonicMs() * 1e6);
  }

  /** Starts all servers. */
  static async make(world: LabWorld, options: KvClusterOptions): Promise<KvCluster> {
    const cluster = new KvCluster(world, options);
    world.setReliable(options.isReliable);
    await cluster.bootAll();
    return cluster;
  }

  /** Begins a life. */
  protected override begin(name: string): Promise<KvLife> {
    const options = { world: this.world, name, maxRaftState: this.maxRaftState };
    return this.world.usesProcesses ? KvProcess.boot(options) : KvLocal.boot(options);
  }

  /** A client of its own machine, which reaches these servers only. */
  client(servers: readonly number[] = this.everyone, options: { readonly sessions?: boolean } = {}): KvClient {
    const { name, platform: { clock, network, random }, addresses } = this.machine(servers);
    const clerk = new Clerk(this.world.random.shuffle(addresses), {
      ...{ clock, network, random, attemptTimeoutMs: this.#attemptTimeoutMs, ...options },
    });
    this.#clerks.push(clerk);
    this.world.atEnd(() => clerk.close());
    return new KvClient(this, name, clerk, this.#recorder);
  }

  /** A machine for a client that reaches these servers only, and where it dials them. */
  machine(servers: readonly number[] = this.everyone): ClientMachine {
    const name = `client ${++this.#clients}`;
    const platform = this.world.boot(name);
    const dialled = this.world.addressesFor(name);
    if (servers.length < this.size) this.confine(name, servers);
    return { name, platform, addresses: servers.flatMap((server) => dialled[this.name(server)] ?? []) };
  }

  /** Lets a client reach these servers only. */
  confine(client: string, servers: readonly number[]): void {
    this.world.confine(client, servers.map((server) => this.name(server)));
  }

  /** The leader of the highest term among the servers that are up, waited for. */
  async leader(): Promise<number> {
    const leaders = (): number[] =>
      this.everyone.filter((server) => this.isUp(server) && this.life(server).state().isLeader)
        .sort((left, right) => this.life(right).state().term - this.life(left).state().term);
    await this.until("a leader", () => leaders().length > 0);
    return leaders()[0] ?? 0;
  }

  /** Splits the servers so that the leader is in the minority; returns both sides. */
  async putLeaderInMinority(): Promise<{ readonly minority: number[]; readonly majority: number[] }> {
    const leader = await this.leader();
    const others = this.everyone.filter((server) => server !== leader);
    const companions = Math.floor(this.size / 2) - 1;
    const [minority, majority] = [[leader, ...others.slice(0, companions)], others.slice(companions)];
    this.partition(minority, majority);
    return { minority, majority };
  }

  /** Fails when the Raft state is larger than eight times its limit, or a snapshot was taken that must not be. */
  async checkSizes(): Promise<void> {
    await this.refresh();
    if (this.maxRaftState < 0) {
      const bytes = Math.max(...this.lives.map((life) => life.snapshotBytes));
      demand(bytes === 0, `a snapshot of ${bytes} bytes was taken although none may be`);
      return;
    }
    const bytes = this.raftStateBytes;
    demand(bytes <= 8 * this.maxRaftState, `the Raft state was not trimmed: ${bytes} > 8 * ${this.maxRaftState} bytes`);
  }

  /** Ends all clients, and fails unless their calls are linearizable; undecided is a failure. */
  async finish(): Promise<void> {
    await Promise.all(this.#clerks.map((clerk) => clerk.close()));
    const verdict = checkLinearizability(this.#recorder.history());
    demand(verdict.kind === "linearizable", () => "explanation" in verdict ? verdict.explanation : verdict.kind);
  }
}

/** A value and how often it was written. */
export interface VersionedValue {
  /** The value, "" if there is none. */
  readonly value: string;
  /** Its version, 0 if there is none. */
  readonly version: number;
}

/** What a client's calls go to. */
type ClientCalls = LockClerk & Pick<Clerk, "put" | "append" | "get" | "putIfVersion" | "getWithVersion">;

/** A client. */
export class KvClient {
  /** Its machine. */
  readonly name: string;
  readonly #cluster: { operations: number };
  readonly #clerk: ClientCalls;
  readonly #recorder: HistoryRecorder;

  /** `cluster` counts the calls. */
  constructor(cluster: { operations: number }, name: string, clerk: ClientCalls, recorder: HistoryRecorder) {
    this.#cluster = cluster;
    this.name = name;
    this.#clerk = clerk;
    this.#recorder = recorder;
  }

  /** Replaces a value. */
  async put(key: string, value: string): Promise<void> {
    const call = this.#begin("put", key, value);
    await this.#clerk.put(key, value);
    call.ok();
  }

  /** Adds to a value. */
  async append(key: string, value: string): Promise<void> {
    const call = this.#begin("append", key, value);
    await this.#clerk.append(key, value);
    call.ok();
  }

  /** Reads a value. */
  async get(key: string): Promise<string> {
    const call = this.#begin("get", key, null);
    const value = await this.#clerk.get(key);
    call.ok(value);
    return value;
  }

  /** Fails unless the value is this one. */
  async check(key: string, expected: string): Promise<void> {
    const value = await this.get(key);
    demand(value === expected, `get of ${key}: ${JSON.stringify(value)}, expected ${JSON.stringify(expected)}`);
  }

  /** Replaces a value of that version; 0 stands for none. */
  async putIfVersion(key: string, value: string, version: number): Promise<PutIfVersionResult> {
    const call = this.#begin("putIfVersion", key, { value, version });
    const result = await this.#clerk.putIfVersion(key, value, version);
    const { kind: outcome } = result;
    call.ok("version" in result ? { outcome, version: result.version } : { outcome });
    return result;
  }

  /** Reads a value and its version. */
  async getWithVersion(key: string): Promise<VersionedValue> {
    const call = this.#begin("getWithVersion", key, null);
    const { value, version } = await this.#clerk.getWithVersion(key);
    demand(typeof value === "string", `the value of ${key} is no text`);
    call.ok({ value, version });
    return { value, version };
  }

  /** Waits for a lock. */
  async acquire(name: string): Promise<HeldLock> {
    const call = this.#begin("acquire", `lock ${name}`, this.name);
    const held = await new Lock(this.#clerk, name).acquire();
    call.ok(held.token);
    return held;
  }

  /** Gives a lock up; false if it was lost before. */
  async release(held: HeldLock): Promise<boolean> {
    const call = this.#begin("release", `lock ${held.name}`, held.token);
    const isReleased = await held.release();
    call.ok(isReleased);
    return isReleased;
  }

  #begin(f: string, key: string, value: JsonValue) {
    this.#cluster.operations++;
    return this.#recorder.begin({ f, key, value });
  }
}
