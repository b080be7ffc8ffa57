/**
 * The way to the coordinator that leads: asks one after the other until one answers. What is asked may be repeated without
 * harm (see `protocol.ts`), so there is no state to keep but the connection.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { type Clock, realClock, sleep } from "../raft/node/clock.ts";
import { type Random, realRandom } from "../raft/node/random.ts";
import { realPlatform } from "../raft/open.ts";
import type { Network } from "../raft/wire/network.ts";
import { RpcClient, type RpcOutcome } from "../raft/wire/rpc.ts";
import { CoordinatorUnreachableError, JobError } from "./errors.ts";
import { type Command, type CommandResult, type Request, resultFrom } from "./protocol.ts";
import { Fields } from "./shape.ts";
import { type CoordinatorNodeStatus, type MapReduceStatus, nodeStatusFrom, statusFrom } from "./status.ts";

/** Settings of a {@link CoordinatorClient}; all have defaults. */
export interface CoordinatorClientOptions {
  /** The cluster's name; coordinators of another one are refused. Whichever is there by default. */
  readonly clusterId?: string;
  /** A call that nobody answers for so long fails, in milliseconds; 30,000 unless given. */
  readonly giveUpMs?: number;
  /** A coordinator that answers nothing for so long is left for another one, in milliseconds; 2000 unless given. */
  readonly attemptTimeoutMs?: number;
  /** Told when a call has waited for three seconds and waits on, and why. Must not throw. */
  readonly onWaiting?: (text: string) => void;
  /** Ends all calls when aborted. */
  readonly signal?: AbortSignal;
  /** Sockets; the machine's own by default. */
  readonly network?: Network;
  /** Time; the machine's own by default. */
  readonly clock?: Clock;
  /** Randomness, for pauses; the machine's own by default. */
  readonly random?: Random;
}

/** Pauses after a turn without success grow from the first to the second. Milliseconds. */
const minPauseMs = 20;
const maxPauseMs = 500;

/** A call that has waited for so long says so: longer than an election usually takes. Milliseconds. */
const waitingAfterMs = 3000;

const longestText = 1_000_000;

/** See the module. */
export class CoordinatorClient implements Disposable {
  readonly #addresses: readonly string[];
  readonly #options: Required<Omit<CoordinatorClientOptions, "signal">>;
  readonly #signal: AbortSignal | undefined;
  #connection: RpcClient | null = null;
  /** The coordinator to dial next. */
  #next: string;
  #turn = 0;
  #isClosed = false;

