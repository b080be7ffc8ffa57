/**
 * The shard controller: who keeps the configurations, and how they are changed.
 *
 * The controller is an ordinary key/value cluster, and this is its client. Configuration n is the value of the key
 * `shards/n`, written once and never changed; `shards/latest` holds the number of the newest. A change is one
 * transaction: if the newest is still the one that the change was computed from, the next one is written and becomes the
 * newest. Whoever was slower computes again. So any number of controllers may work at a time, one that comes back after
 * a long absence can do no harm, and a call that had to be sent twice changes things once, by the Clerk's session.
 *
 * Nothing here is on the way of a client's call: groups and clients read the configurations when they change.
 *
 * @module
 */
import { decodeCbor, encodeCbor } from "../../raft/encoding/cbor.ts";
import { sleep } from "../../raft/node/clock.ts";
import { realPlatform } from "../../raft/open.ts";
import { Clerk } from "../clerk.ts";
import { type CallOptions, type ClerkOptions, type GetOptions, type SharedTime, sharedTime } from "../clerk_options.ts";
import { ClerkError } from "../errors.ts";
import { Connections } from "./connections.ts";
import { type GroupReport, hasSettled, reportsOf, waitingFor } from "./group_reports.ts";
import { configurationFromCbor, configurationToCbor } from "./configuration_codec.ts";
import {
  defaultShardCount,
  firstConfiguration,
  type GroupId,
  type Groups,
  join,
  leave,
  maxShardCount,
  move,
  rebalance,
  type ShardChange,
  type ShardConfiguration,
} from "./shard_config.ts";

/** Settings of a controller's client. */
export interface ShardControllerOptions extends ClerkOptions {
  /** Shards, if nobody has made the first configuration yet: 1 to 4096; 256 unless given. */
  readonly shardCount?: number;
}

/** How long a server of a group may take to say how it is, unless the client's attempts have another limit. Milliseconds. */
const defaultStatusTimeoutMs = 1_000;

/** How often {@link ShardController.settled} looks, in milliseconds. */
const settlePollMs = 50;

const latestKey = "shards/latest";

function keyOf(number: number): string {
  return `shards/${number}`;
}

/** Reads configurations; leaves nothing behind at the controller's servers. */
export class ConfigurationReader implements AsyncDisposable {
  readonly #clerk: Clerk;
  readonly #timeoutMs: number | undefined;

  /** `servers` are those of the controller, `HOST:PORT`. */
  constructor(servers: readonly string[], options: ClerkOptions = {}) {
    this.#clerk = new Clerk(servers, { ...options, sessions: false });
    this.#timeoutMs = options.timeoutMs;
  }

