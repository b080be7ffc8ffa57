/**
 * What the leader of a shard group does of its own accord: it takes the next configuration, fetches the shards that the
 * group gains, and has their former owners drop what they no longer need.
 *
 * Nothing is remembered here that the group's state does not say. Each step is a command in the group's log, refused there
 * when it does not fit, so that two leaders, or one that wakes up late, do no harm.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { type Clock, sleep } from "../../raft/node/clock.ts";
import { NotDoneError, UnknownOutcomeError } from "../../raft/rsm/errors.ts";
import { ClerkError } from "../errors.ts";
import { ShapeError } from "../shape.ts";
import type { Connections } from "./connections.ts";
import type { ConfigurationReader } from "./controller.ts";
import type { GroupCommand } from "./group_commands.ts";
import type { GroupReplica } from "./group_service.ts";
import { copyKey, type Obligation } from "./group_state.ts";
import { clusterIdOf, type GroupId } from "./shard_config.ts";
import type { GainingShard } from "./shard_copies.ts";
import type { GroupResult, ShardGroupMachine } from "./shard_group.ts";
import { dropToCbor, fetchToCbor, isDone, pieceFromReply } from "./shard_protocol.ts";

/** What a {@link Mover} works with. */
export interface MoverOptions {
  /** The group. */
  readonly machine: ShardGroupMachine;
  /** The group, replicated. */
  readonly replica: GroupReplica;
  /** Where configurations come from. */
  readonly configurations: ConfigurationReader;
  /** To the servers of other groups. */
  readonly connections: Connections;
  /** Time. */
  readonly clock: Clock;
  /** How often a leader looks for a new configuration, and tries again what has failed, in milliseconds. */
  readonly pollMs: number;
  /** How long another group's server, or the controller, may take to answer, in milliseconds. */
  readonly askTimeoutMs: number;
  /** Something is wrong that no other attempt can mend: the node must stop. */
  readonly onFailed: (error: unknown) => void;
}

/** Shards that are fetched at a time, and copies that are asked to be dropped. */
const mostAtOnce = 8;

/** How long the group itself may take to execute a step, in milliseconds. */
const submitTimeoutMs = 5_000;

/** See the module. */
export class Mover {
  readonly #options: MoverOptions;
  readonly #stop = new AbortController();
  /** What is under way: shards that are fetched, and copies that are being dropped. */
  readonly #fetching = new Set<number>();
  readonly #dropping = new Set<string>();
  /** The server of each group that has last given an answer that could be used: it is asked first. */
  readonly #answering = new Map<GroupId, string>();
  #wake: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  /** Does nothing before {@link start}. */
  constructor(options: MoverOptions) {
    this.#options = options;
  }

  /** Begins. */
  start(): void {
    this.#running = this.#run().catch((error) => this.#options.onFailed(error));
  }

  /** There may be something new to do. */
  wake(): void {
    this.#wake?.();
  }