  /** `addresses` are coordinators of the cluster, `HOST:PORT`: at least one, better all. Nothing is dialled before a call. */
  constructor(addresses: readonly string[], options: CoordinatorClientOptions = {}) {
    const [first] = addresses;
    if (first === undefined) throw new JobError("Cannot find the coordinators: give at least one HOST:PORT");
    this.#addresses = [...addresses];
    this.#next = first;
    this.#signal = options.signal;
    this.#options = {
      clusterId: options.clusterId ?? "",
      giveUpMs: options.giveUpMs ?? 30_000,
      attemptTimeoutMs: options.attemptTimeoutMs ?? 2000,
      onWaiting: options.onWaiting ?? (() => {}),
      network: options.network ?? realPlatform.network,
      clock: options.clock ?? realClock,
      random: options.random ?? realRandom,
    };
  }

  /** Has a command executed. */
  async command(command: Command): Promise<CommandResult> {
    return resultFrom(await this.#call(command));
  }

  /** Jobs and workers; with `job` only that job. */
  async status(job: string | null = null): Promise<MapReduceStatus> {
    return statusFrom(await this.#call({ kind: "status", job }));
  }

  /** How the coordinator at one address is; asks no other. Rejects when it does not answer. */
  async nodeStatus(address: string): Promise<CoordinatorNodeStatus> {
    const connection = await this.#dial(address);
    try {
      const outcome = await this.#ask(connection, { kind: "node" });
      if (outcome.kind !== "reply") throw new CoordinatorUnreachableError(`Cannot ask ${address}: ${outcome.reason}`);
      return nodeStatusFrom(new Fields(outcome.body, "a reply").value("value"));
    } finally {
      connection.close();
    }
  }

  /** Hangs up. Calls under way are not answered any more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#connection?.close("the client was closed");
    this.#connection = null;
  }

  async #call(request: Request): Promise<CborValue> {
    const { clock, giveUpMs, onWaiting } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const seconds = Math.round(giveUpMs / 1000);
    let reason = "nobody was asked";
    let hasTold = false;
    for (let tries = 1;; tries++) {
      this.#signal?.throwIfAborted();
      if (this.#isClosed) throw new CoordinatorUnreachableError("Cannot ask a coordinator: the client was closed");
      const reply = await this.#try(request);
      if (reply.kind === "value") return reply.value;
      reason = reply.reason;
      const waitedMs = clock.monotonicMs() - startedAtMs;
      if (waitedMs >= giveUpMs) break;
      if (waitedMs >= waitingAfterMs && !hasTold) {
        onWaiting(`no coordinator that leads has answered yet (${reason}); they are asked for ${seconds} s altogether`);
        hasTold = true;
      }
      await this.#pause(tries);
    }
    throw new CoordinatorUnreachableError(
      `Cannot reach a coordinator that leads at ${this.#addresses.join(", ")}: none has answered for ${seconds} s ` +
        `(${reason}); see whether a majority of them runs, or give other addresses`,
    );
  }

  /** Asks one coordinator. */
  async #try(request: Request): Promise<{ kind: "value"; value: CborValue } | { kind: "again"; reason: string }> {
    const again = (reason: string, next: string | null = null): { kind: "again"; reason: string } => {
      this.#connection?.close("another coordinator leads");
      this.#connection = null;
      this.#next = next ?? this.#addresses[++this.#turn % this.#addresses.length] ?? this.#next;
      return { kind: "again", reason };
    };
    const address = this.#next;
    let outcome: RpcOutcome;
    try {
      if (this.#connection?.isOpen !== true) this.#connection = await this.#dial(address);
      outcome = await this.#ask(this.#connection, request);
    } catch (error) {
      return again(`${address}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (outcome.kind !== "reply") return again(`${address}: ${outcome.reason}`);
    const reply = new Fields(outcome.body, "a reply");
    const kind = reply.choice("kind", ["ok", "notLeader", "unavailable", "badRequest"] as const);
    switch (kind) {
      case "ok":
        return { kind: "value", value: reply.value("value") };
      case "notLeader":
        return again(`${address} does not lead`, reply.textOrNull("address", longestText));
      case "unavailable":
        return again(`${address}: ${reply.text("message", longestText)}`);
      case "badRequest":
        throw new JobError(`The coordinator refused it: ${reply.text("message", longestText)}`);
    }
  }

  async #dial(address: string): Promise<RpcClient> {
    const { network, clock, clusterId, attemptTimeoutMs } = this.#options;
    const signal = this.#signal;
    return await RpcClient.connect(network, address, {
      ...{ clock, clusterId, timeoutMs: attemptTimeoutMs },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #ask(connection: RpcClient, request: Request): Promise<RpcOutcome> {
    const { clock, attemptTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(attemptTimeoutMs, () => {
        giveUp();
        connection.close("no answer in time");
        resolve({ kind: "lost", reason: `no answer for ${attemptTimeoutMs} ms` });
      });
      const giveUp = connection.call(request, (outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }

  /** At once to the next coordinator within a turn; a pause after each turn, longer each time. */
  async #pause(tries: number): Promise<void> {
    const turns = Math.floor(tries / this.#addresses.length);
    if (tries % this.#addresses.length !== 0) return;
    const { clock, random } = this.#options;
    const pauseMs = Math.min(minPauseMs * 2 ** Math.min(turns - 1, 10), maxPauseMs);
    await sleep(clock, pauseMs * (0.5 + 0.5 * random.next()), this.#signal);
  }
}