  /** The newest configuration; null while nobody has made any. */
  latest(options: CallOptions = {}): Promise<ShardConfiguration | null> {
    return newestConfiguration(this.#clerk, sharedTime(options, this.#clerk.clock, this.#timeoutMs));
  }

  /** The configuration of that number; null if there is none, yet or at all. */
  async at(number: number, options: GetOptions = {}): Promise<ShardConfiguration | null> {
    return await configurationAt(this.#clerk, number, options);
  }

  /** Ends all calls. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#clerk.close();
  }
}

/**
 * Changes configurations. A call fails with a {@link ClerkError} when the controller's servers cannot be reached in time;
 * with code "unknown" the change may have been made, which {@link query} shows.
 *
 * @example A controller on one server, and two groups
 * ```ts
 * import { KvServer, ShardController } from "@balsa/balsa";
 *
 * const dataDir = await Deno.makeTempDir();
 * await using server = await KvServer.start({ id: "c1", listen: "127.0.0.1:0", peers: { c1: "127.0.0.1:0" }, dataDir });
 * await using controller = new ShardController([server.address], { shardCount: 6 });
 * await controller.join({ 1: ["127.0.0.1:7101"], 2: ["127.0.0.1:7201"] });
 * console.log((await controller.query())?.shards); // [ 1, 1, 1, 2, 2, 2 ]
 * console.log((await controller.leave([3])).kind); // unknownGroup
 * ```
 */
export class ShardController implements AsyncDisposable {
  readonly #clerk: Clerk;
  readonly #connections: Connections;
  readonly #statusTimeoutMs: number;
  readonly #timeoutMs: number | undefined;
  readonly #shardCount: number;

  /** `servers` are those of the controller, `HOST:PORT`: at least one, better all. */
  constructor(servers: readonly string[], options: ShardControllerOptions = {}) {
    const { shardCount = defaultShardCount, ...clerkOptions } = options;
    if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > maxShardCount) {
      throw new ClerkError("invalid", `Cannot make ${shardCount} shards: use 1 to ${maxShardCount}`);
    }
    this.#shardCount = shardCount;
    this.#clerk = new Clerk(servers, clerkOptions);
    const { network = realPlatform.network, attemptTimeoutMs = defaultStatusTimeoutMs, timeoutMs } = options;
    this.#statusTimeoutMs = attemptTimeoutMs;
    this.#timeoutMs = timeoutMs;
    this.#connections = new Connections({ network, clock: this.#clerk.clock, connectTimeoutMs: attemptTimeoutMs });
  }

  /** Takes new groups in, and gives them their share of the shards. */
  join(groups: Groups, options: CallOptions = {}): Promise<ShardChange> {
    return this.#change((configuration) => join(configuration, groups), options);
  }

  /** Lets groups go. Their servers must run until the others have fetched what they had. */
  leave(groups: readonly GroupId[], options: CallOptions = {}): Promise<ShardChange> {
    return this.#change((configuration) => leave(configuration, groups), options);
  }

  /** Gives one shard to a group, until the next change of the groups. */
  move(shard: number, group: GroupId, options: CallOptions = {}): Promise<ShardChange> {
    return this.#change((configuration) => move(configuration, shard, group), options);
  }

  /** Gives each group its share again, after moves. */
  rebalance(options: CallOptions = {}): Promise<ShardChange> {
    return this.#change(rebalance, options);
  }

  /**
   * The configuration of that number, the newest unless given; null for one that is not there yet. Makes the first one if
   * there is none.
   */
  async query(number?: number, options: CallOptions = {}): Promise<ShardConfiguration | null> {
    const limits = this.#shared(options);
    const latest = await this.#latest(limits);
    if (number === undefined || number === latest.number) return latest;
    return await configurationAt(this.#clerk, number, limits);
  }

  /** What each group of a configuration, the newest unless given, says of itself. */
  async statuses(configuration?: ShardConfiguration, options: CallOptions = {}): Promise<readonly GroupReport[]> {
    const asked = configuration ?? await this.#latest(this.#shared(options));
    return await reportsOf(asked, this.#connections, this.#statusTimeoutMs);
  }

  /**
   * Waits until all shards are where the newest configuration, or one of at least that number, wants them; resolves with
   * that configuration. The wait ends only with the call's time, or its signal, if a group is down that has to give a shard.
   */
  async settled(number = 0, options: CallOptions = {}): Promise<ShardConfiguration> {
    const { clock } = this.#clerk;
    const limits = sharedTime(options, clock);
    const { timeoutMs, sinceMs, signal } = limits;
    for (;;) {
      const configuration = await this.#latest(limits);
      const reports = await reportsOf(configuration, this.#connections, this.#statusTimeoutMs);
      if (configuration.number >= number && reports.every((report) => hasSettled(report, configuration))) {
        return configuration;
      }
      const restMs = sinceMs + timeoutMs - clock.monotonicMs();
      await sleep(clock, Math.max(0, Math.min(settlePollMs, restMs)), signal).catch(() => {});
      if (signal?.aborted) {
        throw new ClerkError("aborted", "Cannot wait for the shards to be moved: the signal was aborted");
      }
      if (restMs <= settlePollMs) {
        throw new ClerkError(
          "timeout",
          `Cannot see all shards moved within ${timeoutMs} ms: ${waitingFor(reports, configuration)}`,
        );
      }
    }
  }

  /** Ends all calls. A change that is under way may yet be made. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#clerk.close(), this.#connections.close()]);
  }

  async #change(
    change: (configuration: ShardConfiguration) => ShardChange,
    options: CallOptions,
  ): Promise<ShardChange> {
    const limits = this.#shared(options);
    for (;;) {
      const latest = await this.#latest(limits);
      const outcome = change(latest);
      if (outcome.kind !== "changed") return outcome;
      const compare = { key: latestKey, value: String(latest.number) };
      if (await this.#write(outcome.configuration, compare, limits)) return outcome;
    }
  }

  async #latest(limits: SharedTime<CallOptions>): Promise<ShardConfiguration> {
    for (;;) {
      const found = await newestConfiguration(this.#clerk, limits);
      if (found !== null) return found;
      await this.#write(firstConfiguration(this.#shardCount), { key: latestKey, absent: true }, limits);
    }
  }

  #shared<Options extends CallOptions>(options: Options): SharedTime<Options> {
    return sharedTime(options, this.#clerk.clock, this.#timeoutMs);
  }

  #write(
    configuration: ShardConfiguration,
    compare: { readonly key: string; readonly value: string } | { readonly key: string; readonly absent: true },
    options: CallOptions,
  ): Promise<boolean> {
    const { number } = configuration;
    const value = encodeCbor(configurationToCbor(configuration));
    const then = [{ kind: "put", key: keyOf(number), value }, {
      kind: "put",
      key: latestKey,
      value: String(number),
    }] as const;
    return this.#clerk.transaction({ compare: [compare], then }, options);
  }
}

async function newestConfiguration(clerk: Clerk, limits: SharedTime<CallOptions>): Promise<ShardConfiguration | null> {
  try {
    const text = await clerk.get(latestKey, limits);
    return text === "" ? null : await configurationAt(clerk, Number(text), limits);
  } catch (error) {
    if (!(error instanceof ClerkError && error.code === "timeout")) throw error;
    const text = `Cannot find out who has the shards: no answer from the controller within ${limits.timeoutMs} ms`;
    throw new ClerkError("timeout", text, { cause: error });
  }
}

async function configurationAt(
  clerk: Clerk,
  number: number,
  options: GetOptions,
): Promise<ShardConfiguration | null> {
  const { value } = await clerk.getValue(keyOf(number), options);
  return typeof value === "string" ? null : configurationFromCbor(decodeCbor(value));
}