  /** Ends, once what is under way has come to an end. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the mover has stopped"));
    this.wake();
    await this.#running;
  }

  get #leads(): boolean {
    const { replica } = this.#options;
    return !this.#stop.signal.aborted && replica.leader === replica.id;
  }

  async #run(): Promise<void> {
    const { clock, pollMs } = this.#options;
    let polledMs = -Infinity;
    while (!this.#stop.signal.aborted) {
      this.#work();
      if (this.#leads && clock.monotonicMs() >= polledMs + pollMs) {
        await this.#takeConfigurations();
        polledMs = clock.monotonicMs();
        this.#work();
      }
      if (!this.#stop.signal.aborted) await this.#pause(pollMs);
    }
  }

  /** Resolves after the time, or when there is something new to do. */
  async #pause(pauseMs: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await sleep(this.#options.clock, pauseMs, woken.signal).catch(() => {});
    this.#wake = null;
  }

  /** Begins whatever the state says is to be done and is not under way. */
  #work(): void {
    if (!this.#leads) return;
    const { machine } = this.#options;
    for (const [shard, copy] of machine.state.gaining) {
      if (this.#fetching.size >= mostAtOnce) break;
      if (this.#fetching.has(shard)) continue;
      this.#fetching.add(shard);
      this.#attempt(this.#fetch(shard, copy, machine.number), () => this.#fetching.delete(shard));
    }
    for (const [key, obligation] of machine.state.obligations) {
      if (this.#dropping.size >= mostAtOnce) break;
      if (this.#dropping.has(key)) continue;
      this.#dropping.add(key);
      this.#attempt(this.#drop(obligation), () => this.#dropping.delete(key));
    }
  }

  /** Lets a step run; one that has failed is begun again after a while, since the state says so. */
  #attempt(step: Promise<boolean>, onEnd: () => void): void {
    const { clock, pollMs } = this.#options;
    const end = (): void => {
      onEnd();
      this.wake();
    };
    step.then(async (isDone) => {
      if (!isDone) await sleep(clock, pollMs, this.#stop.signal).catch(() => {});
      end();
    }).catch((error) => this.#options.onFailed(error));
  }

  /** Takes one configuration after the other, until one has shards that must come first, or there is none. */
  async #takeConfigurations(): Promise<void> {
    const { machine, configurations, askTimeoutMs } = this.#options;
    while (this.#leads && machine.state.gaining.size === 0) {
      const number = machine.number + 1;
      try {
        const configuration = await configurations.at(number, { timeoutMs: 4 * askTimeoutMs });
        if (configuration === null) return;
        const result = await this.#submit({ kind: "configure", configuration });
        if (result?.kind !== "accepted") return;
      } catch (error) {
        if (error instanceof ClerkError) return;
        throw error;
      }
      this.#work();
    }
  }

  /** Fetches a shard to the end; false when it could not be done now. */
  async #fetch(shard: number, copy: GainingShard, number: number): Promise<boolean> {
    const { machine } = this.#options;
    const isWanted = (): boolean =>
      this.#leads && machine.number === number && machine.state.gaining.get(shard) === copy;
    while (isWanted()) {
      const piece = await this.#askAll(
        copy,
        fetchToCbor(copy.group, shard, number, copy.bytes),
        (reply) => pieceFromReply(shard, reply),
      );
      if (piece === null) return false;
      if (!isWanted()) break;
      const result = await this.#submit({ kind: "install", number, piece });
      if (result?.kind !== "accepted") return false;
    }
    return true;
  }

  /** Has a former owner drop its copy, and notes that it has; false when it could not be done now. */
  async #drop(obligation: Obligation): Promise<boolean> {
    const { shard, frozenAt, group } = obligation;
    const isDropped = await this.#askAll(
      obligation,
      dropToCbor(group, obligation),
      (reply) => isDone(reply) ? true : null,
    );
    if (isDropped === null || !this.#options.machine.state.obligations.has(copyKey(obligation))) return false;
    const result = await this.#submit({ kind: "confirmed", shard, frozenAt, group });
    return result?.kind === "accepted";
  }

  /**
   * Asks one server of a group after the other, until one gives an answer that `read` can use. Begins with the one that did
   * so last: one that is down must not cost its time for each piece of a shard.
   */
  async #askAll<Answer>(
    { group, servers }: Pick<Obligation, "group" | "servers">,
    request: CborValue,
    read: (reply: CborValue) => Answer | null,
  ): Promise<Answer | null> {
    const { connections, askTimeoutMs } = this.#options;
    const answering = this.#answering.get(group);
    const inTurn = answering === undefined || !servers.includes(answering)
      ? servers
      : [answering, ...servers.filter((address) => address !== answering)];
    for (const address of inTurn) {
      if (!this.#leads) return null;
      const reply = await connections.ask({ address, clusterId: clusterIdOf(group) }, request, askTimeoutMs);
      if (reply === null) continue;
      try {
        const answer = read(reply);
        if (answer === null) continue;
        this.#answering.set(group, address);
        return answer;
      } catch (error) {
        // Whatever this server is, it does not speak our protocol.
        if (!(error instanceof ShapeError)) throw error;
      }
    }
    return null;
  }

  /** The command's result; null when it was not done, or nobody knows: the state will tell. */
  async #submit(command: GroupCommand): Promise<GroupResult | null> {
    try {
      return await this.#options.replica.submit(command, { timeoutMs: submitTimeoutMs, signal: this.#stop.signal });
    } catch (error) {
      if (error instanceof NotDoneError || error instanceof UnknownOutcomeError) return null;
      throw error;
    }
  }
}
