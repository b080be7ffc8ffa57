/**
 * Servers in processes of their own, as the harness sees them. What they tell is mirrored here, a moment later.
 *
 * @module
 */
import type { SubmitOutcome } from "../../../raft/rsm/errors.ts";
import type { CounterCommand, CounterLife, CounterServerOptions } from "./counter_server.ts";
import type { KvLife, KvLifeOptions } from "./kv_server.ts";
import type { RaftLife, RaftServerOptions, Started } from "./raft_server.ts";
import { ServerProcess } from "./server_process.ts";
import type { ServerEvent } from "./server_protocol.ts";
import type { ServerHost } from "./world.ts";

const noSettings = { maxRaftState: -1, takesSnapshots: false };

/** A {@link RaftLife} in a process of its own. */
export class RaftProcess extends ServerProcess implements RaftLife {
  /** See {@link RaftLife.commands}. */
  readonly commands: string[] = [];
  readonly #options: RaftServerOptions;

  private constructor(options: RaftServerOptions) {
    super(options.world, { kind: "raft", name: options.name, ...noSettings, takesSnapshots: options.takesSnapshots });
    this.#options = options;
  }

  /** Starts the process, and waits until the server runs. */
  static async boot(options: RaftServerOptions): Promise<RaftProcess> {
    const process = new RaftProcess(options);
    await process.ready;
    return process;
  }

  /** See {@link RaftLife.start}. */
  async start(command: string): Promise<Started | null> {
    return await this.ask<Started>({ kind: "start", command });
  }

  /** See {@link ServerProcess.heard}. */
  protected override heard(event: ServerEvent): void {
    const { agreed, name } = this.#options;
    if (event.kind === "applied") {
      agreed.apply(name, event, event.value);
      if (event.value !== null) this.commands.push(event.value);
    } else if (event.kind === "restored") {
      agreed.restore(name, event, event.commands);
      this.commands.splice(0, Infinity, ...event.commands);
    }
  }
}

/** A {@link CounterLife} in a process of its own. */
export class CounterProcess extends ServerProcess implements CounterLife {
  #total = 0;

  private constructor(world: ServerHost, name: string, maxRaftState: number) {
    super(world, { kind: "counter", name, ...noSettings, maxRaftState });
  }

  /** Starts the process, and waits until the server runs. */
  static async boot({ world, name, maxRaftState }: CounterServerOptions): Promise<CounterProcess> {
    const process = new CounterProcess(world, name, maxRaftState);
    await process.ready;
    return process;
  }

  /** See {@link CounterLife.total}. */
  get total(): number {
    return this.#total;
  }

  /** See {@link CounterLife.isLeader}. */
  get isLeader(): boolean {
    return this.state().isLeader;
  }

  /** See {@link CounterLife.snapshotIndex}. */
  get snapshotIndex(): number {
    return this.figures.snapshotIndex;
  }

  /** See {@link CounterLife.submit}. */
  async submit(command: CounterCommand): Promise<SubmitOutcome<number>> {
    const outcome = await this.ask<SubmitOutcome<number>>({ kind: "submit", command });
    return outcome ?? { kind: "unknown", reason: "stopped" };
  }

  /** See {@link CounterLife.shutDown}. */
  async shutDown(): Promise<void> {
    await this.ask({ kind: "shutDown" });
    await this.crash();
  }

  /** See {@link ServerProcess.heard}. */
  protected override heard(event: ServerEvent): void {
    if (event.kind === "total") this.#total = event.total;
  }
}

/** A {@link KvLife} in a process of its own. */
export class KvProcess extends ServerProcess implements KvLife {
  private constructor(world: ServerHost, name: string, maxRaftState: number) {
    super(world, { kind: "kv", name, ...noSettings, maxRaftState });
  }

  /** Starts the process, and waits until the server runs. */
  static async boot({ world, name, maxRaftState }: KvLifeOptions): Promise<KvProcess> {
    const process = new KvProcess(world, name, maxRaftState);
    await process.ready;
    return process;
  }

  /** See {@link KvLife.snapshotBytes}. */
  get snapshotBytes(): number {
    return this.figures.snapshotBytes;
  }

  /** See {@link ServerProcess.heard}. */
  protected override heard(_event: ServerEvent): void {}
}
